// What pointer, wheel, fingers and keys do on the maps.

import { select } from "d3-selection";
import { ZoomBehavior, zoom, zoomIdentity } from "d3-zoom";
import { BRUSH, Point, boxLine, inside } from "./draw";
import { Pane } from "./pane";
import { apply, invert } from "./place";
import { rowsOf } from "./tooltip";
import type { Viewer } from "./viewer";

const MOST_ZOOM = 400;

export class Interaction {
  tool = "move";
  brush = BRUSH;
  private zooming: ZoomBehavior<HTMLElement, unknown>;
  private armed = false;
  private hintTimer = 0;
  private held: { pane: Pane; position: number } | null = null;

  constructor(private viewer: Viewer) {
    this.zooming = zoom<HTMLElement, unknown>()
      .scaleExtent([0.5, MOST_ZOOM])
      .extent(() => [[0, 0], [viewer.camera.width, viewer.camera.height]])
      .filter((e: any) => this.allowed(e))
      .wheelDelta((e) => -e.deltaY * (e.deltaMode === 1 ? 0.05 : e.deltaMode ? 1 : 0.002) * (e.ctrlKey && Math.abs(e.deltaY) < 40 ? 8 : 1))
      .on("zoom", (e) => {
        viewer.camera.transform = e.transform;
        this.link();
        viewer.moved();
      });
    viewer.root.addEventListener("pointerdown", () => this.arm(true));
    viewer.root.addEventListener("pointerleave", () => this.arm(false));
    viewer.root.addEventListener("keydown", (e) => this.key(e));
  }

  bind(pane: Pane): void {
    const area = select(pane.area);
    area.call(this.zooming).on("dblclick.zoom", null);
    pane.area.addEventListener("dblclick", () => this.home());
    pane.area.addEventListener("wheel", (e) => this.warn(e), { passive: true });
    pane.area.addEventListener("pointermove", (e) => this.hover(pane, e));
    pane.area.addEventListener("pointerleave", () => this.away());
    pane.area.addEventListener("blur", () => this.away());
    pane.area.addEventListener("pointerdown", (e) => this.draw(pane, e));
  }

  /** All panes take over the view. */
  link(): void {
    for (const pane of this.viewer.panes) (pane.area as any).__zoom = this.viewer.camera.transform;
  }

  zoomBy(factor: number): void {
    const pane = this.viewer.panes[0];
    if (pane) select(pane.area).call(this.zooming.scaleBy, factor);
  }

  home(): void {
    this.viewer.camera.transform = zoomIdentity;
    this.link();
    this.viewer.moved();
  }

  private allowed(e: any): boolean {
    if (e.type === "wheel") return this.armed || e.ctrlKey || e.metaKey;
    if (e.type.startsWith("touch")) return this.tool === "move" && (this.armed || e.touches.length > 1);
    if (e.type === "mousedown") return e.button === 1 || (e.button === 0 && this.tool === "move");
    return false;
  }

  private arm(on: boolean): void {
    this.armed = on;
    this.viewer.root.classList.toggle("armed", on);
  }

  /** The wheel scrolls the page; say how it zooms, once in a while. */
  private warn(e: WheelEvent): void {
    if (this.armed || e.ctrlKey || e.metaKey) return;
    this.viewer.hint("Click a map, or hold Ctrl, to zoom with the wheel");
    clearTimeout(this.hintTimer);
    this.hintTimer = window.setTimeout(() => this.viewer.hint(""), 1200);
  }

  private point(pane: Pane, e: PointerEvent): Point {
    const box = pane.area.getBoundingClientRect();
    return [e.clientX - box.left, e.clientY - box.top];
  }

  private hover(pane: Pane, e: PointerEvent): void {
    if (e.buttons && this.tool === "move") return this.away();
    const { camera, place } = this.viewer;
    const at = this.point(pane, e);
    const position = place.at(...apply(invert(camera.toScreen), ...at));
    if (position < 0) return this.away();
    this.point_at(pane, position);
  }

  /** Cross-hair on all maps and one tooltip beside it. */
  private point_at(pane: Pane, position: number): void {
    const { camera, place } = this.viewer;
    const centre = apply(camera.toScreen, ...place.centre(position));
    for (const other of this.viewer.panes) other.crossAt(centre);
    this.held = { pane, position };
    const room = this.viewer.root.getBoundingClientRect();
    const box = pane.area.getBoundingClientRect();
    this.viewer.tip.show(place, this.viewer.maps, position, box.left - room.left + centre[0], box.top - room.top + centre[1], room);
  }

  away(): void {
    this.held = null;
    for (const pane of this.viewer.panes) pane.crossAt(null);
    this.viewer.tip.hide();
  }

  /** The cross-hair follows its position when the view moves, and values follow the gene. */
  follow(): void {
    if (this.held && this.viewer.panes.includes(this.held.pane) && this.held.position < this.viewer.place.head.count)
      this.point_at(this.held.pane, this.held.position);
    else this.away();
  }

  private draw(pane: Pane, e: PointerEvent): void {
    if (this.tool === "move" || e.button !== 0) return;
    e.preventDefault();
    pane.area.focus();
    const tool = this.tool;
    const first = this.point(pane, e);
    let line: Point[] = [first];
    const mode = e.altKey ? "remove" : e.shiftKey ? "add" : this.viewer.maps.head.drawing;
    pane.area.setPointerCapture(e.pointerId);
    const show = () => {
      const shown = tool === "box" ? boxLine(first, line.at(-1)!) : line;
      for (const other of this.viewer.panes) other.showLine(shown, tool !== "brush", tool === "brush" ? 2 * this.brush : 1.5);
    };
    const drag = (m: PointerEvent) => {
      line.push(this.point(pane, m));
      show();
    };
    const finish = (m: PointerEvent) => {
      for (const name of ["pointermove", "pointerup", "pointercancel"]) pane.area.removeEventListener(name, name === "pointermove" ? drag as any : finish as any);
      for (const other of this.viewer.panes) other.showLine([], false, 1);
      if (m.type === "pointercancel") return;
      const shape = tool === "box" ? boxLine(first, line.at(-1)!) : line;
      // A click is no lasso; with the brush it paints a dot.
      if (tool !== "brush" && line.length < 3) return;
      this.viewer.drawn(inside(this.viewer.place, this.viewer.camera, tool, shape, this.brush), mode, tool);
    };
    pane.area.addEventListener("pointermove", drag);
    pane.area.addEventListener("pointerup", finish);
    pane.area.addEventListener("pointercancel", finish);
    show();
  }

  /** Move the cross-hair by one position to a side of the screen. */
  private step(pane: Pane, dx: number, dy: number): void {
    const { camera, place } = this.viewer;
    const back = invert(camera.toScreen);
    const here = this.held?.position ?? place.at(...apply(back, camera.width / 2, camera.height / 2));
    const [x, y] = here < 0 ? [camera.width / 2, camera.height / 2] : apply(camera.toScreen, ...place.centre(here));
    const cell = camera.scale * place.pitch;
    for (let far = 0.5; far < 40; far += 0.25) {
      const next = place.at(...apply(back, x + dx * far * cell, y + dy * far * cell));
      if (next >= 0 && next !== here) {
        this.point_at(pane, next);
        const rows = rowsOf(this.viewer.maps, next).map(([name, value]) => `${name} ${value}`);
        this.viewer.spoken.textContent = `${place.name(next)}, ${this.viewer.maps.stateWord(next)}: ${rows.join(", ")}`;
        return;
      }
    }
  }

  private key(e: KeyboardEvent): void {
    const pane = this.viewer.panes.find((p) => p.area === e.target);
    if (e.key === "Escape") {
      this.arm(false);
      this.away();
      return;
    }
    if (!pane) return;
    const { camera } = this.viewer;
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[e.key];
    if (way && e.shiftKey) this.step(pane, way[0], way[1]);
    else if (way) select(pane.area).call(this.zooming.translateBy, (-way[0] * 60) / camera.transform.k, (-way[1] * 60) / camera.transform.k);
    else if (e.key === "+" || e.key === "=") this.zoomBy(1.5);
    else if (e.key === "-") this.zoomBy(1 / 1.5);
    else if (e.key === "0") this.home();
    else if (e.key === "f") this.viewer.fullScreen();
    else if (e.key === "[" || e.key === "]") this.brush = Math.min(80, Math.max(4, this.brush * (e.key === "]" ? 1.25 : 0.8)));
    else if ((e.ctrlKey || e.metaKey) && e.key === "z") this.viewer.tell("undo", Date.now());
    else return;
    e.preventDefault();
    // The page has keys of its own for the genes.
    e.stopPropagation();
  }
}
