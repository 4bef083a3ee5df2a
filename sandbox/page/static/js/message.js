/** One message of the log: who, when, what, and what can be done with it. */
import { classes, html, useComputed, useMemo } from "./ui.js";
import { Avatar } from "./avatar.js";
import { Attachments } from "./attachments.js";
import { Components } from "./components.js";
import { Embeds } from "./embeds.js";
import { Markdown, jumbo } from "./markdown_view.js";
import { plainText } from "./markdown.js";
import { MessageActions } from "./message_actions.js";
import { MessageEditor, editing } from "./message_editor.js";
import { Reactions } from "./reactions.js";
import { clock, fullTime, hueOf, stamp } from "./format.js";
import { growing } from "./live.js";
import { attempt } from "./toast.js";
import { request } from "./socket.js";
import { EPHEMERAL, LOADING, bot, me, memberById, nameOf, openLog } from "./store.js";

const REPLY = 19;
const NOTES = { 1: "added someone", 6: "pinned a message", 7: "arrived", 18: "started a thread" };

/** @param {{message: import("@preact/signals").Signal<import("./store.js").Message>, follows: boolean}} props */
export function Message({ message, follows, tabIndex }) {
  const shown = message.value;
  const live = useComputed(() => growing.value.has(message.value.id)).value;
  if (NOTES[shown.type]) return html`<${Note} message=${shown} tabIndex=${tabIndex} />`;
  const ephemeral = Boolean(shown.flags & EPHEMERAL);
  const name = authorName(shown);
  return html`<article
    id=${`m-${shown.id}`}
    class=${classes("message", follows && "follows", ephemeral && "ephemeral", mentionsMe(shown) && "for-me")}
    tabindex=${tabIndex} data-testid="message" data-message-id=${shown.id} data-author=${name} data-live=${live}
    aria-busy=${live} aria-label=${`${name}, ${clock(shown.timestamp)}`}
  >
    ${shown.type === REPLY && html`<${Quote} message=${shown} />`}
    ${shown.interaction_metadata?.name && html`<${Cause} cause=${shown.interaction_metadata} />`}
    <div class="gutter">
      ${follows
        ? html`<time class="side-time" datetime=${shown.timestamp}>${clock(shown.timestamp)}</time>`
        : html`<${Avatar} user=${shown.author} />`}
    </div>
    <div class="body">
      ${!follows && html`<${Heading} message=${shown} name=${name} />`}
      <${Body} message=${shown} live=${live} />
      ${ephemeral && html`<${OnlyYou} message=${shown} />`}
    </div>
    ${!ephemeral && html`<${MessageActions} message=${shown} />`}
  </article>`;
}

/** The name a message stands under: the webhook's for characters, else the member's. */
export function authorName(message) {
  if (message.webhook_id) return message.author.username;
  return nameOf(memberById(message.author.id) ?? message.author);
}

function mentionsMe(message) {
  return message.mentions.some((user) => user.id === me.value?.id) && message.author.id !== me.value?.id;
}

function Heading({ message, name }) {
  return html`<header>
    <span class="author" style=${{ "--hue": hueOf(name) }} data-testid="message-author">${name}</span>
    ${message.author.bot && html`<span class="badge" data-testid="app-badge">App</span>`}
    <time datetime=${message.timestamp} title=${fullTime(message.timestamp)}>${stamp(message.timestamp)}</time>
  </header>`;
}

function Body({ message, live }) {
  const edited = useComputed(() => editing.value === message.id).value;
  if (edited) return html`<${MessageEditor} message=${message} />`;
  if (message.flags & LOADING) return html`<${Thinking} />`;
  return html`
    ${message.content &&
    html`<div class=${classes("content", jumbo(message.content) && "jumbo")} data-testid="message-content">
      <${Markdown} text=${message.content} mentions=${message.mentions} tail=${tail(message, live)} />
    </div>`}
    <${Attachments} files=${besidesEmbeds(message)} />
    <${Embeds} embeds=${message.embeds} />
    <${Components} message=${message} />
    <${Reactions} message=${message} />
  `;
}

/** A file that an embed shows is not shown a second time. */
function besidesEmbeds({ attachments, embeds }) {
  const used = new Set(embeds.flatMap((embed) => [embed.image?.url, embed.thumbnail?.url, embed.author?.icon_url]));
  return attachments.filter((file) => !used.has(file.url));
}

/** While words arrive a soft light stands after them; afterwards the mark of an edit, as on Discord. */
function tail(message, live) {
  if (live) return html`<span key="tail" class="glow" aria-hidden="true" data-testid="growing"></span>`;
  if (!message.edited_timestamp) return null;
  return html`<span key="tail" class="edited" title=${fullTime(message.edited_timestamp)} data-testid="edited">(edited)</span>`;
}

function Thinking() {
  return html`<p class="thinking" data-testid="thinking">
    <span class="dots" aria-hidden="true"><i></i><i></i><i></i></span> ${nameOf(bot.value)} is thinking…
  </p>`;
}

function OnlyYou({ message }) {
  const dismiss = () => attempt(request("delete", { channel_id: message.channel_id, message_id: message.id }));
  return html`<p class="only-you" data-testid="only-you">
    Only you can see this · <button type="button" class="link" data-testid="dismiss" onClick=${dismiss}>Dismiss</button>
  </p>`;
}

function Quote({ message }) {
  const quoted = openLog.value?.messages.get(message.message_reference?.message_id)?.value ?? message.referenced_message;
  if (!quoted) {
    return html`<div class="quote gone" data-testid="quote"><i class="elbow"></i>The message was deleted</div>`;
  }
  const name = authorName(quoted);
  return html`<button type="button" class="quote" data-testid="quote" onClick=${() => jumpTo(quoted.id)}>
    <i class="elbow"></i><${Avatar} user=${quoted.author} size="tiny" />
    <b style=${{ "--hue": hueOf(name) }}>${name}</b>
    <span><${Preview} text=${quoted.content} /></span>
  </button>`;
}

function Preview({ text }) {
  return useMemo(() => plainText(text).slice(0, 160) || "Press to see it", [text]);
}

function Cause({ cause }) {
  return html`<div class="quote" data-testid="cause">
    <i class="elbow"></i><${Avatar} user=${cause.user} size="tiny" />
    <b style=${{ "--hue": hueOf(nameOf(cause.user)) }}>${nameOf(cause.user)}</b>
    <span>used <em class="command">/${cause.name}</em></span>
  </div>`;
}

function Note({ message, tabIndex }) {
  return html`<article id=${`m-${message.id}`} class="note" tabindex=${tabIndex} data-testid="message" data-message-id=${message.id}>
    <span><b>${authorName(message)}</b> ${NOTES[message.type]}${message.type === 18 ? `: ${message.content}` : ""}</span>
    <time datetime=${message.timestamp}>${stamp(message.timestamp)}</time>
  </article>`;
}

/** Bring a message into view and light it up for a moment. */
export function jumpTo(id) {
  const element = document.getElementById(`m-${id}`);
  if (!element) return;
  element.scrollIntoView({ block: "center", behavior: "smooth" });
  element.focus({ preventScroll: true });
  element.classList.add("lit");
  setTimeout(() => element.classList.remove("lit"), 1600);
}
