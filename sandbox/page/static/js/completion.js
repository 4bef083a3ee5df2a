/** What can be completed at the caret: people and characters, channels, emoji, commands. */
import { emojiStarting } from "./emoji.js";
import { leavesMatching } from "./commands.js";
import { hueOf } from "./format.js";
import { DM, channelId, channels, characters, isThread, me, members, nameOf, titleOf } from "./store.js";

const MOST = 10;
const AT_CARET = /(?:^|[\s(])([@#:])([\p{L}\p{N}_.' -]{0,32})$/u;

/**
 * @typedef {{key: string, label: string, detail?: string, user?: object, icon?: string, mark?: string,
 *   insert?: string, from?: number, token?: string, leaf?: object}} Suggestion
 */

/** @param {string} text @param {number} caret @returns {Suggestion[]} */
export function suggest(text, caret) {
  const before = text.slice(0, caret);
  if (text.startsWith("/") && !before.includes("\n")) return slash(text.slice(1));
  const found = AT_CARET.exec(before);
  if (!found) return [];
  const [, sign, typed] = found;
  const from = caret - typed.length - 1;
  const make = { "@": names, "#": rooms, ":": feelings }[sign];
  return make(typed).slice(0, MOST).map((suggestion) => ({ ...suggestion, from }));
}

function slash(typed) {
  return leavesMatching(typed).slice(0, 40).map((leaf) => ({
    key: leaf.title,
    label: `/${leaf.title}`,
    detail: leaf.description,
    icon: "slash",
    leaf,
  }));
}

function names(typed) {
  const here = characters.value.toSorted((a, b) => Number(isHere(b)) - Number(isHere(a)));
  const cast = here.map((character) => ({
    key: `c-${character.name}`,
    label: character.name,
    detail: "character",
    user: character.author,
    insert: `@${character.name} `,
  }));
  const people = members.value.filter((member) => member.id !== me.value?.id).map((member) => ({
    key: member.id,
    label: nameOf(member),
    detail: member.bot ? "app" : "person",
    user: member,
    insert: `@${nameOf(member)} `,
    token: `<@${member.id}>`,
  }));
  return [...cast, ...people].filter(({ label }) => starts(label, typed));
}

const isHere = (character) => character.channel_ids.includes(channelId.value);

function starts(label, typed) {
  const name = label.toLowerCase();
  const wanted = typed.toLowerCase();
  return name.startsWith(wanted) || name.split(/\s+/).some((word) => word.startsWith(wanted));
}

function rooms(typed) {
  return channels.value.filter((found) => found.type !== DM && starts(titleOf(found), typed)).map((found) => ({
    key: found.id,
    label: titleOf(found),
    icon: isThread(found) ? "thread" : "hash",
    insert: `#${titleOf(found)} `,
    token: `<#${found.id}>`,
  }));
}

function feelings(typed) {
  if (typed.length < 2) return [];
  return emojiStarting(typed).map(({ emoji, name }) => ({ key: name, label: `:${name}:`, mark: emoji, insert: `${emoji} ` }));
}

/** A hue for the label, so that a name keeps its colour everywhere. */
export const labelHue = (suggestion) => (suggestion.user ? hueOf(suggestion.label) : 30);
