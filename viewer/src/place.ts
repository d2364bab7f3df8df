// Where positions are: a lattice of hexagons or squares, and the way from coordinates to positions.

import { Message, PlaceHead } from "./protocol";

export const HEX_ROW = Math.sqrt(3) / 2;
export const PALETTES = ["Viridis", "Cividis", "Plasma", "RdBu_r"];

/** A linear map of the plane: x' = a x + c y + e, y' = b x + d y + f. */
export type Affine = [number, number, number, number, number, number];

export function apply(m: Affine, x: number, y: number): [number, number] {
  return [m[0] * x + m[2] * y + m[4], m[1] * x + m[3] * y + m[5]];
}

export function invert(m: Affine): Affine {
  const [a, b, c, d, e, f] = m;
  const det = a * d - b * c;
  return [d / det, -b / det, -c / det, a / det, (c * f - d * e) / det, (b * e - a * f) / det];
}

/** First n, then m. */
export function chain(m: Affine, n: Affine): Affine {
  const [e, f] = apply(m, n[4], n[5]);
  return [
    m[0] * n[0] + m[2] * n[1],
    m[1] * n[0] + m[3] * n[1],
    m[0] * n[2] + m[2] * n[3],
    m[1] * n[2] + m[3] * n[3],
    e,
    f,
  ];
}

export class Place {
  readonly head: PlaceHead;
  /** Pixel (row-major) of every position. */
  readonly pixels: Int32Array;
  /** Position of every pixel, -1 outside the tissue. */
  readonly index: Int32Array;
  /** From lattice coordinates of pixel (0, 0)'s frame to the section's own, and back. */
  readonly toXy: Affine;
  readonly toUv: Affine;
  /** 1 where odd array rows of pixel row 0 are shifted by half a step. */
  readonly shift: number;
  readonly palettes: Map<string, Uint8Array>;
  readonly ids: string[] | null;
  image: ImageBitmap | null = null;
  /** The tissue image as it came, for pictures that are saved. */
  readonly imageBytes: Uint8Array | null;

  constructor(message: Message<PlaceHead>) {
    const { head, blobs } = message;
    this.head = head;
    const steps = new Int32Array(blobs.get("pixels")!.buffer);
    this.pixels = new Int32Array(head.count);
    this.index = new Int32Array(head.shape[0] * head.shape[1]).fill(-1);
    for (let i = 0, at = 0; i < head.count; i++) {
      at += steps[i];
      this.pixels[i] = at;
      this.index[at] = i;
    }
    const [[a, b], [c, d], [e, f]] = head.affine;
    const v0 = head.hex ? head.row0 * HEX_ROW : head.row0;
    const origin = apply([a, b, c, d, e, f], head.col0, v0);
    this.toXy = [a, b, c, d, origin[0], origin[1]];
    this.toUv = invert(this.toXy);
    this.shift = head.hex ? (((head.row0 + head.parity) % 2) + 2) % 2 : 0;
    this.palettes = new Map(PALETTES.map((p) => [p, blobs.get(`palette ${p}`)!]));
    const ids = blobs.get("ids");
    this.ids = ids ? new TextDecoder().decode(ids).split("\n") : null;
    this.imageBytes = blobs.get("image") ?? null;
  }

  /** Lattice coordinates of a pixel. */
  uv(row: number, col: number): [number, number] {
    if (!this.head.hex) return [col, row];
    return [col + 0.5 * ((row + this.shift) & 1), row * HEX_ROW];
  }

  /** Centre of a position in the section's unit. */
  centre(position: number): [number, number] {
    const cols = this.head.shape[1];
    const pixel = this.pixels[position];
    const row = Math.floor(pixel / cols);
    return apply(this.toXy, ...this.uv(row, pixel - row * cols));
  }

  /** Corners of a position's cell in the section's unit. */
  corners(position: number): [number, number][] {
    const cols = this.head.shape[1];
    const row = Math.floor(this.pixels[position] / cols);
    const [u, v] = this.uv(row, this.pixels[position] - row * cols);
    const count = this.head.hex ? 6 : 4;
    const radius = this.head.hex ? 1 / Math.sqrt(3) : Math.SQRT1_2;
    const first = this.head.hex ? Math.PI / 6 : Math.PI / 4;
    return Array.from({ length: count }, (_, i) => {
      const angle = first + (2 * Math.PI * i) / count;
      return apply(this.toXy, u + radius * Math.cos(angle), v + radius * Math.sin(angle));
    });
  }

  /** Position whose cell covers a point, -1 where there is none. */
  at(x: number, y: number): number {
    const [u, v] = apply(this.toUv, x, y);
    const [rows, cols] = this.head.shape;
    let row = Math.round(v);
    let col = Math.round(u);
    if (this.head.hex) {
      let least = Infinity;
      const first = Math.floor(v / HEX_ROW);
      for (const r of [first, first + 1]) {
        const half = 0.5 * ((r + this.shift) & 1);
        const c = Math.round(u - half);
        const far = (u - c - half) ** 2 + (v - r * HEX_ROW) ** 2;
        if (far < least) [least, row, col] = [far, r, c];
      }
    }
    if (row < 0 || col < 0 || row >= rows || col >= cols) return -1;
    return this.index[row * cols + col];
  }

  /** Distance of neighbouring positions in the section's unit. */
  get pitch(): number {
    return Math.hypot(this.toXy[0], this.toXy[1]);
  }

  name(position: number): string {
    if (this.ids) return this.ids[position];
    const cols = this.head.shape[1];
    const row = Math.floor(this.pixels[position] / cols);
    return `row ${row}, column ${this.pixels[position] - row * cols}`;
  }

  /** Decode the tissue image, once. */
  async decode(): Promise<void> {
    if (!this.imageBytes || this.image) return;
    const blob = new Blob([this.imageBytes as BlobPart], { type: "image/jpeg" });
    this.image = await createImageBitmap(blob);
  }
}
