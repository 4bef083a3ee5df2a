/** Where one writes. */
import { classes, html, useEffect, useLayoutEffect, useRef, useState } from "./ui.js";
import { Avatar } from "./avatar.js";
import { CommandForm, begin, filling } from "./command_form.js";
import { EmojiSheet } from "./reactions.js";
import { Icon, IconButton } from "./icons.js";
import { addFiles, draft, removeFile, replyTo, setDraft } from "./draft.js";
import { authorName, jumpTo } from "./message.js";
import { editing } from "./message_editor.js";
import { fileSize } from "./format.js";
import { labelHue, suggest } from "./completion.js";
import { commands, loadCommands } from "./commands.js";
import { request, upload } from "./socket.js";
import { toast } from "./toast.js";
import { DM, channel, channelId, me, openLog, titleOf } from "./store.js";

const LIMIT = 4000;
const WARN_AT = 200;
const TYPING_EVERY_MS = 8000;

export function Composer() {
  if (filling.value) return html`<div class="composer-area"><${CommandForm} /></div>`;
  return html`<div class="composer-area"><${ReplyBar} /><${Pending} /><${Field} key=${channelId.value} /></div>`;
}

function ReplyBar() {
  const message = replyTo.value;
  if (!message || message.channel_id !== channelId.value) return null;
  return html`<div class="reply-bar" data-testid="reply-bar">
    <button type="button" class="link" onClick=${() => jumpTo(message.id)}>Replying to <b>${authorName(message)}</b></button>
    <${IconButton} name="close" label="Do not reply" testid="reply-cancel" onClick=${() => (replyTo.value = null)} />
  </div>`;
}

function Pending() {
  const { files } = draft.value;
  if (!files.length) return null;
  return html`<div class="pending" data-testid="pending-files">
    ${files.map(
      ({ key, file, preview }) => html`<figure key=${key} data-testid="pending-file">
        ${preview ? html`<img src=${preview} alt="" />` : html`<${Icon} name="file" />`}
        <figcaption>${file.name}<small>${fileSize(file.size)}</small></figcaption>
        <${IconButton} name="close" label=${`Remove ${file.name}`} onClick=${() => removeFile(key)} />
      </figure>`,
    )}
  </div>`;
}

/** Mentions that were completed: what stands in the text and what is sent for it. */
const tokens = new Map();

function Field() {
  const area = useRef(null);
  const picker = useRef(null);
  const [caret, setCaret] = useState(0);
  const [at, setAt] = useState(0);
  const [shut, setShut] = useState("");
  const [emoji, setEmoji] = useState(false);
  const lastTyping = useRef(0);
  const { text } = draft.value;
  void commands.value;
  const suggestions = shut === text ? [] : suggest(text, Math.min(caret, text.length));
  const chosen = Math.min(at, suggestions.length - 1);
  const slashing = text.startsWith("/");

  useEffect(() => {
    if (matchMedia("(hover: hover)").matches) area.current.focus();
  }, []);
  useLayoutEffect(() => {
    if (replyTo.value) area.current.focus();
  }, [replyTo.value]);
  useEffect(() => {
    if (slashing) loadCommands(channelId.value);
  }, [slashing]);
  // A text that was filled in for the person is completed from its end.
  useLayoutEffect(() => {
    if (document.activeElement !== area.current) setCaret(text.length);
  }, [text]);

  const write = (value, position = value.length) => {
    setDraft({ text: value });
    setCaret(position);
    setAt(0);
    setShut("");
    requestAnimationFrame(() => area.current?.setSelectionRange(position, position));
  };
  const onInput = (event) => {
    setDraft({ text: event.target.value });
    setCaret(event.target.selectionStart);
    setAt(0);
    setShut("");
    noteTyping(event.target.value);
  };
  const noteTyping = (value) => {
    if (!value.trim() || value.startsWith("/") || Date.now() - lastTyping.current < TYPING_EVERY_MS) return;
    lastTyping.current = Date.now();
    request("typing", { channel_id: channelId.value }).catch(() => {});
  };
  const pick = (suggestion) => {
    if (suggestion.leaf) {
      write("");
      begin(suggestion.leaf);
      return;
    }
    if (suggestion.token) tokens.set(suggestion.insert.trim(), suggestion.token);
    const end = Math.min(caret, text.length);
    write(text.slice(0, suggestion.from) + suggestion.insert + text.slice(end), suggestion.from + suggestion.insert.length);
    area.current.focus();
  };
  const submit = () => {
    lastTyping.current = 0;
    if (slashing && suggestions[0]) return pick(suggestions[chosen]);
    return send(text);
  };
  const onKeyDown = (event) => {
    if (event.isComposing) return;
    const handled = suggestions.length ? completing(event) : plainKey(event);
    if (!handled) return;
    event.preventDefault();
    event.stopPropagation();
  };
  const completing = (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) setAt((chosen + step + suggestions.length) % suggestions.length);
    else if (event.key === "Tab" || (event.key === "Enter" && !event.shiftKey)) pick(suggestions[chosen]);
    else if (event.key === "Escape") setShut(text);
    else return false;
    return true;
  };
  const plainKey = (event) => {
    if (event.key === "Enter" && !event.shiftKey) submit();
    else if (event.key === "Escape" && replyTo.value) replyTo.value = null;
    else if (event.key === "ArrowUp" && !text && !event.altKey && !event.ctrlKey) return editLast();
    else return false;
    return true;
  };
  const onPaste = (event) => {
    if (!event.clipboardData.files.length) return;
    event.preventDefault();
    addFiles(event.clipboardData.files);
  };
  const left = LIMIT - text.length;
  return html`<div class="composer">
    <${Suggestions} suggestions=${suggestions} chosen=${chosen} onPick=${pick} />
    ${emoji && html`<${EmojiSheet} onClose=${() => (setEmoji(false), area.current.focus())}
      onPick=${(picked) => (setEmoji(false), write(`${text}${picked} `), area.current.focus())} />`}
    <${IconButton} name="plus" label="Add files" testid="attach" onClick=${() => picker.current.click()} />
    <input ref=${picker} type="file" multiple hidden data-testid="composer-file"
      onChange=${(event) => (addFiles(event.target.files), (event.target.value = ""))} />
    <textarea ref=${area} class="grows" rows="1" maxlength=${LIMIT} value=${text} placeholder=${invitation()} aria-label=${invitation()}
      role="combobox" aria-expanded=${suggestions.length > 0} aria-autocomplete="list" aria-controls="suggestions"
      aria-activedescendant=${suggestions.length ? `suggestion-${chosen}` : undefined} data-testid="composer-input"
      onInput=${onInput} onKeyDown=${onKeyDown} onPaste=${onPaste}
      onClick=${(event) => setCaret(event.target.selectionStart)} onKeyUp=${(event) => setCaret(event.target.selectionStart)}></textarea>
    ${left < WARN_AT && html`<span class="left" data-low=${left < 50}>${left}</span>`}
    <${IconButton} name="smile" label="Emoji" testid="composer-emoji" onClick=${() => setEmoji(!emoji)} />
    <button type="button" class="send" aria-label="Send" title="Send" data-testid="send" disabled=${!text.trim() && !draft.value.files.length} onClick=${submit}>
      <${Icon} name="send" />
    </button>
  </div>`;
}

function invitation() {
  const here = channel.value;
  if (!here) return "Write something";
  return here.type === DM ? `Write to ${titleOf(here)}` : `Say something in #${titleOf(here)}`;
}

function Suggestions({ suggestions, chosen, onPick }) {
  const list = useRef(null);
  useEffect(() => list.current?.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" }), [chosen]);
  if (!suggestions.length) return null;
  return html`<ul id="suggestions" class="suggestions" role="listbox" aria-label="Suggestions" ref=${list} data-testid="suggestions">
    ${suggestions.map(
      (suggestion, index) => html`<li key=${suggestion.key} id=${`suggestion-${index}`} role="option" aria-selected=${index === chosen}
        class=${classes(index === chosen && "at")} data-testid="suggestion" data-label=${suggestion.label}
        onMouseDown=${(event) => (event.preventDefault(), onPick(suggestion))}>
        ${suggestion.user && html`<${Avatar} user=${suggestion.user} size="tiny" />`}
        ${suggestion.icon && html`<${Icon} name=${suggestion.icon} />`}
        ${suggestion.mark && html`<span aria-hidden="true">${suggestion.mark}</span>`}
        <b style=${{ "--hue": labelHue(suggestion) }}>${suggestion.label}</b><small>${suggestion.detail}</small>
      </li>`,
    )}
  </ul>`;
}

function editLast() {
  const log = openLog.value;
  const own = log?.ids.value.toReversed().find((id) => {
    const message = log.messages.get(id).value;
    return message.author.id === me.value?.id && message.content;
  });
  if (!own) return false;
  editing.value = own;
  return true;
}

/** Send what is written; what could not be sent comes back into the field. */
async function send(text) {
  const { files } = draft.value;
  const id = channelId.value;
  const answered = replyTo.value?.channel_id === id ? replyTo.value : null;
  if (!text.trim() && !files.length) return;
  setDraft({ text: "", files: [] });
  replyTo.value = null;
  try {
    const uploads = await Promise.all(files.map(({ file }) => upload(file)));
    await request("send", { channel_id: id, content: withTokens(text.trim()), reply_to: answered?.id ?? null, uploads });
    for (const { preview } of files) if (preview) URL.revokeObjectURL(preview);
  } catch (error) {
    toast(error.message);
    setDraft({ text, files }, id);
    replyTo.value = answered;
  }
}

function withTokens(text) {
  let sent = text;
  for (const [written, token] of tokens) sent = sent.replaceAll(written, token);
  return sent;
}
