// A viewer: its panes, its controls and what it remembers from one gene to the next.

import { Camera } from "./camera";
import { fillControls } from "./controls";
import { el, rgb } from "./dom";
import { Interaction } from "./interact";
import { described, legend } from "./legend";
import { Maps, REGION } from "./maps";
import { Painter, Under } from "./painter";
import { Pane, arrange, scaleBar } from "./pane";
import { Place } from "./place";
import { packedBits } from "./protocol";
import { Kept, recall, remember } from "./memory";
import { save } from "./save";
import { picturesOf, sceneOf, styleOf } from "./scene";
import css from "./style.css";
import { divider } from "./swipe";
import { underChooser } from "./toolbar";
import { Tooltip } from "./tooltip";

type Tell = (event: string, value: unknown) => void;
const CAPTION = 28;
// Densities of the canvas while it moves; a slow machine goes down the list.
const DENSITIES = [1, 0.7, 0.5, 0.35];

export class Viewer {
  readonly root = el("div", { class: "viewer", role: "group" });
  readonly tip = new Tooltip();
  panes: Pane[] = [];
  place!: Place;
  maps!: Maps;
  camera!: Camera;
  tell: Tell = () => {};
  private canvas = el("canvas");
  private bar = el("div", { role: "toolbar", "aria-label": "Map tools" });
  private grid = el("div", { class: "maps" });
  private scales = el("div", { class: "scales" });
  private toast = el("div", { class: "hint", "aria-hidden": "true" });
  private words = el("p", { class: "sr", role: "status" });
  readonly spoken = el("p", { class: "sr", "aria-live": "polite" });
  private painter: Painter;
  private act: Interaction;
  swipe: [number, number] | null = null;
  split = 0.5;
  solo: number | null = null;
  under: Under[] = [];
  opacity = 0.7;
  marks = false;
  private frameAsked = false;
  private moving = 0;
  private last = 0;
  private slow = 0;
  private observer = new ResizeObserver(() => this.layout());

  constructor(parent: ShadowRoot | HTMLElement) {
    this.grid.append(this.canvas);
    this.root.append(this.bar, this.grid, this.scales, this.tip.node, this.toast, this.words, this.spoken);
    parent.append(el("style", {}, css), this.root);
    this.painter = new Painter(this.canvas);
    this.camera = new Camera([0, 1, 0, 1]);
    this.act = new Interaction(this);
    this.canvas.addEventListener("webglcontextlost", (e) => e.preventDefault());
    this.canvas.addEventListener("webglcontextrestored", () => {
      this.painter.prepare();
      this.upload(true);
    });
    document.addEventListener("fullscreenchange", this.refit);
    this.observer.observe(this.root);
  }

  /** Show maps; the view stays as long as the section does. */
  show(place: Place, maps: Maps, tell: Tell, arrived: number): void {
    const before = this.maps as Maps | undefined;
    const samePlace = this.place === place;
    this.tell = tell;
    if (!samePlace) this.enter(place, maps);
    if (before?.head.title === maps.head.title && samePlace)
      for (const [name, range] of before.ranges)
        if (JSON.stringify(before.head.scales[name]) === JSON.stringify(maps.head.scales[name])) maps.ranges.set(name, range);
    this.place = place;
    this.maps = maps;
    const count = maps.head.maps.length;
    const same = before && samePlace && before.head.maps.length === count && before.head.maps.every((m, i) => m.scale === maps.head.maps[i].scale);
    if (!same) {
      if (this.swipe && Math.max(...this.swipe) >= count) this.swipe = null;
      if (this.solo !== null && this.solo >= count) this.solo = null;
      this.under = maps.head.maps.map((_, i) => (samePlace && this.under[i]) || (maps.scaleOf(i).image && place.image ? "both" : "spots"));
    }
    this.upload(!samePlace);
    if (same) {
      this.label();
      this.colourBars();
    } else this.arrangePanes();
    this.toolbar();
    this.words.textContent = maps.head.summary;
    this.root.setAttribute("aria-label", `Maps of ${maps.head.title}`);
    this.act.follow();
    // Coarse at once, fine when it rests: the next gene may be asked for before that.
    this.moved();
    // For tests and the benchmark: when the message came and when its maps were on the screen.
    requestAnimationFrame(() => requestAnimationFrame(() => {
      this.root.dataset.title = maps.head.title;
      this.root.dataset.took = String(Math.round(performance.now() - arrived));
    }));
  }

  private enter(place: Place, maps: Maps): void {
    const kept = recall(place.head.key);
    const [w, h] = [this.camera.width, this.camera.height];
    if (!this.place || JSON.stringify(this.place.head.frame) !== JSON.stringify(place.head.frame)) {
      this.camera = new Camera(place.head.frame);
      [this.camera.width, this.camera.height] = [w, h];
      this.camera.turns = kept.turns ?? 0;
      this.camera.flipped = kept.flipped ?? false;
    }
    this.marks = kept.marks ?? maps.head.marked;
    this.opacity = kept.opacity ?? 0.7;
  }

  private upload(fresh: boolean): void {
    const { place, maps, painter } = this;
    if (fresh) painter.setImage(place.image);
    painter.setColours(place, maps.named.map((name) => maps.head.scales[name].categories.map(([, hex]) => rgb(hex))));
    maps.levels.slice(0, maps.head.maps.length).forEach((levels, i) => painter.setLayer(i, place, levels));
    painter.setState(place, maps.state);
    this.ask();
  }

  private get visible(): number[] {
    if (this.swipe) return [this.swipe[0]];
    return this.solo === null ? this.maps.head.maps.map((_, i) => i) : [this.solo];
  }

  arrangePanes(): void {
    for (const pane of this.panes) pane.node.remove();
    this.panes = this.visible.map((map) => new Pane(map));
    for (const pane of this.panes) this.act.bind(pane);
    this.grid.append(...this.panes.map((pane) => pane.node));
    if (this.swipe) this.panes[0].area.append(divider(this.panes[0].area, this.split, (share) => {
      this.split = share;
      this.moved();
    }));
    this.label();
    this.colourBars();
    this.layout();
  }

  label(): void {
    const { head } = this.maps;
    for (const pane of this.panes) {
      const map = head.maps[pane.map];
      const other = this.swipe ? ` | ${head.maps[this.swipe[1]].title}` : "";
      const name = el("button", {
        type: "button", class: "name", title: this.solo === null ? "Show this map alone" : "Show all maps", "data-act": `map ${pane.map}`,
        click: () => {
          if (this.swipe) return;
          this.solo = this.solo === null ? pane.map : null;
          this.arrangePanes();
        },
      }, map.title + other);
      const parts: Node[] = [name];
      if (this.place.image && !this.swipe)
        parts.push(underChooser(`Tissue image under ${map.title}`, this.under[pane.map], (mode) => {
          this.under[pane.map] = mode;
          this.toolbar();
          this.ask();
        }));
      pane.title.replaceChildren(...parts);
      pane.area.setAttribute("aria-label", described(this.maps, pane.map, map.title + other));
    }
  }

  private refit = () => {
    this.toolbar();
    this.layout();
  };

  private layout(): void {
    if (!this.panes.length) return;
    const width = this.grid.clientWidth;
    if (!width) return;
    const full = this.isFull;
    const used = this.bar.offsetHeight + this.scales.offsetHeight + 34;
    const [w, h] = this.camera.extent;
    const height = full ? window.innerHeight - used : (this.maps.head.height);
    let [columns, tall] = arrange(this.panes.length, width, height, h / w, CAPTION + 8);
    if (full) tall = Math.max(tall, height / Math.ceil(this.panes.length / columns) - CAPTION - 8);
    this.grid.style.gridTemplateColumns = `repeat(${columns}, minmax(0, 1fr))`;
    for (const pane of this.panes) pane.area.style.height = `${Math.round(tall)}px`;
    this.camera.resize(this.panes[0].area.clientWidth, Math.round(tall));
    this.act.link();
    this.ask();
  }

  toolbar(): void {
    fillControls(this.bar, this, this.act);
  }

  /** A choice that this browser keeps for the section. */
  keep(what: Kept): void {
    Object.assign(this, what);
    remember(this.place.head.key, what);
    // A slider that is being dragged must not be made anew.
    if (what.opacity === undefined) this.toolbar();
    this.moved();
  }

  turn(quarters: number, flip = false): void {
    this.camera.turn(quarters, flip);
    remember(this.place.head.key, { turns: this.camera.turns, flipped: this.camera.flipped });
    this.act.away();
    this.layout();
  }

  private colourBars(): void {
    this.scales.replaceChildren(...legend(this.place, this.maps, this.swipe ?? this.visible, () => this.moved()));
  }

  /** A stroke: shown at once, told to Python once. */
  async drawn(inside: Uint8Array, mode: string, tool: string): Promise<void> {
    const { state } = this.maps;
    for (let i = 0; i < inside.length; i++) {
      if (mode === "replace") state[i] &= ~REGION;
      if (inside[i]) state[i] = mode === "remove" ? state[i] & ~REGION : state[i] | REGION;
    }
    this.painter.setState(this.place, state);
    this.ask();
    this.tell("drawn", { mode, tool, count: inside.length, bits: await packedBits(inside) });
  }

  hint(words: string): void {
    if (words) this.toast.textContent = words;
    this.toast.classList.toggle("on", words !== "");
  }

  get isFull(): boolean {
    return (this.root.getRootNode() as ShadowRoot | Document).fullscreenElement === this.root;
  }

  fullScreen(): void {
    if (this.isFull) document.exitFullscreen();
    else this.root.requestFullscreen?.();
  }

  /** Something moves: draw at once and coarsely, and finely when it rests. */
  moved(): void {
    clearTimeout(this.moving);
    this.moving = window.setTimeout(() => {
      this.moving = 0;
      this.last = 0;
      this.ask();
    }, 160);
    this.ask();
  }

  ask(): void {
    if (this.frameAsked) return;
    this.frameAsked = true;
    requestAnimationFrame((now) => {
      this.frameAsked = false;
      this.draw(now);
    });
  }

  private draw(now: number): void {
    // A frame may have been asked for just before the page took the viewer away.
    if (!this.panes.length || !this.root.isConnected) return;
    if (this.moving) {
      const took = this.last ? now - this.last : 20;
      if (took > 34 && took < 3000) this.slow = Math.min(DENSITIES.length - 1, this.slow + (took > 100 ? 1 : 0.5));
      else if (took < 18) this.slow = Math.max(0, this.slow - 0.05);
      this.last = now;
    }
    const density = this.moving ? DENSITIES[Math.round(this.slow)] : Math.min(2, window.devicePixelRatio || 1);
    this.paint(density, !this.moving);
    for (const pane of this.panes) pane.showScale(scaleBar(this.place, this.camera));
    const { k, x, y } = this.camera.transform;
    this.root.dataset.view = [k, x, y].map((v) => v.toFixed(3)).join(" ");
    this.act.follow();
  }

  private paint(density: number, fine: boolean): void {
    const [w, h] = [this.grid.clientWidth, this.grid.clientHeight].map((v) => Math.max(1, Math.round(v * density)));
    if (this.canvas.width !== w || this.canvas.height !== h) [this.canvas.width, this.canvas.height] = [w, h];
    this.painter.draw(this.place, this.camera, picturesOf(this), styleOf(this), density, fine);
  }

  async save(kind: "png" | "svg"): Promise<void> {
    this.paint(2, true);
    const canvas = this.canvas.toDataURL("image/png");
    this.ask();
    const { name, title } = this.maps.head;
    const size = { width: this.grid.clientWidth, height: this.grid.clientHeight };
    await save(sceneOf(this, canvas, size), kind, [name, title].filter(Boolean).join("_"));
  }

  destroy(): void {
    clearTimeout(this.moving);
    this.observer.disconnect();
    document.removeEventListener("fullscreenchange", this.refit);
    this.painter.destroy();
    this.root.remove();
  }
}
