/** The sidebar: the place, its channels and threads, direct messages, and who one is. */
import { classes, html } from "./ui.js";
import { Avatar } from "./avatar.js";
import { Icon } from "./icons.js";
import { SwitchPerson } from "./people.js";
import { drawer } from "./drawers.js";
import { attempt } from "./toast.js";
import { apply, openChannel } from "./events.js";
import { request } from "./socket.js";
import { DM, bot, channelId, channels, guildName, isThread, nameOf, titleOf, unread } from "./store.js";

export function Sidebar() {
  const rooms = channels.value.filter((found) => found.type !== DM && !isThread(found));
  const direct = channels.value.filter((found) => found.type === DM);
  return html`<nav class="sidebar" data-open=${drawer.value === "channels"} aria-label="Channels" data-testid="sidebar">
    <header class="place"><img src="/static/mask.svg" alt="" width="28" height="28" /><span data-testid="guild-name">${guildName.value || "Troupe"}</span></header>
    <div class="channel-list">
      <h2>Rooms</h2>
      ${rooms.map((room) => html`<${Room} key=${room.id} room=${room} />`)}
      <h2>Direct messages</h2>
      ${direct.map((found) => html`<${Entry} key=${found.id} found=${found} />`)}
      ${direct.length === 0 && bot.value && html`<button type="button" class="channel" data-testid="open-dm" onClick=${openDirect}>
        <${Avatar} user=${bot.value} size="tiny" /><span>${nameOf(bot.value)}</span>
      </button>`}
    </div>
    <${SwitchPerson} />
  </nav>`;
}

/** Open the direct messages with the bot. */
export async function openDirect() {
  const found = await attempt(request("open_dm"));
  if (!found) return;
  apply({ t: "channel", channel: found });
  visit(found.id);
}

function visit(id) {
  openChannel(id);
  drawer.value = null;
}

function Room({ room }) {
  const threads = channels.value.filter((found) => isThread(found) && found.parent_id === room.id);
  return html`<${Entry} found=${room} />
    ${threads.map((thread) => html`<${Entry} key=${thread.id} found=${thread} />`)}`;
}

function Entry({ found }) {
  const open = found.id === channelId.value;
  const count = unread.value[found.id] ?? 0;
  const name = titleOf(found);
  return html`<button type="button" class=${classes("channel", isThread(found) && "thread", open && "open", count && "unread")}
    aria-current=${open ? "page" : undefined} data-testid="channel" data-channel=${name} onClick=${() => visit(found.id)}>
    ${found.type === DM
      ? html`<${Avatar} user=${found.recipients.find((user) => user.bot) ?? bot.value} size="tiny" />`
      : html`<${Icon} name=${isThread(found) ? "thread" : "hash"} />`}
    <span>${name}</span>
    ${count > 0 && html`<b class="count" aria-label=${`${count} unread`} data-testid="unread">${count > 99 ? "99+" : count}</b>`}
  </button>`;
}

/** Alt or Ctrl with an arrow goes to the channel above or below. */
export function stepChannel(step) {
  const ordered = [...document.querySelectorAll("[data-testid=channel]")];
  const at = ordered.findIndex((entry) => entry.getAttribute("aria-current") === "page");
  ordered[(at + step + ordered.length) % ordered.length]?.click();
}
