/** The page: what stands where, and keys that work everywhere. */
import { effect, html, render, useState } from "./ui.js";
import { Composer } from "./composer.js";
import { ConfirmDelete } from "./confirm.js";
import { Icon, IconButton } from "./icons.js";
import { Lightbox } from "./attachments.js";
import { Members } from "./members.js";
import { MessageLog } from "./log.js";
import { Modal } from "./modal.js";
import { Sidebar, stepChannel } from "./channels.js";
import { Toasts } from "./toast.js";
import { TypingLine } from "./typing.js";
import { addFiles } from "./draft.js";
import { announcement, apply, greeting } from "./events.js";
import { connect, connection, reconnectNow } from "./socket.js";
import { drawer, toggleDrawer } from "./drawers.js";
import { DM, channel, channelId, isThread, markRead, me, titleOf, unread } from "./store.js";

function App() {
  if (!me.value) return html`<p class="boot" data-testid="boot">${connection.value === "lost" ? "The stage door is locked. Knocking again…" : "The house lights go down…"}</p>`;
  return html`
    <div class="stage">
      <${Sidebar} />
      <main class="room"><${Header} /><${Banner} /><${DropZone}><${MessageLog} /><${Composer} /><${TypingLine} /><//></main>
      <${Members} />
      ${drawer.value && html`<button type="button" class="veil" aria-label="Close the panel" data-testid="veil" onClick=${() => (drawer.value = null)}></button>`}
    </div>
    <${Modal} /><${ConfirmDelete} /><${Lightbox} /><${Toasts} />
    <p class="sr-only" aria-live="polite" data-testid="announcement">${announcement}</p>
  `;
}

function Header() {
  const here = channel.value;
  if (!here) return null;
  const icon = here.type === DM ? "at" : isThread(here) ? "thread" : "hash";
  return html`<header class="room-header">
    <${IconButton} name="menu" label="Channels" testid="open-channels" onClick=${() => toggleDrawer("channels")} />
    <h1 data-testid="room-title"><${Icon} name=${icon} />${titleOf(here)}</h1>
    ${here.topic && html`<p>${here.topic}</p>`}
    <${IconButton} name="people" label="Who is here" testid="open-members" onClick=${() => toggleDrawer("members")} />
  </header>`;
}

function Banner() {
  if (connection.value !== "lost") return null;
  return html`<div class="banner" role="status" data-testid="connection-lost">
    <span class="dots" aria-hidden="true"><i></i><i></i><i></i></span>
    The connection was lost. Trying again… <button type="button" class="link" onClick=${reconnectNow}>Now</button>
  </div>`;
}

/** Files dropped anywhere over the room are added to the draft. */
function DropZone({ children }) {
  const [over, setOver] = useState(false);
  const carries = (event) => event.dataTransfer?.types.includes("Files");
  const onDragOver = (event) => {
    if (!carries(event)) return;
    event.preventDefault();
    setOver(true);
  };
  const onDrop = (event) => {
    if (!carries(event)) return;
    event.preventDefault();
    setOver(false);
    addFiles(event.dataTransfer.files);
  };
  const onDragLeave = (event) => !event.currentTarget.contains(event.relatedTarget) && setOver(false);
  return html`<div class="floor" onDragOver=${onDragOver} onDragLeave=${onDragLeave} onDrop=${onDrop}>
    ${children}${over && html`<div class="drop">Let go to add the files</div>`}
  </div>`;
}

function onKey(event) {
  const arrow = { ArrowUp: -1, ArrowDown: 1 }[event.key];
  if (arrow && (event.altKey || event.ctrlKey) && !event.shiftKey && !document.querySelector("dialog[open]")) {
    event.preventDefault();
    stepChannel(arrow);
  } else if (event.key === "Escape" && drawer.value) drawer.value = null;
  else if (event.key === "Escape" && document.activeElement?.dataset.testid === "message") {
    document.querySelector("[data-testid=composer-input]")?.focus();
  }
}

effect(() => {
  const count = Object.values(unread.value).reduce((sum, more) => sum + more, 0);
  const here = channel.value ? `${channel.value.type === DM ? "" : "#"}${titleOf(channel.value)} · Troupe` : "Troupe";
  document.title = count ? `(${count}) ${here}` : here;
});

document.addEventListener("keydown", onKey);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && channelId.value) markRead(channelId.value);
});
const root = document.getElementById("app");
root.textContent = "";
render(html`<${App} />`, root);
connect(apply, greeting);
