// Messages from Python (s2s_core/output/map_data.py): a JSON head and blobs behind it, deflated.

export interface ScaleHead {
  label: string;
  low: number;
  high: number;
  palette: string;
  categories: [string, string][];
  image: boolean;
}

export interface MapHead {
  title: string;
  scale: string;
}

export interface PlaceHead {
  kind: "place";
  key: string;
  shape: [number, number];
  hex: boolean;
  row0: number;
  col0: number;
  parity: number;
  affine: [number, number][];
  frame: [number, number, number, number];
  count: number;
  micrometres: number | null;
  image: { extent: [number, number, number, number] } | null;
}

export interface MapsHead {
  kind: "maps";
  place: string;
  title: string;
  summary: string;
  unit: string;
  maps: MapHead[];
  layers: { bytes: 1 | 2; low: number; step: number }[];
  scales: Record<string, ScaleHead>;
  interval: string | null;
  tools: string[];
  drawing: "replace" | "add" | "remove";
  name: string;
  height: number;
  marked: boolean;
}

export interface Message<H> {
  head: H;
  blobs: Map<string, Uint8Array>;
}

export type Any = Message<PlaceHead | MapsHead>;

async function through(bytes: Uint8Array, way: GenericTransformStream): Promise<Uint8Array> {
  const stream = new Blob([bytes as BlobPart]).stream().pipeThrough(way as ReadableWritablePair);
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

export async function unpack(bytes: Uint8Array): Promise<Any> {
  const raw = await through(bytes, new DecompressionStream("deflate"));
  const length = new DataView(raw.buffer).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(raw.subarray(4, 4 + length)));
  const blobs = new Map<string, Uint8Array>();
  for (const [name, [at, size]] of Object.entries(head.blobs as Record<string, number[]>)) {
    // A copy: views of two and four bytes must begin at even places.
    blobs.set(name, raw.slice(4 + length + at, 4 + length + at + size));
  }
  return { head, blobs };
}

/** Bits (little end first) of a packed array as bytes 0 and 1. */
export function bits(packed: Uint8Array, count: number): Uint8Array {
  const out = new Uint8Array(count);
  for (let i = 0; i < count; i++) out[i] = (packed[i >> 3] >> (i & 7)) & 1;
  return out;
}

/** Positions as deflated bits in base64, as Python's drawn_from reads them. */
export async function packedBits(inside: Uint8Array): Promise<string> {
  const packed = new Uint8Array(Math.ceil(inside.length / 8));
  inside.forEach((on, i) => {
    if (on) packed[i >> 3] |= 1 << (i & 7);
  });
  const small = await through(packed, new CompressionStream("deflate"));
  let text = "";
  for (const byte of small) text += String.fromCharCode(byte);
  return btoa(text);
}
