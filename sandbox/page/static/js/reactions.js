/** Reactions under a message, and choosing one. */
import { classes, html, useEffect, useRef, useState } from "./ui.js";
import { EMOJI, QUICK, emojiStarting } from "./emoji.js";
import { request } from "./socket.js";
import { attempt } from "./toast.js";
import { me, memberById, nameOf } from "./store.js";

const keyOf = (emoji) => (emoji.id ? `${emoji.name}:${emoji.id}` : emoji.name);
const shownAs = (emoji) => (emoji.id ? `:${emoji.name}:` : emoji.name);

/** @param {import("./store.js").Message} message @param {string} emoji */
export function react(message, emoji, on = true) {
  return attempt(request("react", { channel_id: message.channel_id, message_id: message.id, emoji, on }));
}

export function Reactions({ message }) {
  if (!message.reactions.length) return null;
  return html`<div class="reactions" data-testid="reactions">
    ${message.reactions.map((reaction) => {
      const mine = reaction.user_ids.includes(me.value?.id);
      const names = reaction.user_ids.map((id) => nameOf(memberById(id))).join(", ");
      const label = `${shownAs(reaction.emoji)}, ${names}`;
      return html`<button key=${keyOf(reaction.emoji)} type="button" class=${classes("reaction", mine && "mine")}
        aria-pressed=${mine} aria-label=${label} title=${names} data-testid="reaction" data-emoji=${keyOf(reaction.emoji)}
        onClick=${() => react(message, keyOf(reaction.emoji), !mine)}
      ><span>${shownAs(reaction.emoji)}</span><b>${reaction.user_ids.length}</b></button>`;
    })}
  </div>`;
}

/** A small sheet of emoji with a search field. */
export function EmojiSheet({ onPick, onClose }) {
  const [wanted, setWanted] = useState("");
  const field = useRef(null);
  useEffect(() => field.current.focus(), []);
  const found = wanted ? emojiStarting(wanted) : EMOJI;
  const onKeyDown = (event) => {
    event.stopPropagation();
    if (event.key === "Escape") onClose();
    if (event.key === "Enter" && found[0]) onPick(found[0].emoji);
  };
  const tile = (emoji, name) =>
    html`<button key=${name} type="button" title=${name} aria-label=${name} data-testid="emoji" data-emoji=${emoji}
      onClick=${() => onPick(emoji)}>${emoji}</button>`;
  return html`<div class="emoji-sheet" role="dialog" aria-label="Emoji" data-testid="emoji-sheet" onKeyDown=${onKeyDown}>
    <input ref=${field} type="search" placeholder="Find a feeling" aria-label="Find an emoji" data-testid="emoji-search"
      value=${wanted} onInput=${(event) => setWanted(event.target.value)} />
    ${!wanted && html`<div class="emoji-grid quick">${QUICK.map((emoji) => tile(emoji, `quick ${emoji}`))}</div>`}
    <div class="emoji-grid">${found.map(({ emoji, name }) => tile(emoji, name))}</div>
  </div>`;
}
