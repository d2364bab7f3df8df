// What the toolbar shows of a viewer, and what its buttons do to it.

import type { Interaction } from "./interact";
import { fillToolbar } from "./toolbar";
import type { Viewer } from "./viewer";

export function fillControls(bar: HTMLElement, viewer: Viewer, act: Interaction): void {
  const { maps, place, under, swipe } = viewer;
  const all = new Set(under);
  const state = {
    tools: maps.head.tools, tool: act.tool, marks: viewer.marks, swipe, titles: maps.head.maps.map((m) => m.title),
    image: place.image !== null, under: all.size === 1 ? under[0] : null, opacity: viewer.opacity, full: viewer.isFull,
  };
  fillToolbar(bar, state, {
    tool: (name) => {
      act.tool = name;
      viewer.root.classList.toggle("drawing", name !== "move");
      viewer.toolbar();
    },
    zoom: (factor) => act.zoomBy(factor),
    home: () => act.home(),
    turn: () => viewer.turn(1),
    flip: () => viewer.turn(0, true),
    marks: () => viewer.keep({ marks: !viewer.marks }),
    swipe: () => {
      viewer.swipe = viewer.swipe ? null : [0, 1];
      viewer.solo = null;
      viewer.arrangePanes();
      viewer.toolbar();
    },
    side: (which, map) => {
      viewer.swipe![which] = map;
      viewer.arrangePanes();
    },
    under: (mode) => {
      viewer.under = maps.head.maps.map((_, i) => (maps.scaleOf(i).image || mode === "image" ? mode : "spots"));
      viewer.label();
      viewer.toolbar();
      viewer.ask();
    },
    opacity: (value) => viewer.keep({ opacity: value }),
    save: (kind) => void viewer.save(kind),
    full: () => viewer.fullScreen(),
  });
}
