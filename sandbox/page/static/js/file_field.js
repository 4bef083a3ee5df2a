/** Choosing files in a form. */
import { html } from "./ui.js";
import { Icon } from "./icons.js";
import { fileSize } from "./format.js";

/** @param {{id: string, files: File[], onChange: (files: File[]) => void, many?: boolean}} props */
export function FileField({ id, files, onChange, many = false }) {
  return html`<label class="file-field">
    <${Icon} name="plus" />
    <span>${files.length ? files.map((file) => `${file.name} (${fileSize(file.size)})`).join(", ") : many ? "Choose files" : "Choose a file"}</span>
    <input id=${id} type="file" multiple=${many} data-testid="file-input" onChange=${(event) => onChange([...event.target.files])} />
  </label>`;
}
