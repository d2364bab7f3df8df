// What the colours mean: a bar for every scale in use, a swatch for every category.

import { ColourBar } from "./colourbar";
import { el, told } from "./dom";
import { Maps } from "./maps";
import { PALETTES, Place } from "./place";

/** Least and greatest value that a scale may be moved to. */
function reach(maps: Maps, name: string): [number, number] {
  const scale = maps.head.scales[name];
  let [low, high] = [scale.low, scale.high];
  maps.head.maps.forEach((map, i) => {
    if (map.scale !== name) return;
    const layer = maps.head.layers[i];
    low = Math.min(low, layer.low);
    high = Math.max(high, layer.low + layer.step * (layer.bytes === 2 ? 65534 : 254));
  });
  const most = Math.max(-low, high);
  return scale.palette === PALETTES.at(-1) ? [-most, most] : [low, high];
}

export function legend(place: Place, maps: Maps, seen: number[], changed: () => void): HTMLElement[] {
  const used = [...new Set(seen.map((i) => maps.head.maps[i].scale))];
  return used.flatMap((name) => {
    const scale = maps.head.scales[name];
    if (scale.categories.length)
      return scale.categories.map(([word, hex]) => {
        const swatch = el("i");
        swatch.style.background = hex;
        return el("span", { class: "key" }, swatch, word);
      });
    // A scale without a name is a map's own; its title tells the range.
    if (!scale.label) return [];
    const bar = new ColourBar(scale.label, place.palettes.get(scale.palette)!, reach(maps, name), [scale.low, scale.high], maps.ranges.get(name)!, (range) => {
      maps.ranges.set(name, range);
      changed();
    });
    return [bar.node];
  });
}

/** A map in words, with the keys that work on it. */
export function described(maps: Maps, map: number, title: string): string {
  const scale = maps.scaleOf(map);
  const range = scale.categories.length
    ? scale.categories.map(([word]) => word).join(", ")
    : `${told(scale.low, scale.high / 100)} to ${told(scale.high, scale.high / 100)}`;
  return `${title}, ${maps.head.title}: ${scale.label || "kinds"}, ${range}. Plus and minus zoom, arrows move, Shift and arrows read positions, 0 shows everything.`;
}
