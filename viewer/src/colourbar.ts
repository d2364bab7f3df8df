// A colour bar whose ends are handles: what they stand on is the range of the colours.

import { el, told } from "./dom";

const WIDTH = 256;

export class ColourBar {
  readonly node: HTMLElement;
  private canvas = el("canvas", { width: WIDTH, height: 1 });
  private ends: HTMLElement[];
  private words: HTMLElement[];
  private range: [number, number];

  constructor(
    label: string,
    private palette: Uint8Array,
    /** Least and greatest value that the bar can show. */
    private limits: [number, number],
    private first: [number, number],
    now: [number, number],
    private changed: (range: [number, number]) => void,
  ) {
    this.range = now;
    this.ends = [0, 1].map((end) =>
      el("span", {
        class: "end", role: "slider", tabindex: 0,
        "aria-label": `${end ? "Highest" : "Lowest"} colour: ${label}`,
        "aria-valuemin": limits[0], "aria-valuemax": limits[1],
        pointerdown: (e: PointerEvent) => this.grab(e, end),
        keydown: (e: KeyboardEvent) => this.key(e, end),
      }),
    );
    this.words = [el("span", { class: "low" }), el("span", { class: "high" })];
    const track = el("div", { class: "track" }, this.canvas, ...this.ends);
    this.node = el(
      "div",
      { class: "colours", title: "Drag the ends to change the range of the colours; double-click to undo", dblclick: () => this.set([...this.first]) },
      el("span", { class: "label" }, label), this.words[0], track, this.words[1],
    );
    this.show();
  }

  private get step(): number {
    return (this.limits[1] - this.limits[0]) / 100;
  }

  private set(range: [number, number]): void {
    this.range = range;
    this.show();
    this.changed(range);
  }

  private move(end: number, value: number): void {
    const next: [number, number] = [...this.range];
    const [low, high] = this.limits;
    next[end] = Math.min(high, Math.max(low, value));
    if (next[1] - next[0] < this.step) return;
    this.set(next);
  }

  private grab(event: PointerEvent, end: number): void {
    const track = this.canvas.getBoundingClientRect();
    const target = event.currentTarget as HTMLElement;
    target.setPointerCapture(event.pointerId);
    const drag = (e: PointerEvent) =>
      this.move(end, this.limits[0] + ((e.clientX - track.left) / track.width) * (this.limits[1] - this.limits[0]));
    const drop = () => target.removeEventListener("pointermove", drag);
    target.addEventListener("pointermove", drag);
    target.addEventListener("pointerup", drop, { once: true });
    target.addEventListener("pointercancel", drop, { once: true });
  }

  private key(event: KeyboardEvent, end: number): void {
    const by = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageUp: 10, PageDown: -10 }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    this.move(end, this.range[end] + by * this.step);
  }

  private show(): void {
    const [low, high] = this.limits;
    const share = this.range.map((v) => (v - low) / (high - low || 1));
    this.ends.forEach((node, i) => {
      node.style.left = `${100 * Math.min(1, Math.max(0, share[i]))}%`;
      node.setAttribute("aria-valuenow", String(this.range[i]));
      node.setAttribute("aria-valuetext", told(this.range[i], this.step));
    });
    this.words.forEach((node, i) => (node.textContent = told(this.range[i], this.step)));
    const pixels = new ImageData(WIDTH, 1);
    for (let i = 0; i < WIDTH; i++) {
      const t = (i / (WIDTH - 1) - share[0]) / (share[1] - share[0] || 1);
      const at = 3 * Math.round(255 * Math.min(1, Math.max(0, t)));
      pixels.data.set([...this.palette.subarray(at, at + 3), 255], 4 * i);
    }
    this.canvas.getContext("2d")!.putImageData(pixels, 0, 0);
  }
}
