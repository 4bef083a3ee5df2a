/** What can be done with a message: a small bar on hover or focus, and keys on the focused message. */
import { html, signal, useComputed } from "./ui.js";
import { EmojiSheet, react } from "./reactions.js";
import { IconButton } from "./icons.js";
import { commands, loadCommands } from "./commands.js";
import { confirmDelete } from "./confirm.js";
import { copy, attempt } from "./toast.js";
import { editing } from "./message_editor.js";
import { interact } from "./interact.js";
import { openChannel } from "./events.js";
import { replyTo } from "./draft.js";
import { request } from "./socket.js";
import { DM, channel, isThread, me } from "./store.js";

const MESSAGE_COMMAND = 3;

/** Which message has its emoji sheet or its menu open. */
const opened = signal(/** @type {{id: string, what: "emoji" | "menu"} | null} */ (null));

const ownedBy = (message, user) => message.author.id === user?.id;

/** @param {{message: import("./store.js").Message}} props */
export function MessageActions({ message }) {
  const what = useComputed(() => (opened.value?.id === message.id ? opened.value.what : null)).value;
  const own = ownedBy(message, me.value);
  const open = (wanted) => {
    if (wanted === "menu") loadCommands(message.channel_id);
    opened.value = what === wanted ? null : { id: message.id, what: wanted };
  };
  return html`<div class="actions" data-open=${Boolean(what)} data-testid="message-actions" onKeyDown=${escape}>
    <div class="bar" role="toolbar" aria-label="Message actions">
      <${IconButton} name="smile" label="Add reaction (+)" testid="action-react" onClick=${() => open("emoji")} />
      <${IconButton} name="reply" label="Reply (R)" testid="action-reply" onClick=${() => (replyTo.value = message)} />
      ${own && html`<${IconButton} name="edit" label="Edit (E)" testid="action-edit" onClick=${() => (editing.value = message.id)} />`}
      <${IconButton} name="more" label="More" testid="action-more" onClick=${() => open("menu")} />
    </div>
    ${what === "emoji" && html`<${EmojiSheet} onClose=${close} onPick=${(emoji) => (close(), react(message, emoji))} />`}
    ${what === "menu" && html`<${Menu} message=${message} own=${own} />`}
  </div>`;
}

function close() {
  opened.value = null;
}

function escape(event) {
  if (event.key !== "Escape" || !opened.value) return;
  event.stopPropagation();
  close();
}

document.addEventListener("mousedown", (event) => {
  if (opened.value && !event.target.closest?.(".actions")) close();
});

function Menu({ message, own }) {
  const run = (action) => () => (close(), action());
  const item = (label, testid, action) =>
    html`<button type="button" role="menuitem" data-testid=${testid} onClick=${run(action)}>${label}</button>`;
  const threads = channel.value && channel.value.type !== DM && !isThread(channel.value);
  const apps = commands.value.filter((command) => command.type === MESSAGE_COMMAND);
  return html`<div class="menu" role="menu" data-testid="message-menu">
    ${item("Copy text", "menu-copy", () => copy(message.content, "Text copied"))}
    ${item("Copy id", "menu-copy-id", () => copy(message.id, "Id copied"))}
    ${threads && item("Start a thread", "menu-thread", () => startThread(message))}
    ${apps.map((command) =>
      item(command.name, "menu-app", () => {
        interact("menu", { channel_id: message.channel_id, name: command.name, message_id: message.id });
      }),
    )}
    ${(own || mayDelete()) && html`<button type="button" role="menuitem" class="danger" data-testid="menu-delete"
      onClick=${run(() => confirmDelete(message))}>Delete message</button>`}
  </div>`;
}

/** The server refuses whom it must; in direct messages only the own ones can go. */
const mayDelete = () => channel.value?.type !== DM;

async function startThread(message) {
  const name = message.content.replace(/\s+/g, " ").slice(0, 60).trim() || "A side conversation";
  const id = await attempt(request("thread", { channel_id: message.channel_id, message_id: message.id, name }));
  if (id) openChannel(id);
}

/** Keys on a focused message. @param {KeyboardEvent} event */
export function onMessageKey(event, message) {
  const key = event.key.toLowerCase();
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (key === "r") replyTo.value = message;
  else if (key === "e" && ownedBy(message, me.value)) editing.value = message.id;
  else if (key === "+") opened.value = { id: message.id, what: "emoji" };
  else if (key === "c") copy(message.content, "Text copied");
  else if (key === "delete" || key === "backspace") confirmDelete(message);
  else return;
  event.preventDefault();
}
