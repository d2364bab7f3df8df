// Regions drawn by hand: which positions lie in a lasso, in a box or under a brush.

import { Camera } from "./camera";
import { Place, apply } from "./place";

export type Point = [number, number];
export const BRUSH = 14;

function inPolygon(x: number, y: number, line: Point[]): boolean {
  let inside = false;
  for (let i = 0, j = line.length - 1; i < line.length; j = i++) {
    const [xi, yi] = line[i];
    const [xj, yj] = line[j];
    if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) inside = !inside;
  }
  return inside;
}

function nearLine(x: number, y: number, line: Point[], radius: number): boolean {
  for (let i = 0; i < line.length; i++) {
    const [ax, ay] = line[Math.max(0, i - 1)];
    const [bx, by] = line[i];
    const length = (bx - ax) ** 2 + (by - ay) ** 2;
    const t = length ? Math.min(1, Math.max(0, ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / length)) : 0;
    if ((x - ax - t * (bx - ax)) ** 2 + (y - ay - t * (by - ay)) ** 2 <= radius * radius) return true;
  }
  return false;
}

/** Corners of a box between two points. */
export function boxLine([ax, ay]: Point, [bx, by]: Point): Point[] {
  return [[ax, ay], [bx, ay], [bx, by], [ax, by]];
}

/** Positions whose centre lies inside what was drawn on the screen, as bytes 0 and 1. */
export function inside(place: Place, camera: Camera, tool: string, line: Point[], radius = BRUSH): Uint8Array {
  const found = new Uint8Array(place.head.count);
  const edge = tool === "brush" ? radius : 0;
  const xs = line.map((p) => p[0]);
  const ys = line.map((p) => p[1]);
  const [x0, x1] = [Math.min(...xs) - edge, Math.max(...xs) + edge];
  const [y0, y1] = [Math.min(...ys) - edge, Math.max(...ys) + edge];
  const toScreen = camera.toScreen;
  for (let i = 0; i < found.length; i++) {
    const [x, y] = apply(toScreen, ...place.centre(i));
    if (x < x0 || x > x1 || y < y0 || y > y1) continue;
    const hit = tool === "brush" ? nearLine(x, y, line, radius) : inPolygon(x, y, line);
    if (hit) found[i] = 1;
  }
  return found;
}
