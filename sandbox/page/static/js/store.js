/** What the page knows: who and where we are, channels, people, characters, and the log of each channel. */
import { batch, computed, signal } from "./ui.js";

/**
 * @typedef {{id: string, username: string, global_name?: string, avatar?: string, bot?: boolean}} User
 * @typedef {{id: string, type: number, name?: string, topic?: string, position: number,
 *   parent_id?: string, recipients: User[]}} Channel
 * @typedef {{emoji: {id?: string, name?: string}, user_ids: string[]}} Reaction
 * @typedef {{id: string, channel_id: string, author: User, content: string, timestamp: string,
 *   edited_timestamp?: string, type: number, flags: number, webhook_id?: string, mentions: User[],
 *   attachments: object[], embeds: object[], components: object[], reactions: Reaction[],
 *   message_reference?: object, referenced_message?: Message, interaction_metadata?: object}} Message
 * @typedef {{name: string, author: User, channel_ids: string[]}} Character
 */

export const DM = 1;
export const EPHEMERAL = 1 << 6;
export const LOADING = 1 << 7;
export const isThread = (channel) => channel.type === 11 || channel.type === 12;

export const me = signal(/** @type {User | null} */ (null));
export const guildName = signal("");
export const bot = signal(/** @type {User | null} */ (null));
export const channels = signal(/** @type {Channel[]} */ ([]));
export const members = signal(/** @type {User[]} */ ([]));
export const characters = signal(/** @type {Character[]} */ ([]));
export const roles = signal(/** @type {{id: string, name: string}[]} */ ([]));
export const channelId = signal(/** @type {string | null} */ (null));
export const unread = signal(/** @type {Record<string, number>} */ ({}));
export const position = { epoch: null, seq: 0 };

export const channel = computed(() => channels.value.find((found) => found.id === channelId.value) ?? null);
export const people = computed(() => members.value.filter((member) => !member.bot));

/** The log of one channel. Each message is a signal of its own, so an edit redraws that message alone. */
export class Log {
  static made = 0;

  constructor() {
    this.serial = ++Log.made;
    /** Ids, oldest first. */
    this.ids = signal(/** @type {string[]} */ ([]));
    this.loaded = signal(false);
    /** Whether the oldest message of the channel is here. */
    this.complete = signal(false);
    /** @type {Map<string, import("@preact/signals").Signal<Message>>} */
    this.messages = new Map();
  }

  /** @param {Message[]} older a page of history, newest last */
  prepend(older, complete) {
    batch(() => {
      const fresh = older.filter((message) => !this.messages.has(message.id));
      for (const message of older) this.put(message);
      this.ids.value = [...fresh.map((message) => message.id), ...this.ids.value].sort(bySnowflake);
      this.complete.value = complete;
      this.loaded.value = true;
    });
  }

  /** @param {Message} message */
  append(message) {
    const known = this.messages.has(message.id);
    this.put(message);
    if (!known) this.ids.value = [...this.ids.value, message.id].sort(bySnowflake);
  }

  put(message) {
    const known = this.messages.get(message.id);
    if (known) known.value = message;
    else this.messages.set(message.id, signal(message));
  }

  /** @param {string[]} ids */
  remove(ids) {
    for (const id of ids) this.messages.delete(id);
    this.ids.value = this.ids.value.filter((id) => this.messages.has(id));
  }
}

/** Snowflakes grow with time; longer ones are later. */
export function bySnowflake(a, b) {
  return a.length - b.length || (a < b ? -1 : a > b ? 1 : 0);
}

const logs = signal(/** @type {Map<string, Log>} */ (new Map()));

/** @param {string} id @returns {Log} */
export function logOf(id) {
  let log = logs.peek().get(id);
  if (!log) {
    log = new Log();
    logs.peek().set(id, log);
  }
  return log;
}

/** Forget every log: after a snapshot, history is asked for again. */
export function forgetLogs() {
  logs.value = new Map();
}

/** The log of the open channel, also after all logs were forgotten. */
export const openLog = computed(() => {
  void logs.value;
  return channelId.value ? logOf(channelId.value) : null;
});

/** @param {User | undefined} user */
export const nameOf = (user) => user?.global_name || user?.username || "Someone";

/** @param {string} id */
export const memberById = (id) => members.value.find((member) => member.id === id);

/** What a channel is called in lists and titles. */
export function titleOf(found) {
  if (!found) return "";
  if (found.type !== DM) return found.name ?? "";
  const other = found.recipients.find((user) => user.id !== me.value?.id);
  return nameOf(other ?? bot.value);
}

/** Remember that a webhook spoke under a name. */
export function noteCharacter(message) {
  if (!message.webhook_id) return;
  const name = message.author.username;
  const known = characters.value.find((character) => character.name === name);
  const channelIds = new Set([...(known?.channel_ids ?? []), message.channel_id]);
  const same = known && known.author.avatar === message.author.avatar && channelIds.size === known.channel_ids.length;
  if (same) return;
  const others = characters.value.filter((character) => character !== known);
  characters.value = [{ name, author: message.author, channel_ids: [...channelIds] }, ...others];
}

export function countUnread(id) {
  unread.value = { ...unread.value, [id]: (unread.value[id] ?? 0) + 1 };
}

export function markRead(id) {
  if (!unread.value[id]) return;
  const { [id]: _gone, ...rest } = unread.value;
  unread.value = rest;
}
