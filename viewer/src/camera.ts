// What is seen: one zoom, place and turn that all maps of a viewer share.

import { ZoomTransform, zoomIdentity } from "d3-zoom";
import { Affine, chain } from "./place";

export type Frame = [number, number, number, number];

export class Camera {
  /** Zoom and place, in pixels of a pane, upon the view that shows everything. */
  transform: ZoomTransform = zoomIdentity;
  /** Quarter turns clockwise, after the flip left to right. */
  turns = 0;
  flipped = false;
  width = 1;
  height = 1;

  constructor(public frame: Frame) {}

  /** Width and height of everything, turned. */
  get extent(): [number, number] {
    const [x0, x1, y0, y1] = this.frame;
    return this.turns % 2 ? [y1 - y0, x1 - x0] : [x1 - x0, y1 - y0];
  }

  private get fit(): number {
    const [w, h] = this.extent;
    return Math.min(this.width / w, this.height / h);
  }

  /** Screen pixels per unit of the section. */
  get scale(): number {
    return this.fit * this.transform.k;
  }

  /** From the section's coordinates to pixels of a pane. */
  get toScreen(): Affine {
    const [x0, x1, y0, y1] = this.frame;
    const s = this.fit;
    const f = this.flipped ? -1 : 1;
    const cos = [1, 0, -1, 0][this.turns % 4];
    const sin = [0, 1, 0, -1][this.turns % 4];
    const middle: Affine = [1, 0, 0, 1, -(x0 + x1) / 2, -(y0 + y1) / 2];
    const turned: Affine = [f * s * cos, f * s * sin, -s * sin, s * cos, this.width / 2, this.height / 2];
    const { k, x, y } = this.transform;
    return chain([k, 0, 0, k, x, y], chain(turned, middle));
  }

  /** Another size of the panes, with the same point in the middle and the same zoom. */
  resize(width: number, height: number): void {
    const before = this.fit;
    const { k, x, y } = this.transform;
    const [mx, my] = [(this.width / 2 - x) / k - this.width / 2, (this.height / 2 - y) / k - this.height / 2];
    this.width = width;
    this.height = height;
    const ratio = k === 1 && x === 0 && y === 0 ? 0 : this.fit / before;
    this.transform = zoomIdentity
      .translate(width / 2, height / 2)
      .scale(k)
      .translate(-width / 2 - mx * ratio, -height / 2 - my * ratio);
  }

  turn(quarters: number, flip = false): void {
    if (flip) {
      this.flipped = !this.flipped;
      // The flip comes before the turn: seen on the screen it is still left to right.
      if (this.turns % 2) this.turns += 2;
    }
    this.turns = (this.turns + quarters + 4) % 4;
    this.transform = zoomIdentity;
  }
}
