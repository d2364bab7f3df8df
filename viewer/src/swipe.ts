// The line between two maps that are swiped.

import { el } from "./dom";

/** A line over an area at a share of its width; `moved` hears of every new share. */
export function divider(area: HTMLElement, share: number, moved: (share: number) => void): HTMLElement {
  const node = el("div", { class: "split", role: "slider", tabindex: 0, "aria-label": "Line between the two maps", "aria-valuemin": 0, "aria-valuemax": 100 });
  const put = (next: number) => {
    share = Math.min(0.98, Math.max(0.02, next));
    node.style.left = `${100 * share}%`;
    node.setAttribute("aria-valuenow", String(Math.round(100 * share)));
    moved(share);
  };
  const drag = (e: PointerEvent) => {
    const box = area.getBoundingClientRect();
    put((e.clientX - box.left) / box.width);
    e.stopPropagation();
  };
  node.addEventListener("pointerdown", (e) => {
    node.setPointerCapture(e.pointerId);
    node.addEventListener("pointermove", drag);
    node.addEventListener("pointerup", () => node.removeEventListener("pointermove", drag), { once: true });
    e.stopPropagation();
  });
  // The zoom listens to mouse and touch of its own.
  for (const name of ["mousedown", "touchstart", "dblclick"]) node.addEventListener(name, (e) => e.stopPropagation());
  node.addEventListener("keydown", (e) => {
    if (e.key !== "ArrowLeft" && e.key !== "ArrowRight") return;
    put(share + (e.key === "ArrowLeft" ? -0.02 : 0.02));
    e.preventDefault();
    e.stopPropagation();
  });
  put(share);
  return node;
}
