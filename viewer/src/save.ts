// Pictures of what is seen: SVG with true cells, and PNG made of that.

import { Camera } from "./camera";
import { el, svg, told } from "./dom";
import { Maps, MEASURED, REGION } from "./maps";
import { Picture, Style } from "./painter";
import { Place, apply, chain } from "./place";
import { barParts, scaleBar } from "./pane";

// More cells than this make a heavy SVG: the map is then a picture within it.
const MOST_CELLS = 30_000;
const BAR = { width: 180, height: 9 };

export interface Scene {
  place: Place;
  maps: Maps;
  camera: Camera;
  pictures: (Picture & { title: string; map: number })[];
  style: Style;
  width: number;
  height: number;
  text: string;
  back: string;
  font: string;
  /** The canvas as a data address, drawn just now in fine. */
  canvas: string;
}

const hex = (rgb: ArrayLike<number>) => "#" + Array.from(rgb, (c) => Math.round(c).toString(16).padStart(2, "0")).join("");

function colour(scene: Scene, map: number, level: number): string {
  const { maps, place } = scene;
  const scale = maps.scaleOf(map);
  if (scale.categories.length) return scale.categories[level - 1][1];
  const [a, b] = maps.along(map);
  const at = Math.round(255 * Math.min(1, Math.max(0, level * a + b)));
  return hex(place.palettes.get(scale.palette)!.subarray(3 * at, 3 * at + 3));
}

function cells(scene: Scene, picture: Scene["pictures"][number], seen: number[]): SVGElement[] {
  const { place, camera, maps, style } = scene;
  const toScreen = camera.toScreen;
  const under = place.imageBytes ? picture.under : "spots";
  if (under === "image") return [];
  const paths = new Map<string, string[]>();
  const rings: SVGElement[] = [];
  const edge: string[] = [];
  const radius = 0.34 * place.pitch * camera.scale;
  for (const i of seen) {
    const level = maps.levels[picture.layer][i];
    const outline = place.corners(i).map(([x, y]) => apply(toScreen, x, y).map((v) => v.toFixed(2)).join(" "));
    const fill = level ? colour(scene, picture.map, level) : hex(style.ground.map((c) => 255 * c));
    const path = `M${outline.join("L")}Z`;
    if (level || under === "spots") paths.set(fill, [...(paths.get(fill) ?? []), path]);
    if (style.outlined && maps.state[i] & REGION) edge.push(path);
    if (style.marks && maps.state[i] & MEASURED) {
      const [cx, cy] = apply(toScreen, ...place.centre(i));
      rings.push(svg("circle", { cx: cx.toFixed(2), cy: cy.toFixed(2), r: radius.toFixed(2), fill: "none", stroke: "#0d1217", "stroke-width": (radius * 0.2).toFixed(2) }));
    }
  }
  const opacity = under === "spots" ? 1 : style.opacity;
  // A hair of its own colour closes the seams between cells.
  const out = [...paths].map(([fill, parts]) => svg("path", { d: parts.join(""), fill, stroke: fill, "stroke-width": 0.3, opacity }));
  if (edge.length) out.push(svg("path", { d: edge.join(""), fill: "none", stroke: hex(style.line.map((c) => 255 * c)), "stroke-width": 1 }));
  return [...out, ...rings];
}

function base64(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return btoa(text);
}

function tissue(scene: Scene, under: string): SVGElement[] {
  const { place, camera } = scene;
  if (!place.imageBytes || !place.head.image || under === "spots") return [];
  const [x0, x1, y0, y1] = place.head.image.extent;
  const m = chain(camera.toScreen, [1, 0, 0, 1, x0, y0]);
  return [svg("image", {
    href: `data:image/jpeg;base64,${base64(place.imageBytes)}`, width: x1 - x0, height: y1 - y0,
    preserveAspectRatio: "none", transform: `matrix(${m.join(" ")})`,
    style: under === "grey" ? "filter: grayscale(1)" : null,
  })];
}

function legend(scene: Scene, x: number, y: number): SVGElement[] {
  const { maps, place } = scene;
  const used = [...new Set(scene.pictures.map((p) => maps.head.maps[p.map].scale))];
  const out: SVGElement[] = [];
  for (const name of used) {
    const scale = maps.head.scales[name];
    if (scale.categories.length) {
      for (const [word, fill] of scale.categories) {
        out.push(svg("rect", { x, y, width: 10, height: 10, fill }), svg("text", { x: x + 14, y: y + 9 }, word));
        x += 30 + 7 * word.length;
      }
      continue;
    }
    const [low, high] = maps.ranges.get(name)!;
    const rgb = place.palettes.get(scale.palette)!;
    const stops = Array.from({ length: 17 }, (_, i) => svg("stop", { offset: i / 16, "stop-color": hex(rgb.subarray(3 * Math.round(i * 15.9375), 3 * Math.round(i * 15.9375) + 3)) }));
    out.push(
      svg("linearGradient", { id: `g-${name.replace(/\W/g, "_")}` }, ...stops),
      svg("rect", { x, y, ...BAR, fill: `url(#g-${name.replace(/\W/g, "_")})` }),
      svg("text", { x, y: y + 22 }, told(low, (high - low) / 100)),
      svg("text", { x: x + BAR.width, y: y + 22, "text-anchor": "end" }, told(high, (high - low) / 100)),
      svg("text", { x: x + BAR.width / 2, y: y + 22, "text-anchor": "middle" }, scale.label),
    );
    x += BAR.width + 24;
  }
  return out;
}

/** What is seen as an SVG element; `vector` asks for cells as shapes where they are not too many. */
function figure(scene: Scene, vector: boolean): SVGElement {
  const { camera, place } = scene;
  const top = 30;
  const root = svg("svg", {
    xmlns: "http://www.w3.org/2000/svg", width: scene.width, height: scene.height + top + 34,
    viewBox: `0 0 ${scene.width} ${scene.height + top + 34}`, "font-family": scene.font, "font-size": 12, fill: scene.text,
  });
  root.append(
    svg("title", {}, scene.maps.head.title), svg("desc", {}, scene.maps.head.summary),
    svg("style", {}, `.rule{fill:none;stroke:${scene.text};stroke-width:2}path.halo{fill:none;stroke:${scene.back};stroke-width:4;opacity:.8}text.halo{stroke:${scene.back};stroke-width:3;opacity:.8}`),
    svg("rect", { width: "100%", height: "100%", fill: scene.back }),
    svg("text", { x: 4, y: 19, "font-size": 15, "font-weight": 600 }, scene.maps.head.title),
  );
  const seen: number[] = [];
  const toScreen = camera.toScreen;
  const reach = place.pitch * camera.scale;
  for (let i = 0; vector && i < place.head.count; i++) {
    const [x, y] = apply(toScreen, ...place.centre(i));
    if (x > -reach && y > -reach && x < camera.width + reach && y < camera.height + reach) seen.push(i);
  }
  const shapes = vector && seen.length * scene.pictures.length <= MOST_CELLS;
  const body = svg("g", { transform: `translate(0 ${top})` });
  if (!shapes) body.append(svg("image", { href: scene.canvas, width: scene.width, height: scene.height }));
  scene.pictures.forEach((picture, i) => {
    const { x, y, width, height } = picture.rect;
    const clip = picture.clip ?? { x: 0, width };
    const inner = svg("g", { transform: `translate(${x} ${y})` });
    if (shapes) {
      inner.append(
        svg("clipPath", { id: `c${i}` }, svg("rect", { x: clip.x, width: clip.width, height })),
        svg("g", { "clip-path": `url(#c${i})` }, ...tissue(scene, picture.under), ...cells(scene, picture, seen)),
      );
    }
    const right = clip.x > 0;
    inner.append(svg("text", { x: right ? width : 0, y: -6, "text-anchor": right ? "end" : "start" }, picture.title));
    if (!right) inner.append(svg("g", { class: "scale" }, ...barParts(scaleBar(place, camera), 10, height - 10)));
    body.append(inner);
  });
  root.append(body, ...legend(scene, 4, scene.height + top + 6));
  return root;
}

function download(blob: Blob, name: string): void {
  const link = el("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

export async function save(scene: Scene, kind: "png" | "svg", name: string): Promise<void> {
  const words = new XMLSerializer().serializeToString(figure(scene, kind === "svg"));
  const file = `${name.replace(/[^\w.-]+/g, "_")}.${kind}`;
  const blob = new Blob([words], { type: "image/svg+xml" });
  if (kind === "svg") return download(blob, file);
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(words)}`;
  await image.decode();
  const canvas = el("canvas", { width: 2 * image.width, height: 2 * image.height });
  canvas.getContext("2d")!.drawImage(image, 0, 0, canvas.width, canvas.height);
  const png = await new Promise<Blob | null>((done) => canvas.toBlob(done, "image/png"));
  if (png) download(png, file);
}
