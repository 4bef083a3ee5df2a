/**
 * Discord's markdown, from text to a tree. Nothing here touches the page.
 *
 * Blocks: {type: "p" | "h1" | "h2" | "h3" | "small", children} · {type: "code", language, text}
 *   · {type: "quote", blocks} · {type: "list", ordered, start, items: Block[][]}
 * Inlines: string · {type: "b" | "i" | "u" | "s" | "spoiler", children} · {type: "code", text} · {type: "break"}
 *   · {type: "link", href, children} · {type: "user" | "channel" | "role", id} · {type: "everyone", text}
 *   · {type: "emoji", name, id, animated} · {type: "time", seconds, style} · {type: "name", name}
 */

const FENCE = /```(?:([\w+#.-]{1,32})\n)?\n?([\s\S]+?)\n?```/;
const HEADING = /^(#{1,3})\s+(.+)$/;
const SMALL = /^-#\s+(.+)$/;
const BULLET = /^(\s*)(?:([-*])|(\d{1,9})\.)\s+(.+)$/;
const DEEPEST = 6;

/**
 * @param {string} text
 * @param {{names?: string[]}} context names of characters, so that @Name is seen as one
 */
export function parse(text, context = {}) {
  return blocks(text, { inline: inlineParser(context.names ?? []), depth: 0 });
}

function blocks(text, state) {
  const found = [];
  let rest = text;
  while (rest) {
    const fence = state.depth < DEEPEST ? FENCE.exec(rest) : null;
    const before = fence ? rest.slice(0, fence.index) : rest;
    // A fence inside a quote belongs to the quote, which reads it itself.
    const quoted = fence && /(?:^|\n)>(?:>>)? [^\n]*$/.test(before);
    if (!fence || quoted) {
      found.push(...lines(rest, state));
      break;
    }
    found.push(...lines(before.replace(/\n$/, ""), state));
    found.push({ type: "code", language: fence[1] ?? "", text: fence[2] });
    rest = rest.slice(fence.index + fence[0].length).replace(/^\n/, "");
  }
  return found;
}

function lines(text, state) {
  if (!text) return [];
  const found = [];
  const all = text.split("\n");
  let paragraph = [];
  const flush = () => {
    if (paragraph.length) found.push({ type: "p", children: state.inline(paragraph.join("\n")) });
    paragraph = [];
  };
  for (let at = 0; at < all.length; ) {
    const taken = state.depth < DEEPEST ? special(all, at, state) : null;
    if (taken) {
      flush();
      found.push(taken.block);
      at = taken.next;
    } else {
      paragraph.push(all[at]);
      at += 1;
    }
  }
  flush();
  return found;
}

/** Read a block that is no paragraph at a line, or return null. */
function special(all, at, state) {
  const line = all[at];
  const heading = HEADING.exec(line);
  if (heading) {
    return { block: { type: `h${heading[1].length}`, children: state.inline(heading[2]) }, next: at + 1 };
  }
  const small = SMALL.exec(line);
  if (small) return { block: { type: "small", children: state.inline(small[1]) }, next: at + 1 };
  if (line.startsWith(">>> ")) {
    const inner = [line.slice(4), ...all.slice(at + 1)].join("\n");
    return { block: quote(inner, state), next: all.length };
  }
  if (line.startsWith("> ") || line === ">") return quoteLines(all, at, state);
  return BULLET.test(line) ? list(all, at, state) : null;
}

function quoteLines(all, at, state) {
  let next = at;
  const inner = [];
  while (next < all.length && (all[next].startsWith("> ") || all[next] === ">")) inner.push(all[next++].slice(2));
  return { block: quote(inner.join("\n"), state), next };
}

function quote(text, state) {
  return { type: "quote", blocks: blocks(text, { ...state, depth: state.depth + 1 }) };
}

function list(all, at, state) {
  const first = BULLET.exec(all[at]);
  const indent = first[1].length;
  const ordered = first[3] !== undefined;
  const items = [];
  let next = at;
  while (next < all.length) {
    const bullet = BULLET.exec(all[next]);
    if (!bullet || bullet[1].length < indent || (bullet[1].length === indent && (bullet[3] !== undefined) !== ordered)) break;
    if (bullet[1].length > indent && state.depth < DEEPEST) {
      const nested = list(all, next, { ...state, depth: state.depth + 1 });
      items.at(-1).push(nested.block);
      next = nested.next;
    } else {
      items.push([{ type: "p", children: state.inline(bullet[4]) }]);
      next += 1;
    }
  }
  return { block: { type: "list", ordered, start: Number(first[3] ?? 1), items }, next };
}

const ESCAPED = /^\\([^0-9A-Za-z\s])/;
const CODE = /^(`+)([\s\S]*?[^`])\1(?!`)/;
const MASKED = /^\[([^[\]\n]+)\]\(<?(https?:\/\/[^\s<>()]+(?:\([^\s()]*\)[^\s<>()]*)?)>?\)/;
const BRACKETED = /^<(https?:\/\/[^\s<>]+)>/;
const BALANCED = /^https?:\/\/[^\s<()]+\([^\s<()]*\)(?:[^\s<]*[^\s<.,:;"'\])*_~|])?/;
const BARE = /^https?:\/\/[^\s<]*[^\s<.,:;"'\])*_~|]/;
const USER = /^<@!?(\d{15,20})>/;
const ROLE = /^<@&(\d{15,20})>/;
const CHANNEL = /^<#(\d{15,20})>/;
const EMOJI = /^<(a?):(\w{2,32}):(\d{15,20})>/;
const TIME = /^<t:(-?\d{1,13})(?::([tTdDfFR]))?>/;
const EVERYONE = /^@(everyone|here)\b/;
const PLAIN = /^[\s\S]+?(?=[^0-9A-Za-z\s\u00c0-\uffff]|\n|https?:|$)/;

const SIMPLE = [
  [ESCAPED, (match) => match[1]],
  [CODE, (match) => ({ type: "code", text: match[2].replace(/^ (?=`)|(?<=`) $/g, "") })],
  [MASKED, (match, inline) => ({ type: "link", href: match[2], children: inline(match[1]) })],
  [BRACKETED, (match) => ({ type: "link", href: match[1], children: [match[1]] })],
  [BALANCED, (match) => ({ type: "link", href: match[0], children: [match[0]] })],
  [BARE, (match) => ({ type: "link", href: match[0], children: [match[0]] })],
  [USER, (match) => ({ type: "user", id: match[1] })],
  [ROLE, (match) => ({ type: "role", id: match[1] })],
  [CHANNEL, (match) => ({ type: "channel", id: match[1] })],
  [EMOJI, (match) => ({ type: "emoji", name: match[2], id: match[3], animated: match[1] === "a" })],
  [TIME, (match) => ({ type: "time", seconds: Number(match[1]), style: match[2] ?? "f" })],
  [EVERYONE, (match) => ({ type: "everyone", text: match[0] })],
];

/** Marks around text, the longer first: opening, kind, and what may not follow the closing one. */
const MARKS = [
  ["**", "b", "*"],
  ["__", "u", "_"],
  ["~~", "s", "~"],
  ["||", "spoiler", "|"],
  ["*", "i", "*"],
  ["_", "i", "_"],
];

function inlineParser(names) {
  const called = nameRule(names);
  return function inline(text, depth = 0) {
    const found = [];
    let rest = text;
    let previous = "";
    while (rest) {
      const [node, length] = depth < DEEPEST ? next(rest, previous, (inner) => inline(inner, depth + 1), called) : [rest, rest.length];
      push(found, node);
      previous = rest[length - 1];
      rest = rest.slice(length);
    }
    return found;
  };
}

/** Characters have no id to mention them by: people write @ and the name. */
function nameRule(names) {
  if (!names.length) return null;
  const escaped = names.toSorted((a, b) => b.length - a.length).map((name) => name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^@(${escaped.join("|")})(?![\\p{L}\\p{N}])`, "iu");
}

/** Read the next inline and how many characters it took. */
function next(rest, previous, inline, called) {
  if (rest[0] === "\n") return [{ type: "break" }, 1];
  for (const [pattern, make] of SIMPLE) {
    const match = pattern.exec(rest);
    if (match) return [make(match, inline), match[0].length];
  }
  const name = called?.exec(rest);
  if (name) return [{ type: "name", name: name[1] }, name[0].length];
  return marked(rest, previous, inline) ?? plain(rest);
}

function marked(rest, previous, inline) {
  for (const [mark, type, after] of MARKS) {
    if (!rest.startsWith(mark)) continue;
    if (mark === "_" && /[0-9A-Za-z]/.test(previous)) continue;
    const inner = closing(rest, mark, after);
    if (inner !== null) return [{ type, children: inline(inner) }, inner.length + 2 * mark.length];
  }
  return null;
}

/** The text up to the closing mark, or null; skips escapes and longer runs of the same mark. */
function closing(rest, mark, after) {
  const single = mark.length === 1;
  if (single && /^.\s/.test(rest)) return null;
  for (let at = mark.length; at < rest.length; at += 1) {
    if (rest[at] === "\\") {
      at += 1;
      continue;
    }
    if (!rest.startsWith(mark, at)) continue;
    let end = at;
    while (rest[end] === after) end += 1;
    const run = end - at;
    // `**bold *both***`: the closing pair is the end of the run. A lone mark skips pairs inside.
    if (single && run % 2 === 0) {
      at = end - 1;
      continue;
    }
    const close = end - mark.length;
    const fits = close > mark.length - 1 && /[^\s*_~|]/.test(rest.slice(mark.length, close));
    if (fits && !(single && closesBadly(rest, mark, close))) return rest.slice(mark.length, close);
    at = end - 1;
  }
  return null;
}

function closesBadly(rest, mark, close) {
  if (mark === "*") return /\s/.test(rest[close - 1]);
  return /[0-9A-Za-z]/.test(rest[close + 1] ?? "");
}

function plain(rest) {
  const match = PLAIN.exec(rest);
  return [match[0], match[0].length];
}

function push(found, node) {
  if (typeof node === "string" && typeof found.at(-1) === "string") found.push(found.pop() + node);
  else found.push(node);
}

const ONLY_EMOJI = /^(?:(?:\p{Extended_Pictographic}|\p{Emoji_Presentation}|[\u200d\ufe0f\u{1f3fb}-\u{1f3ff}]|<a?:\w+:\d+>|\s))+$/u;

/** Whether a message is nothing but a few emoji, which are shown large. */
export function isJumbo(text) {
  if (text.length > 120 || !ONLY_EMOJI.test(text)) return false;
  const count = [...new Intl.Segmenter().segment(text.replace(/<a?:\w+:\d+>/g, "😀").replace(/\s/g, ""))].length;
  return count <= 12;
}

/** The text of inlines and blocks without any marks, for previews. */
export function plainText(text) {
  const words = (node) => {
    if (typeof node === "string") return node;
    if (node.type === "break") return " ";
    if (node.type === "name") return `@${node.name}`;
    return node.text ?? (node.children ?? node.blocks ?? node.items?.flat() ?? []).map(words).join("");
  };
  return parse(text).map(words).join(" ").replace(/\s+/g, " ").trim();
}
