/** Forms that the bot shows: Discord's modals. */
import { html, useState } from "./ui.js";
import { Dialog } from "./dialog.js";
import { FileField } from "./file_field.js";
import { Markdown } from "./markdown_view.js";
import { Picker } from "./picker.js";
import { choicesOfSelect } from "./entities.js";
import { interact, openModal } from "./interact.js";
import { toast } from "./toast.js";
import { upload } from "./socket.js";

const ROW = 1;
const TEXT_INPUT = 4;
const TEXT = 10;
const LABEL = 18;
const FILES = 19;
const RADIO = 21;
const BOXES = 22;
const BOX = 23;
const PARAGRAPH = 2;

export function Modal() {
  const shown = openModal.value;
  return shown && html`<${Form} key=${shown.id} id=${shown.id} modal=${shown.modal} />`;
}

/** The fields of a modal with their labels, whichever way they are wrapped. */
function fieldsOf(components) {
  return components.flatMap((component) => {
    if (component.type === ROW) return fieldsOf(component.components);
    if (component.type === LABEL) {
      return [{ label: component.label, description: component.description, control: component.component }];
    }
    if (component.type === TEXT) return [{ text: component.content }];
    return [{ label: component.label, control: component }];
  });
}

function preset(control) {
  if (control.type === TEXT_INPUT) return control.value ?? "";
  if (control.type === BOX) return Boolean(control.default);
  const chosen = (control.options ?? []).filter((option) => option.default).map((option) => option.value);
  if (control.type === RADIO) return chosen[0] ?? "";
  return chosen.length ? chosen : (control.default_values ?? []).map((value) => value.id);
}

const isNeeded = (control) => control.required ?? ![RADIO, BOXES, BOX, FILES].includes(control.type);

function Form({ id, modal }) {
  const fields = fieldsOf(modal.components);
  const controls = fields.flatMap((field) => field.control ?? []);
  const [values, setValues] = useState(() => Object.fromEntries(controls.map((control) => [control.custom_id, preset(control)])));
  const [busy, setBusy] = useState(false);
  const set = (name) => (value) => setValues((before) => ({ ...before, [name]: value }));
  const close = () => (openModal.value = null);
  const submit = async (event) => {
    event.preventDefault();
    const problem = controls.map((control) => problemOf(control, values[control.custom_id])).find(Boolean);
    if (problem) return toast(problem);
    setBusy(true);
    const answered = await send(id, controls, values);
    setBusy(false);
    // The answer may itself be a form, which then stands in this one's place.
    return answered && openModal.value?.id === id && close();
  };
  return html`<${Dialog} title=${modal.title} testid="modal" onClose=${close}>
    <form onSubmit=${submit} novalidate>
      ${fields.map((field, at) =>
        field.text
          ? html`<div key=${at} class="content"><${Markdown} text=${field.text} /></div>`
          : html`<${Field} key=${field.control.custom_id} ...${field} value=${values[field.control.custom_id]} onChange=${set(field.control.custom_id)} />`,
      )}
      <footer>
        <button type="button" onClick=${close} data-testid="modal-cancel">Cancel</button>
        <button type="submit" class="primary" disabled=${busy} data-testid="modal-submit">${busy ? "Sending…" : "Submit"}</button>
      </footer>
    </form>
  <//>`;
}

function problemOf(control, value) {
  const empty = value === "" || value?.length === 0;
  if (isNeeded(control) && empty) return "Something needed is still empty.";
  if (control.type === TEXT_INPUT && !empty && value.length < (control.min_length ?? 0)) {
    return `Write at least ${control.min_length} characters.`;
  }
  return null;
}

async function send(id, controls, values) {
  const plain = {};
  const files = {};
  try {
    for (const control of controls) {
      const value = values[control.custom_id];
      if (control.type === FILES) files[control.custom_id] = await Promise.all(value.map(upload));
      else if (control.type !== RADIO || value) plain[control.custom_id] = value;
    }
  } catch (error) {
    toast(error.message);
    return false;
  }
  return interact("modal", { interaction_id: id, values: plain, files });
}

function Field({ label, description, control, value, onChange }) {
  const id = `field-${control.custom_id}`;
  return html`<div class="field" data-testid="modal-field" data-custom-id=${control.custom_id}>
    <label for=${id}>${label}${isNeeded(control) ? html`<i title="needed">*</i>` : null}</label>
    ${description && html`<small>${description}</small>`}
    <${Control} id=${id} label=${label} control=${control} value=${value} onChange=${onChange} />
  </div>`;
}

function Control({ id, label, control, value, onChange }) {
  switch (control.type) {
    case TEXT_INPUT:
      return html`<${TextInput} id=${id} control=${control} value=${value} onChange=${onChange} />`;
    case FILES:
      return html`<${FileField} id=${id} files=${value} onChange=${onChange} many=${(control.max_values ?? 1) > 1} />`;
    case BOX:
      return html`<input id=${id} type="checkbox" data-testid="modal-box" checked=${value} onChange=${(event) => onChange(event.target.checked)} />`;
    default:
      return html`<${Choice} id=${id} label=${label} control=${control} value=${value} onChange=${onChange} />`;
  }
}

function Choice({ label, control, value, onChange }) {
  const single = control.type === RADIO;
  const most = single ? 1 : (control.max_values ?? (control.type === BOXES ? control.options.length : 1));
  const options = control.options ?? choicesOfSelect(control.type);
  const chosen = single ? [value].filter(Boolean) : value;
  return html`<${Picker} options=${options} chosen=${chosen} max=${most} label=${label} placeholder=${control.placeholder}
    onChange=${(values) => onChange(single ? values[0] : values)} testid="modal-picker" />`;
}

function TextInput({ id, control, value, onChange }) {
  const most = control.max_length ?? 4000;
  const left = most - value.length;
  const shared = {
    id,
    value,
    placeholder: control.placeholder,
    maxlength: most,
    "data-testid": "modal-input",
    onInput: (event) => onChange(event.target.value),
  };
  return html`
    ${control.style === PARAGRAPH ? html`<textarea rows="5" ...${shared}></textarea>` : html`<input type="text" autocomplete="off" ...${shared} />`}
    ${left < Math.min(100, most / 5) && html`<small class="chars-left">${left} characters left</small>`}
  `;
}
