// What a viewer shows right now: for the painter, and for pictures that are saved.

import type { Picture, Style } from "./painter";
import type { Pane } from "./pane";
import type { Scene } from "./save";
import type { Viewer } from "./viewer";

export function picturesOf(viewer: Viewer): (Picture & { map: number; title: string })[] {
  const { maps, camera, under, swipe } = viewer;
  const one = (pane: Pane, map: number) => ({
    map, layer: map, title: maps.head.maps[map].title,
    palette: maps.row(maps.head.maps[map].scale),
    categories: maps.scaleOf(map).categories.length > 0,
    range: maps.along(map),
    under: under[map],
    rect: { x: pane.area.offsetLeft + pane.node.offsetLeft, y: pane.area.offsetTop + pane.node.offsetTop, width: camera.width, height: camera.height },
  });
  if (!swipe) return viewer.panes.map((pane) => one(pane, pane.map));
  const at = viewer.split * camera.width;
  return swipe.map((map, side) => ({
    ...one(viewer.panes[0], map),
    clip: side ? { x: at, width: camera.width - at } : { x: 0, width: at },
  }));
}

export function styleOf(viewer: Viewer): Style {
  const [r, g, b] = getComputedStyle(viewer.root).backgroundColor.match(/[\d.]+/g)!.map(Number);
  return {
    ground: r + g + b < 380 ? [0.2, 0.24, 0.27] : [0.87, 0.89, 0.9],
    line: [0.82, 0.29, 0.36],
    opacity: viewer.opacity, marks: viewer.marks, outlined: viewer.maps.outlined,
  };
}

/** `canvas` is what was drawn just now, as a data address. */
export function sceneOf(viewer: Viewer, canvas: string, size: { width: number; height: number }): Scene {
  const look = getComputedStyle(viewer.root);
  return {
    place: viewer.place, maps: viewer.maps, camera: viewer.camera, pictures: picturesOf(viewer), style: styleOf(viewer),
    ...size, text: look.color, back: look.backgroundColor, font: look.fontFamily, canvas,
  };
}
