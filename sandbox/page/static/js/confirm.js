/** Asking before something is lost. */
import { html, signal } from "./ui.js";
import { Dialog } from "./dialog.js";
import { request } from "./socket.js";
import { attempt } from "./toast.js";

const doomed = signal(/** @type {import("./store.js").Message | null} */ (null));

/** @param {import("./store.js").Message} message */
export function confirmDelete(message) {
  doomed.value = message;
}

export function ConfirmDelete() {
  const message = doomed.value;
  if (!message) return null;
  const close = () => (doomed.value = null);
  const remove = async () => {
    close();
    await attempt(request("delete", { channel_id: message.channel_id, message_id: message.id }));
  };
  return html`<${Dialog} title="Delete this message?" testid="confirm" onClose=${close}>
    <p class="excerpt">${message.content.slice(0, 200) || "It has no text."}</p>
    <footer>
      <button type="button" onClick=${close}>Keep it</button>
      <button type="button" class="danger" data-testid="confirm-delete" autofocus onClick=${remove}>Delete</button>
    </footer>
  <//>`;
}
