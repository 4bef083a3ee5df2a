/** Filling in the options of a slash command. */
import { html, signal, useLayoutEffect, useRef, useState } from "./ui.js";
import { AutocompleteField } from "./autocomplete.js";
import { FileField } from "./file_field.js";
import { IconButton } from "./icons.js";
import { Picker } from "./picker.js";
import { ATTACHMENT, BOOLEAN, INTEGER, NUMBER, typed } from "./commands.js";
import { choicesOfOption } from "./entities.js";
import { interact } from "./interact.js";
import { toast } from "./toast.js";
import { upload } from "./socket.js";
import { channelId } from "./store.js";

const ENTITIES = new Set([6, 7, 8, 9]);
const TRUTH = [{ label: "Yes", value: "true" }, { label: "No", value: "false" }];

/** @type {import("@preact/signals").Signal<import("./commands.js").Leaf | null>} */
export const filling = signal(null);

/** Run a command that asks nothing, or show its form. @param {import("./commands.js").Leaf} leaf */
export function begin(leaf) {
  if (leaf.options.length) filling.value = leaf;
  else interact("command", { channel_id: channelId.value, path: leaf.path });
}

export function CommandForm() {
  const leaf = filling.value;
  return leaf && html`<${Form} key=${leaf.title} leaf=${leaf} />`;
}

function Form({ leaf }) {
  const form = useRef(null);
  const [values, setValues] = useState({});
  const [shown, setShown] = useState(() => new Set(leaf.options.filter((option) => option.required).map((option) => option.name)));
  const [busy, setBusy] = useState(false);
  useLayoutEffect(() => focusFirst(form.current), [shown.size]);
  const set = (name, value) => setValues((before) => ({ ...before, [name]: value }));
  const submit = async (event) => {
    event.preventDefault();
    const missing = leaf.options.find((option) => option.required && isEmpty(values[option.name]));
    if (missing) return focusOption(form.current, missing.name);
    setBusy(true);
    const answered = await send(leaf, values);
    setBusy(false);
    return answered && close();
  };
  const onKeyDown = (event) => {
    if (event.key === "Escape") close();
  };
  const hidden = leaf.options.filter((option) => !shown.has(option.name));
  return html`<form class="command-form" ref=${form} data-testid="command-form" onSubmit=${submit} onKeyDown=${onKeyDown} novalidate>
    <header>
      <b class="command">/${leaf.title}</b><span>${leaf.description}</span>
      <${IconButton} name="close" label="Cancel the command" testid="command-cancel" onClick=${close} />
    </header>
    <div class="options">
      ${leaf.options.filter((option) => shown.has(option.name)).map(
        (option) => html`<${OptionField} key=${option.name} leaf=${leaf} option=${option} values=${values} set=${set} />`,
      )}
    </div>
    <footer>
      ${hidden.map((option) => html`<button key=${option.name} type="button" class="add" title=${option.description}
        data-testid="option-add" data-option=${option.name} onClick=${() => setShown(new Set([...shown, option.name]))}>+ ${option.name}</button>`)}
      <button type="submit" class="primary" disabled=${busy} data-testid="command-run">${busy ? "Sending…" : "Run"}</button>
    </footer>
  </form>`;
}

function close() {
  filling.value = null;
  requestAnimationFrame(() => document.querySelector("[data-testid=composer-input]")?.focus());
}

const isEmpty = (value) => value === undefined || value === "" || value?.length === 0;

function focusFirst(form) {
  const empty = [...form.querySelectorAll("[data-option-field]")].find((field) => !field.querySelector("input, textarea")?.value);
  (empty?.querySelector("input, textarea, button") ?? form.querySelector("[type=submit]")).focus();
}

function focusOption(form, name) {
  toast(`The option “${name}” is needed.`);
  form.querySelector(`[data-option-field="${name}"] :is(input, textarea, button)`)?.focus();
}

/** Turn what the fields hold into what the server wants, and send it. */
async function send(leaf, values) {
  const options = {};
  const files = {};
  try {
    for (const option of leaf.options) {
      const value = values[option.name];
      if (isEmpty(value)) continue;
      if (option.type === ATTACHMENT) files[option.name] = await upload(value[0]);
      else options[option.name] = typed(option, value);
    }
  } catch (error) {
    toast(error.message);
    return false;
  }
  return interact("command", { channel_id: channelId.value, path: leaf.path, options, files });
}

function OptionField({ leaf, option, values, set }) {
  const change = (value) => set(option.name, value);
  return html`<div class="option" data-option-field=${option.name} data-testid="option" data-option=${option.name}>
    <label for=${`option-${option.name}`}>${option.name}${option.required ? html`<i title="needed">*</i>` : null}</label>
    <${Control} leaf=${leaf} option=${option} values=${values} change=${change} />
    <small>${option.description}</small>
  </div>`;
}

function Control({ leaf, option, values, change }) {
  const id = `option-${option.name}`;
  const value = values[option.name];
  if (option.autocomplete) return html`<${AutocompleteField} id=${id} leaf=${leaf} option=${option} values=${values} onChange=${change} />`;
  const options = listed(option);
  if (options) {
    const chosen = value === undefined ? [] : [String(value)];
    const pick = ([picked]) => change(option.choices?.find((choice) => String(choice.value) === picked)?.value ?? picked);
    return html`<${Picker} options=${options} chosen=${chosen} label=${option.name} onChange=${pick} testid="option-picker" />`;
  }
  if (option.type === ATTACHMENT) return html`<${FileField} id=${id} files=${value ?? []} onChange=${change} />`;
  const numeric = option.type === INTEGER || option.type === NUMBER;
  return html`<input id=${id} type=${numeric ? "number" : "text"} step=${option.type === NUMBER ? "any" : undefined}
    min=${option.min_value} max=${option.max_value} minlength=${option.min_length} maxlength=${option.max_length}
    value=${value ?? ""} autocomplete="off" data-testid="option-input" onInput=${(event) => change(event.target.value)} />`;
}

function listed(option) {
  if (option.choices?.length) return option.choices.map((choice) => ({ label: choice.name, value: String(choice.value) }));
  if (option.type === BOOLEAN) return TRUTH;
  return ENTITIES.has(option.type) ? choicesOfOption(option.type) : null;
}
