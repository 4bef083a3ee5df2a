/** Changing an own message in its place. */
import { html, signal, useEffect, useRef } from "./ui.js";
import { request } from "./socket.js";
import { attempt } from "./toast.js";
import { confirmDelete } from "./confirm.js";

/** The id of the message that is being changed. */
export const editing = signal(/** @type {string | null} */ (null));

export function MessageEditor({ message }) {
  const area = useRef(null);
  useEffect(() => {
    area.current.focus();
    area.current.setSelectionRange(message.content.length, message.content.length);
    area.current.scrollIntoView({ block: "nearest" });
  }, []);
  const close = () => {
    editing.value = null;
    document.querySelector("[data-testid=composer-input]")?.focus();
  };
  const save = async () => {
    const content = area.current.value.trim();
    if (!content) return confirmDelete(message);
    const ids = { channel_id: message.channel_id, message_id: message.id };
    if (content !== message.content) await attempt(request("edit", { ...ids, content }));
    return close();
  };
  const onKeyDown = (event) => {
    if (event.key === "Escape") close();
    else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) save();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return html`<div class="editor">
    <textarea ref=${area} class="grows" rows="1" maxlength="4000" aria-label="Edit message" data-testid="editor"
      defaultValue=${message.content} onKeyDown=${onKeyDown}></textarea>
    <p>escape to <button type="button" class="link" onClick=${close}>cancel</button> · enter to
      <button type="button" class="link" data-testid="editor-save" onClick=${save}>save</button></p>
  </div>`;
}
