// What a reader chose for a section, kept in this browser: turn, flip, marks, opacity.

export interface Kept {
  turns?: number;
  flipped?: boolean;
  marks?: boolean;
  opacity?: number;
}

const name = (key: string) => `s2s-maps-${key}`;

export function recall(key: string): Kept {
  try {
    return JSON.parse(localStorage.getItem(name(key)) ?? "{}");
  } catch {
    return {};
  }
}

export function remember(key: string, what: Kept): void {
  try {
    localStorage.setItem(name(key), JSON.stringify({ ...recall(key), ...what }));
  } catch {
    // A browser that keeps nothing shows the maps as they came.
  }
}
