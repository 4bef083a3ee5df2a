/** Files of a message: pictures, sound, film, and everything else as a card. */
import { html, signal } from "./ui.js";
import { AudioPlayer } from "./audio.js";
import { Dialog } from "./dialog.js";
import { Icon } from "./icons.js";
import { fileSize } from "./format.js";

const LARGEST = 420;
const opened = signal(/** @type {{url: string, filename: string} | null} */ (null));

export function Attachments({ files }) {
  if (!files.length) return null;
  return html`<div class="attachments">${files.map((file) => html`<${Attachment} key=${file.id} file=${file} />`)}</div>`;
}

function Attachment({ file }) {
  const kind = file.content_type?.split("/")[0];
  if (kind === "image") return html`<${Picture} file=${file} />`;
  if (kind === "audio") return html`<${AudioPlayer} url=${file.url} name=${file.filename} size=${file.size} />`;
  if (kind === "video") {
    return html`<video class="picture" controls preload="metadata" src=${file.url} data-testid="video"></video>`;
  }
  return html`<a class="file" href=${file.url} download=${file.filename} data-testid="file">
    <${Icon} name="file" /><span><b>${file.filename}</b><small>${fileSize(file.size)}</small></span>
  </a>`;
}

/** A picture keeps its place before it is loaded, so that the log does not jump. */
export function Picture({ file }) {
  const scale = Math.min(1, LARGEST / Math.max(file.width ?? LARGEST, 1), LARGEST / Math.max(file.height ?? LARGEST, 1));
  const size = file.width ? { width: Math.round(file.width * scale), height: Math.round(file.height * scale) } : {};
  const label = file.description || file.filename || "Picture";
  return html`<button type="button" class="picture" aria-label=${`Open ${label}`} data-testid="image" onClick=${() => (opened.value = file)}>
    <img src=${file.url} alt=${label} ...${size} loading="lazy" />
  </button>`;
}

export function Lightbox() {
  const file = opened.value;
  if (!file) return null;
  const close = () => (opened.value = null);
  return html`<${Dialog} title=${file.filename || "Picture"} testid="lightbox" kind="lightbox" onClose=${close}>
    <button type="button" class="bare" aria-label="Close" autofocus onClick=${close}>
      <img src=${file.url} alt=${file.description || file.filename || "Picture"} />
    </button>
    <a href=${file.url} target="_blank" rel="noopener noreferrer">Open in a new tab</a>
  <//>`;
}
