/** The bot's commands, flattened to what can be typed. */
import { signal } from "./ui.js";
import { request } from "./socket.js";

/** Types of options that need care. */
export const INTEGER = 4;
export const BOOLEAN = 5;
export const NUMBER = 10;
export const ATTACHMENT = 11;

const CHAT_INPUT = 1;
const SUBCOMMANDS = new Set([1, 2]);

/**
 * @typedef {{name: string, description: string, type: number, required?: boolean, autocomplete?: boolean,
 *   choices?: {name: string, value: any}[], min_value?: number, max_value?: number,
 *   min_length?: number, max_length?: number}} Option
 * @typedef {{path: string[], title: string, description: string, options: Option[]}} Leaf
 */

/** As Discord writes them, for the open channel. */
export const commands = signal(/** @type {object[]} */ ([]));

/** Ask again each time: the bot may have added commands. @param {string} channelId */
export async function loadCommands(channelId) {
  try {
    commands.value = await request("commands", { channel_id: channelId });
  } catch {
    commands.value = [];
  }
}

/** @returns {Leaf[]} */
export function leaves() {
  return commands.value.filter((command) => command.type === CHAT_INPUT).flatMap((command) => walk(command, [command.name]));
}

function walk(node, path) {
  const children = (node.options ?? []).filter((option) => SUBCOMMANDS.has(option.type));
  if (children.length) return children.flatMap((child) => walk(child, [...path, child.name]));
  return [{ path, title: path.join(" "), description: node.description, options: node.options ?? [] }];
}

/** Those that fit what was typed after the slash, the best first. @param {string} typed */
export function leavesMatching(typed) {
  const wanted = typed.toLowerCase().trim();
  const score = (leaf) => {
    if (leaf.title.startsWith(wanted)) return 0;
    if (leaf.path.some((part) => part.startsWith(wanted))) return 1;
    return leaf.title.includes(wanted) ? 2 : 3;
  };
  return leaves().filter((leaf) => score(leaf) < 3).sort((a, b) => score(a) - score(b));
}

/** A value as the type of its option; suggestions and choices already are. */
export function typed(option, value) {
  if (option.type === BOOLEAN) return value === "true";
  if ((option.type === INTEGER || option.type === NUMBER) && typeof value === "string") return Number(value);
  return value;
}
