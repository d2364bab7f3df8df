// What the pointer says of a position: its name, its state and the values of all maps.

import { el, told } from "./dom";
import { Maps, MEASURED } from "./maps";
import { Place } from "./place";

export function rowsOf(maps: Maps, position: number): [string, string][] {
  const rows: [string, string][] = maps.head.maps.map((map, i) => {
    const value = maps.value(i, position);
    const names = maps.scaleOf(i).categories;
    const word = names.length
      ? (names[Math.round(value)]?.[0] ?? "–")
      : told(value, maps.head.layers[i].step);
    return [map.title, word];
  });
  if (maps.head.interval && !(maps.state[position] & MEASURED)) {
    const [low, high] = [maps.head.maps.length, maps.head.maps.length + 1];
    const step = maps.head.layers[low].step;
    const ends = [maps.value(low, position), maps.value(high, position)].map((v) => told(v, step));
    rows.push([maps.head.interval, `${ends[0]} to ${ends[1]}`]);
  }
  return rows;
}

export class Tooltip {
  readonly node = el("div", { class: "tip", hidden: true });

  show(place: Place, maps: Maps, position: number, x: number, y: number, room: DOMRect): void {
    const rows = rowsOf(maps, position).map(([name, value]) =>
      el("tr", {}, el("th", { scope: "row" }, name), el("td", {}, value)),
    );
    this.node.replaceChildren(
      el("b", {}, place.name(position)),
      el("span", {}, ` ${maps.stateWord(position)}`),
      el("table", {}, ...rows),
      maps.head.unit ? el("small", {}, maps.head.unit) : "",
    );
    this.node.hidden = false;
    const box = this.node.getBoundingClientRect();
    const left = x + 16 + box.width > room.width ? x - 16 - box.width : x + 16;
    // Within the viewer and within the window.
    const bottom = Math.min(room.height, window.innerHeight - room.top) - 4;
    const top = y + 16 + box.height > bottom ? y - 16 - box.height : y + 16;
    this.node.style.transform = `translate(${Math.max(4, left)}px, ${Math.max(4 - Math.min(0, room.top), top)}px)`;
  }

  hide(): void {
    this.node.hidden = true;
  }
}
