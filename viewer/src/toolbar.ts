// The row of controls above the maps.

import { button, el, icon } from "./dom";
import { UNDER, Under } from "./painter";

export const TOOL_WORDS: Record<string, string> = {
  move: "Move: drag the maps",
  lasso: "Lasso: draw around positions",
  box: "Box: drag a rectangle",
  brush: "Brush: paint positions ([ and ] change its size)",
};
export const UNDER_WORDS: Record<Under, string> = {
  spots: "Spots",
  image: "Image",
  both: "Both",
  grey: "Both, grey",
};

export interface Actions {
  tool(name: string): void;
  zoom(factor: number): void;
  home(): void;
  turn(): void;
  flip(): void;
  marks(): void;
  swipe(): void;
  side(which: 0 | 1, map: number): void;
  under(mode: Under): void;
  opacity(value: number): void;
  save(kind: "png" | "svg"): void;
  full(): void;
}

export interface ToolbarState {
  tools: string[];
  tool: string;
  marks: boolean;
  swipe: [number, number] | null;
  titles: string[];
  image: boolean;
  under: Under | null;
  opacity: number;
  full: boolean;
}

function chooser(label: string, options: [string, string][], now: string | null, act: (v: string) => void): HTMLElement {
  const select = el("select", { "aria-label": label, title: label, change: (e: Event) => act((e.target as HTMLSelectElement).value) });
  if (now === null) select.append(el("option", { value: "", selected: true, disabled: true }, "…"));
  for (const [value, words] of options) select.append(el("option", { value, selected: value === now }, words));
  return select;
}

export function underChooser(label: string, now: Under | null, act: (mode: Under) => void): HTMLElement {
  return chooser(label, UNDER.map((u) => [u, UNDER_WORDS[u]]), now, (v) => act(v as Under));
}

export function fillToolbar(node: HTMLElement, state: ToolbarState, act: Actions): void {
  // Made anew at every change: who held the focus gets it back.
  const root = node.getRootNode() as ShadowRoot | Document;
  const held = (root.activeElement as HTMLElement | null)?.dataset?.act;
  const group = (label: string, ...parts: Node[]) => el("span", { class: "group", role: "group", "aria-label": label }, ...parts);
  const press = (on: boolean) => ({ "aria-pressed": String(on) });
  const maps = state.titles.map((title, i): [string, string] => [String(i), title]);
  const parts: Node[] = [];
  if (state.tools.length)
    parts.push(group("Pointer", ...["move", ...state.tools].map((name) => button(name, TOOL_WORDS[name], () => act.tool(name), press(state.tool === name)))));
  parts.push(group("Zoom", button("minus", "Zoom out (−)", () => act.zoom(1 / 1.5)), button("plus", "Zoom in (+)", () => act.zoom(1.5)), button("home", "Show everything (0)", act.home)));
  if (state.titles.length > 1) {
    const sides = state.swipe?.map((map, i) => chooser(i ? "Right of the line" : "Left of the line", maps, String(map), (v) => act.side(i as 0 | 1, Number(v)))) ?? [];
    parts.push(group("Swipe", button("swipe", "Swipe between two maps", act.swipe, press(state.swipe !== null)), ...sides));
  }
  parts.push(group("Look", button("turn", "Turn by a quarter", act.turn), button("flip", "Flip left to right", act.flip), button("rings", "Mark measured spots", act.marks, press(state.marks))));
  if (state.image) {
    const slider = el("input", { type: "range", min: 0.1, max: 1, step: 0.05, value: state.opacity, "aria-label": "Opacity of the spots over the image", title: "Opacity of the spots over the image", input: (e: Event) => act.opacity(Number((e.target as HTMLInputElement).value)) });
    parts.push(group("Tissue image", underChooser("Tissue image, all maps", state.under, act.under), slider));
  }
  const saves = (["png", "svg"] as const).map((kind) => el("button", { type: "button", class: "word", "data-act": kind, "aria-label": `Save what is seen as ${kind.toUpperCase()}`, title: `Save what is seen as ${kind.toUpperCase()}`, click: () => act.save(kind) }, kind.toUpperCase()));
  parts.push(el("span", { class: "gap" }), group("Save", ...saves));
  parts.push(group("Screen", el("button", { type: "button", "data-act": "full", "aria-label": "Full screen", title: "Full screen (f)", click: act.full, ...press(state.full) }, icon("full"))));
  node.replaceChildren(...parts);
  if (held) node.querySelector<HTMLElement>(`[data-act="${held}"]`)?.focus();
}
