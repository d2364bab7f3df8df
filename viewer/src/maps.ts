// The values of one message, ready to be read out and drawn.

import { Message, MapsHead, bits } from "./protocol";
import { PALETTES, Place } from "./place";

export const MEASURED = 1;
export const KNOWN = 2;
export const REGION = 4;

export class Maps {
  readonly head: MapsHead;
  readonly levels: (Uint8Array | Uint16Array)[];
  readonly state: Uint8Array;
  /** Ends of the colours of every scale, where the reader has put them. */
  readonly ranges = new Map<string, [number, number]>();
  /** Scales of categories, in the order of their rows behind the palettes. */
  readonly named: string[];

  constructor(message: Message<MapsHead>, place: Place) {
    const { head, blobs } = message;
    this.head = head;
    const count = place.head.count;
    this.levels = head.layers.map((layer, i) => {
      const raw = blobs.get(`layer ${i}`)!;
      return layer.bytes === 2 ? new Uint16Array(raw.buffer) : raw;
    });
    this.state = bits(blobs.get("measured")!, count);
    const known = bits(blobs.get("known")!, count);
    const region = blobs.get("region");
    const inside = region ? bits(region, count) : null;
    for (let i = 0; i < count; i++) {
      if (known[i]) this.state[i] |= KNOWN;
      if (inside?.[i]) this.state[i] |= REGION;
    }
    for (const [name, scale] of Object.entries(head.scales)) this.ranges.set(name, [scale.low, scale.high]);
    this.named = Object.keys(head.scales).filter((name) => head.scales[name].categories.length > 0);
  }

  value(layer: number, position: number): number {
    const level = this.levels[layer][position];
    const { low, step } = this.head.layers[layer];
    return level ? low + (level - 1) * step : NaN;
  }

  scaleOf(map: number) {
    return this.head.scales[this.head.maps[map].scale];
  }

  /** Row of the colours on the painter's table. */
  row(scale: string): number {
    const named = this.named.indexOf(scale);
    return named >= 0 ? PALETTES.length + named : PALETTES.indexOf(this.head.scales[scale].palette);
  }

  /** Levels to 0..1 along the colours. */
  along(map: number): [number, number] {
    const { low, step } = this.head.layers[map];
    const [from, to] = this.ranges.get(this.head.maps[map].scale)!;
    const spread = to - from || 1;
    return [step / spread, (low - step - from) / spread];
  }

  get outlined(): boolean {
    return this.state.some((s) => s & REGION);
  }

  stateWord(position: number): string {
    const s = this.state[position];
    return s & MEASURED ? "measured" : s & KNOWN ? "hidden" : "not measured";
  }
}
