/** Draws what `markdown.js` parsed. Text only ever becomes text nodes, so no message can bring markup. */
import { html, useState } from "./ui.js";
import { isJumbo, parse } from "./markdown.js";
import { channels, characters, memberById, nameOf, titleOf } from "./store.js";
import { openChannel } from "./events.js";
import { discordTime, fullTime, hueOf } from "./format.js";
import { copy } from "./toast.js";
import { startWith } from "./draft.js";

/**
 * @param {{text: string, tail?: any, mentions?: object[]}} props `tail` stands at the end of the last paragraph
 */
export function Markdown({ text, tail = null, mentions = [] }) {
  const names = characters.value.map((character) => character.name);
  const parsed = parse(text, { names });
  const last = parsed.at(-1);
  const inside = tail && last && "children" in last;
  return html`${parsed.map((block, at) => html`<${Block} key=${at} block=${block} mentions=${mentions}
    tail=${inside && block === last ? tail : null} />`)}${tail && !inside ? html`<p key="tail">${tail}</p>` : null}
  `;
}

/** @param {string} text */
export const jumbo = (text) => isJumbo(text);

function Block({ block, mentions, tail }) {
  const children = block.children?.map((node, at) => inline(node, at, mentions));
  switch (block.type) {
    case "code":
      return html`<${CodeBlock} language=${block.language} text=${block.text} />`;
    case "quote":
      return html`<blockquote>${inner(block.blocks, mentions)}</blockquote>`;
    case "list":
      return html`<${List} block=${block} mentions=${mentions} />`;
    case "small":
      return html`<p class="small-print">${children}${tail}</p>`;
    case "p":
      return html`<p>${children}${tail}</p>`;
    default:
      return html`<p class="heading ${block.type}" role="heading" aria-level=${Number(block.type[1]) + 2}>
        ${children}${tail}
      </p>`;
  }
}

function inner(blocks, mentions) {
  return blocks.map((block, at) => html`<${Block} key=${at} block=${block} mentions=${mentions} />`);
}

function List({ block, mentions }) {
  const items = block.items.map((blocks, at) => html`<li key=${at}>${inner(blocks, mentions)}</li>`);
  return block.ordered ? html`<ol start=${block.start}>${items}</ol>` : html`<ul>${items}</ul>`;
}

function CodeBlock({ language, text }) {
  return html`<figure class="code-block" data-testid="code-block">
    <figcaption>
      <span>${language || "text"}</span>
      <button type="button" class="quiet" onClick=${() => copy(text, "Code copied")}>Copy</button>
    </figcaption>
    <pre tabindex="0"><code>${text}</code></pre>
  </figure>`;
}

/** What could be typed here (`@Name hello`, `/help`) is put into the composer when pressed. */
function Code({ text }) {
  if (!TYPEABLE.test(text)) return html`<code>${text}</code>`;
  return html`<button type="button" class="typeable" title="Put this into the message" data-testid="typeable"
    onClick=${() => startWith(text)}><code>${text}</code></button>`;
}

const TYPEABLE = /^(?:@\p{L}|\/[a-z])[^\n`]{0,80}$/u;
const TAGS = { b: "strong", i: "em", u: "u", s: "s" };

function inline(node, key, mentions) {
  if (typeof node === "string") return node;
  const children = node.children?.map((child, at) => inline(child, at, mentions));
  switch (node.type) {
    case "break":
      return html`<br key=${key} />`;
    case "code":
      return html`<${Code} key=${key} text=${node.text} />`;
    case "spoiler":
      return html`<${Spoiler} key=${key}>${children}<//>`;
    case "link":
      return html`<a key=${key} href=${node.href} target="_blank" rel="noopener noreferrer nofollow">${children}</a>`;
    case "time":
      return html`<time key=${key} class="chip" title=${fullTime(node.seconds * 1000)}>
        ${discordTime(node.seconds, node.style)}
      </time>`;
    case "emoji":
      return html`<span key=${key} class="emoji" title=${`:${node.name}:`}>:${node.name}:</span>`;
    case "b":
    case "i":
    case "u":
    case "s":
      return html`<${TAGS[node.type]} key=${key}>${children}<//>`;
    default:
      return mention(node, key, mentions);
  }
}

function mention(node, key, mentions) {
  if (node.type === "channel") {
    const channel = channels.value.find((found) => found.id === node.id);
    return channel
      ? html`<button key=${key} type="button" class="mention" onClick=${() => openChannel(node.id)}>#${titleOf(channel)}</button>`
      : html`<span key=${key} class="mention">#unknown</span>`;
  }
  if (node.type === "name") {
    return html`<span key=${key} class="mention called" style=${{ "--hue": hueOf(spelled(node.name)) }}>@${spelled(node.name)}</span>`;
  }
  if (node.type === "user") {
    const user = memberById(node.id) ?? mentions.find((known) => known.id === node.id);
    return html`<span key=${key} class="mention">@${user ? nameOf(user) : "unknown"}</span>`;
  }
  return html`<span key=${key} class="mention">${node.type === "role" ? "@role" : node.text}</span>`;
}

function spelled(name) {
  const known = characters.value.find((character) => character.name.toLowerCase() === name.toLowerCase());
  return known?.name ?? name;
}

function Spoiler({ children }) {
  const [shown, setShown] = useState(false);
  const label = shown ? undefined : "Spoiler, press to show";
  return html`<span class="spoiler" data-shown=${shown} role="button" tabindex="0" aria-expanded=${shown} aria-label=${label}
    onClick=${() => setShown(true)}
    onKeyDown=${(event) => (event.key === "Enter" || event.key === " ") && (event.preventDefault(), setShown(true))}
  ><span aria-hidden=${!shown}>${children}</span></span>`;
}
