// One map on the page: title, the area that is drawn on, cross-hair, scale bar, what is drawn by hand.

import { Camera } from "./camera";
import { el, round125, svg } from "./dom";
import { Point } from "./draw";
import { Place } from "./place";

export class Pane {
  readonly node: HTMLElement;
  readonly title: HTMLElement;
  readonly area: HTMLElement;
  readonly overlay: SVGElement;
  private cross = svg("g", { class: "cross", visibility: "hidden" });
  private line = svg("path", { class: "line" });
  private bar = svg("g", { class: "bar" });

  constructor(readonly map: number) {
    this.overlay = svg("svg", { class: "over", "aria-hidden": "true" }, this.bar, this.line, this.cross);
    this.cross.append(svg("path", {}), svg("circle", { r: 5 }));
    this.area = el("div", { class: "area", tabindex: 0, role: "application" }, this.overlay);
    this.title = el("figcaption");
    this.node = el("figure", { class: "pane" }, this.title, this.area);
  }

  crossAt(point: Point | null): void {
    this.cross.setAttribute("visibility", point ? "visible" : "hidden");
    if (!point) return;
    const [x, y] = point;
    const [path, circle] = this.cross.children;
    path.setAttribute("d", `M0 ${y}H${x - 8}M${x + 8} ${y}H9999M${x} 0V${y - 8}M${x} ${y + 8}V9999`);
    circle.setAttribute("cx", String(x));
    circle.setAttribute("cy", String(y));
  }

  showLine(line: Point[], closed: boolean, width: number): void {
    this.line.setAttribute("d", line.length ? `M${line.map((p) => p.join(" ")).join("L")}${closed ? "Z" : ""}` : "");
    this.line.setAttribute("stroke-width", String(width));
    this.line.classList.toggle("wide", width > 4);
  }

  showScale(scale: BarOfScale): void {
    this.bar.replaceChildren(...barParts(scale, 10, scale.height - 10));
  }
}

export interface BarOfScale {
  pixels: number;
  words: string;
  height: number;
}

/** A bar of a round length: micrometres where the unit is known, else spot spacings. */
export function scaleBar(place: Place, camera: Camera): BarOfScale {
  const wanted = Math.min(120, camera.width / 3);
  const um = place.head.micrometres;
  const unit = um === null ? place.pitch : 1 / um;
  const length = round125(wanted / (camera.scale * unit));
  const words =
    um === null ? `${length.toLocaleString("en-GB")} spot spacings`
    : length >= 1000 ? `${length / 1000} mm` : `${length} µm`;
  return { pixels: length * unit * camera.scale, words, height: camera.height };
}

export function barParts(scale: BarOfScale, x: number, y: number): SVGElement[] {
  const path = `M${x} ${y - 4}v4h${scale.pixels.toFixed(2)}v-4`;
  return [
    svg("path", { d: path, class: "halo" }),
    svg("path", { d: path, class: "rule" }),
    svg("text", { x: x + scale.pixels / 2, y: y - 7, "text-anchor": "middle", class: "halo" }, scale.words),
    svg("text", { x: x + scale.pixels / 2, y: y - 7, "text-anchor": "middle" }, scale.words),
  ];
}

/** Columns and pane height that show maps largest in a space. */
export function arrange(count: number, width: number, height: number, aspect: number, extra: number): [number, number] {
  let best: [number, number] = [1, 160];
  let most = -1;
  for (let columns = 1; columns <= Math.min(count, 4); columns++) {
    if (columns > 1 && width / columns < 150) break;
    const rows = Math.ceil(count / columns);
    const w = width / columns - 8;
    const h = Math.max(150, Math.min(w * aspect, height / rows - extra));
    // Area that the tissue fills, less what would lie below the fold.
    const fill = Math.min(w, h / aspect) * Math.min(h, w * aspect);
    const worth = fill * Math.min(1, height / (rows * (h + extra)));
    if (worth > most * 1.02) [most, best] = [worth, [columns, h]];
  }
  return best;
}
