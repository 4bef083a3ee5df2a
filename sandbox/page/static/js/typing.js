/** Who types where. Discord shows it for ten seconds after each signal, or until the message comes. */
import { html, signal } from "./ui.js";
import { channelId, me, memberById, nameOf } from "./store.js";

const SHOWN_MS = 10000;

/** @type {import("@preact/signals").Signal<{channel: string, user: string, until: number}[]>} */
const typists = signal([]);

export function startTyping(channel, user) {
  const others = typists.value.filter((entry) => entry.channel !== channel || entry.user !== user);
  const until = Date.now() + SHOWN_MS;
  typists.value = [...others, { channel, user, until }];
  setTimeout(expire, SHOWN_MS + 50);
}

export function stopTyping(channel, user) {
  typists.value = typists.value.filter((entry) => entry.channel !== channel || entry.user !== user);
}

function expire() {
  const now = Date.now();
  typists.value = typists.value.filter((entry) => entry.until > now);
}

function sentence(names) {
  if (names.length === 1) return html`<b>${names[0]}</b> is typing`;
  if (names.length === 2) return html`<b>${names[0]}</b> and <b>${names[1]}</b> are typing`;
  return "Several people are typing";
}

/** The line under the log. It keeps its height, so that nothing moves when it comes and goes. */
export function TypingLine() {
  const here = typists.value.filter((entry) => entry.channel === channelId.value && entry.user !== me.value?.id);
  const names = here.map((entry) => nameOf(memberById(entry.user)));
  return html`<div class="typing" data-testid="typing" aria-live="polite">
    ${names.length > 0 &&
    html`<span class="dots" aria-hidden="true"><i></i><i></i><i></i></span><span>${sentence(names)}…</span>`}
  </div>`;
}
