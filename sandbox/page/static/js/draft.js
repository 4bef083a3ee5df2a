/** What is being written in each channel: text, files, and the message it answers. */
import { computed, signal } from "./ui.js";
import { channelId } from "./store.js";

/** @type {import("@preact/signals").Signal<import("./store.js").Message | null>} */
export const replyTo = signal(null);

/** @typedef {{key: number, file: File, preview: string | null}} Pending */
const drafts = signal(/** @type {Record<string, {text: string, files: Pending[]}>} */ ({}));
const EMPTY = Object.freeze({ text: "", files: Object.freeze([]) });
let nextKey = 0;

export const draft = computed(() => drafts.value[channelId.value] ?? EMPTY);

/** @param {Partial<{text: string, files: Pending[]}>} change */
export function setDraft(change, id = channelId.value) {
  const before = drafts.peek()[id] ?? EMPTY;
  drafts.value = { ...drafts.peek(), [id]: { ...before, ...change } };
}

/** Put a text into the composer for the person to send or change. @param {string} text */
export function startWith(text) {
  setDraft({ text });
  requestAnimationFrame(() => document.querySelector("[data-testid=composer-input]")?.focus());
}

/** @param {Iterable<File>} files */
export function addFiles(files) {
  const added = [...files].map((file) => {
    const preview = file.type.startsWith("image/") ? URL.createObjectURL(file) : null;
    return { key: nextKey++, file, preview };
  });
  setDraft({ files: [...draft.value.files, ...added].slice(0, 10) });
}

export function removeFile(key) {
  const gone = draft.value.files.find((pending) => pending.key === key);
  if (gone?.preview) URL.revokeObjectURL(gone.preview);
  setDraft({ files: draft.value.files.filter((pending) => pending.key !== key) });
}
