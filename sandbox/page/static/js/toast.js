/** Short notes at the edge of the page: what went wrong, what was copied. */
import { html, signal } from "./ui.js";

const SHOWN_MS = 5000;
let nextKey = 0;

/** @type {import("@preact/signals").Signal<{key: number, text: string, kind: string}[]>} */
const toasts = signal([]);

/** @param {string} text @param {"problem" | "note"} kind */
export function toast(text, kind = "problem") {
  const key = nextKey++;
  toasts.value = [...toasts.value.slice(-2), { key, text, kind }];
  setTimeout(() => dismiss(key), SHOWN_MS);
}

/** Run a request and say what went wrong, if anything did. Returns undefined then. */
export async function attempt(promise) {
  try {
    return await promise;
  } catch (error) {
    toast(error.message);
    return undefined;
  }
}

/** @param {string} text @param {string} note */
export async function copy(text, note) {
  try {
    await navigator.clipboard.writeText(text);
    toast(note, "note");
  } catch {
    toast("The browser does not let this page copy.");
  }
}

function dismiss(key) {
  toasts.value = toasts.value.filter((shown) => shown.key !== key);
}

export function Toasts() {
  return html`<div class="toasts" role="alert" data-testid="toasts">
    ${toasts.value.map(
      ({ key, text, kind }) =>
        html`<button key=${key} type="button" class="toast ${kind}" data-testid="toast" onClick=${() => dismiss(key)}>${text}</button>`,
    )}
  </div>`;
}
