/** Applies what the server tells to the store. */
import { batch, signal } from "./ui.js";
import { request } from "./socket.js";
import {
  bot,
  bySnowflake,
  channelId,
  channels,
  characters,
  countUnread,
  forgetLogs,
  guildName,
  logOf,
  me,
  members,
  nameOf,
  noteCharacter,
  position,
  roles,
} from "./store.js";
import { startTyping, stopTyping } from "./typing.js";
import { noteGrowth } from "./live.js";

const PAGE = 50;
const REMEMBERED_USER = "troupe.user";
const REMEMBERED_CHANNEL = "troupe.channel";

/** Said for each new message, and again when it has stopped growing, for people who listen. */
export const announcement = signal("");

/** What a new connection says first; the server resumes after `last_seq` or sends a snapshot. */
export function greeting() {
  return {
    user_id: me.value?.id ?? sessionStorage.getItem(REMEMBERED_USER),
    epoch: position.epoch,
    last_seq: position.seq,
  };
}

/** @param {{t: string, seq?: number}} event */
export function apply(event) {
  batch(() => HANDLERS[event.t]?.(event));
  if (event.seq) position.seq = event.seq;
}

/** Open a channel and fetch its latest messages if they are not here. */
export function openChannel(id) {
  channelId.value = id;
  sessionStorage.setItem(REMEMBERED_CHANNEL, id);
  if (!logOf(id).loaded.value) loadOlder(id);
}

/** Fetch the page of history before what is here. */
export async function loadOlder(id) {
  const log = logOf(id);
  if (log.loading || log.complete.value) return;
  log.loading = true;
  try {
    const before = log.ids.value[0] ?? null;
    const older = await request("history", { channel_id: id, before, limit: PAGE });
    log.prepend(older, older.length < PAGE);
  } catch {
    // The connection was lost: the snapshot or the resumed connection asks again.
  } finally {
    log.loading = false;
  }
}

function snapshot(event) {
  position.epoch = event.epoch;
  me.value = event.me;
  bot.value = event.bot;
  guildName.value = event.guild;
  members.value = event.members;
  roles.value = event.roles;
  characters.value = event.characters;
  channels.value = event.channels.sort(inOrder);
  sessionStorage.setItem(REMEMBERED_USER, event.me.id);
  forgetLogs();
  const wanted = channelId.value ?? sessionStorage.getItem(REMEMBERED_CHANNEL);
  const found = channels.value.find((channel) => channel.id === wanted) ?? channels.value[0];
  if (found) openChannel(found.id);
}

function resumed() {
  const id = channelId.value;
  if (id && !logOf(id).loaded.value) loadOlder(id);
}

function inOrder(a, b) {
  return a.position - b.position || bySnowflake(a.id, b.id);
}

function created({ message }) {
  const log = logOf(message.channel_id);
  if (log.loaded.value || log.loading) log.append(message);
  noteCharacter(message);
  stopTyping(message.channel_id, message.author.id);
  if (message.webhook_id && bot.value) stopTyping(message.channel_id, bot.value.id);
  if (message.author.id === me.value?.id) return;
  if (message.channel_id !== channelId.value || document.hidden) countUnread(message.channel_id);
  announce(message);
}

function announce(message) {
  announcement.value = `${nameOf(message.author)}: ${message.content}`;
}

function updated({ message }) {
  const known = logOf(message.channel_id).messages.get(message.id);
  if (!known) return;
  const grew = message.content.length > known.value.content.length && known.value.content;
  if (message.author.bot && grew) noteGrowth(message.id, () => announce(known.value));
  known.value = message;
}

function deleted({ channel_id, ids }) {
  logOf(channel_id).remove(ids);
}

function reacted({ channel_id, message_id, reactions }) {
  const known = logOf(channel_id).messages.get(message_id);
  if (known) known.value = { ...known.value, reactions };
}

function channelChanged({ channel }) {
  const others = channels.value.filter((known) => known.id !== channel.id);
  channels.value = [...others, channel].sort(inOrder);
}

function channelGone({ id }) {
  channels.value = channels.value.filter((known) => known.id !== id);
  if (channelId.value === id && channels.value[0]) openChannel(channels.value[0].id);
}

function memberChanged({ user }) {
  const at = members.value.findIndex((member) => member.id === user.id);
  members.value = at < 0 ? [...members.value, user] : members.value.with(at, user);
  if (me.value?.id === user.id) me.value = user;
  if (bot.value?.id === user.id) bot.value = user;
}

const HANDLERS = {
  snapshot,
  resumed,
  message_create: created,
  message_update: updated,
  message_delete: deleted,
  reactions: reacted,
  typing: ({ channel_id, user_id }) => startTyping(channel_id, user_id),
  channel: channelChanged,
  channel_delete: channelGone,
  member: memberChanged,
  member_remove: ({ id }) => {
    members.value = members.value.filter((member) => member.id !== id);
  },
};
