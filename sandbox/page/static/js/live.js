/** Which messages are growing right now: a character's message that was edited a moment ago. */
import { signal } from "./ui.js";

const SETTLED_MS = 2600;

/** @type {import("@preact/signals").Signal<ReadonlySet<string>>} */
export const growing = signal(new Set());
const timers = new Map();

/** @param {string} id @param {() => void} onSettled called once the message has stopped growing */
export function noteGrowth(id, onSettled) {
  clearTimeout(timers.get(id));
  timers.set(id, setTimeout(() => (settle(id), onSettled()), SETTLED_MS));
  if (!growing.value.has(id)) growing.value = new Set([...growing.value, id]);
}

function settle(id) {
  timers.delete(id);
  const rest = new Set(growing.value);
  rest.delete(id);
  growing.value = rest;
}
