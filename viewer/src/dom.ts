// Small helpers for elements; text always goes in as text, never as markup.

type Attributes = Record<string, string | number | boolean | null | undefined | ((e: any) => void)>;

function fill(node: Element, attributes: Attributes, children: (Node | string)[]): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(name, value);
    else if (value !== null && value !== undefined && value !== false)
      node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children);
}

export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K, attributes: Attributes = {}, ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const node = document.createElement(tag);
  fill(node, attributes, children);
  return node;
}

export function svg(tag: string, attributes: Attributes = {}, ...children: (Node | string)[]): SVGElement {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  fill(node, attributes, children);
  return node;
}

// Strokes of 16 x 16 icons.
const ICONS: Record<string, string> = {
  plus: "M8 3v10M3 8h10",
  minus: "M3 8h10",
  home: "M3 6V3h3M10 3h3v3M13 10v3h-3M6 13H3v-3",
  turn: "M12.5 8a4.5 4.5 0 1 1-1.5-3.4M11.5 1.8v3h-3",
  flip: "M8 2v12M6 4.5 2.5 11.5H6zM10 4.5l3.5 7H10z",
  rings: "M8 8m-4.5 0a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0-9 0M8 8m-1 0a1 1 0 1 0 2 0a1 1 0 1 0-2 0",
  swipe: "M8 2v12M2.5 5.5v5l3-2.5zM13.5 5.5v5l-3-2.5z",
  full: "M3 6.5V3h3.5M9.5 3H13v3.5M13 9.5V13H9.5M6.5 13H3V9.5M6 6l-3-3M10 6l3-3M10 10l3 3M6 10l-3 3",
  move: "M8 2v12M2 8h12M6 4l2-2 2 2M6 12l2 2 2-2M4 6 2 8l2 2M12 6l2 2-2 2",
  lasso: "M8 3.5c3.5 0 5.5 1.5 5.5 3.5S11.5 10.5 8 10.5 2.5 9 2.5 7 4.5 3.5 8 3.5M5 10.2c-.6 1.6 0 2.8 1.6 3.3",
  box: "M3 4h10v8H3z",
  brush: "M13.5 2.5 7 9M6 8.5l1.5 1.5c0 2.2-1.6 3.5-4.5 3.5 1.2-1 .8-3.4 3-5z",
};

export function icon(name: string): SVGElement {
  return svg(
    "svg",
    { viewBox: "0 0 16 16", width: 16, height: 16, "aria-hidden": "true" },
    svg("path", { d: ICONS[name], fill: "none", stroke: "currentColor", "stroke-width": 1.4, "stroke-linejoin": "round", "stroke-linecap": "round" }),
  );
}

export function button(name: string, label: string, act: () => void, extra: Attributes = {}): HTMLButtonElement {
  return el("button", { type: "button", "aria-label": label, title: label, "data-act": name, click: act, ...extra }, icon(name));
}

/** A round number of at most `most`: 1, 2 or 5 times a power of ten. */
export function round125(most: number): number {
  const ten = 10 ** Math.floor(Math.log10(most));
  return [5, 2, 1].map((m) => m * ten).find((v) => v <= most) ?? ten;
}

/** A number with as many digits as its step tells. */
export function told(value: number, step: number): string {
  if (!Number.isFinite(value)) return "–";
  const digits = step >= 1 ? 0 : Math.min(4, Math.ceil(-Math.log10(step)));
  return value.toLocaleString("en-GB", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

export function rgb(hex: string): [number, number, number] {
  const n = parseInt(hex.slice(1), 16);
  return [(n >> 16) & 255, (n >> 8) & 255, n & 255];
}
