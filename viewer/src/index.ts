// Entry point of the component: Streamlit calls the default export at every run of the page.

import { Maps } from "./maps";
import { Place } from "./place";
import { MapsHead, Message, PlaceHead, unpack } from "./protocol";
import { Viewer } from "./viewer";

interface Component {
  data: Uint8Array | null;
  parentElement: ShadowRoot | HTMLElement;
  setTriggerValue(name: string, value: unknown): void;
}

// Shared by all viewers of the page, and outliving them: a place is sent once.
const places = new Map<string, Place>();
const waiting = new Map<string, (() => void)[]>();
const viewers = new WeakMap<object, Viewer>();
const turns = new WeakMap<object, number>();
const shown = new WeakMap<object, Uint8Array>();
const MOST_PLACES = 8;

async function keep(message: Message<PlaceHead>): Promise<void> {
  const { key } = message.head;
  if (!places.has(key)) {
    const place = new Place(message);
    await place.decode();
    places.set(key, place);
    // The oldest goes first.
    if (places.size > MOST_PLACES) places.delete(places.keys().next().value!);
  }
  for (const go of waiting.get(key) ?? []) go();
  waiting.delete(key);
}

async function placeOf(key: string): Promise<Place> {
  while (!places.has(key))
    await new Promise<void>((go) => waiting.set(key, [...(waiting.get(key) ?? []), go]));
  return places.get(key)!;
}

function same(a: Uint8Array | undefined, b: Uint8Array): boolean {
  return a !== undefined && a.length === b.length && a.every((byte, i) => byte === b[i]);
}

export default async function mount({ data, parentElement, setTriggerValue }: Component) {
  const turn = (turns.get(parentElement) ?? 0) + 1;
  turns.set(parentElement, turn);
  const latest = () => turns.get(parentElement) === turn;
  const arrived = performance.now();
  const known = viewers.get(parentElement);
  if (data && known && same(shown.get(parentElement), data)) {
    // Another run of the page, or another theme: the maps are the same.
    known.tell = setTriggerValue;
    known.ask();
  } else if (data) {
    const message = await unpack(data);
    if (message.head.kind === "place") await keep(message as Message<PlaceHead>);
    else {
      const maps = message as Message<MapsHead>;
      const place = await placeOf(maps.head.place);
      if (latest()) {
        let viewer = viewers.get(parentElement);
        if (!viewer) viewers.set(parentElement, (viewer = new Viewer(parentElement)));
        shown.set(parentElement, data);
        viewer.show(place, new Maps(maps, place), setTriggerValue, arrived);
      }
    }
  }
  return () => {
    // Streamlit also calls this for a run that a newer one has overtaken.
    if (!latest()) return;
    viewers.get(parentElement)?.destroy();
    viewers.delete(parentElement);
  };
}
