/** Choosing one or several of a list: for selects, options of commands, and fields of forms. */
import { classes, html, useEffect, useRef, useState } from "./ui.js";
import { Icon } from "./icons.js";

/**
 * @param {{options: {label: string, value: string, description?: string, emoji?: object}[], chosen: string[],
 *   onChange: (values: string[]) => void, min?: number, max?: number, label: string, placeholder?: string,
 *   disabled?: boolean, testid?: string, onClose?: () => void}} props
 */
export function Picker({ options, chosen, onChange, max = 1, label, placeholder, disabled, testid, onClose }) {
  const [open, setOpen] = useState(false);
  const root = useRef(null);
  const list = useRef(null);
  useEffect(() => {
    if (!open) return undefined;
    (list.current.querySelector("[aria-selected=true]") ?? list.current.firstElementChild)?.focus();
    const outside = (event) => !root.current.contains(event.target) && shut(false);
    document.addEventListener("mousedown", outside);
    return () => document.removeEventListener("mousedown", outside);
  }, [open]);
  const shut = (refocus = true) => {
    setOpen(false);
    if (refocus) root.current.querySelector("button").focus();
    onClose?.();
  };
  const pick = (value) => {
    if (max === 1) {
      onChange([value]);
      shut();
    } else if (chosen.includes(value)) onChange(chosen.filter((kept) => kept !== value));
    else if (chosen.length < max) onChange([...chosen, value]);
  };
  const onKeyDown = (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) moveFocus(list.current, step);
    else if (event.key === "Escape") shut();
    else if (event.key === "Tab") shut(false);
    else return;
    if (event.key !== "Tab") event.preventDefault();
    event.stopPropagation();
  };
  const names = options.filter((option) => chosen.includes(option.value)).map((option) => option.label);
  return html`<div class="picker" ref=${root} data-testid=${testid}>
    <button type="button" class="picker-button" aria-haspopup="listbox" aria-expanded=${open} aria-label=${label} disabled=${disabled}
      data-testid="picker-button" onClick=${() => (open ? shut() : setOpen(true))}>
      <span class=${classes(!names.length && "placeholder")}>${names.join(", ") || placeholder || "Choose"}</span><${Icon} name="chevron" />
    </button>
    ${open &&
    html`<ul class="picker-list" role="listbox" ref=${list} aria-label=${label} aria-multiselectable=${max > 1} onKeyDown=${onKeyDown}>
      ${options.map(
        (option) => html`<li key=${option.value} role="option" tabindex="-1" aria-selected=${chosen.includes(option.value)}
          data-testid="picker-option" data-value=${option.value} onClick=${() => pick(option.value)}
          onKeyDown=${(event) => (event.key === "Enter" || event.key === " ") && (event.preventDefault(), pick(option.value))}>
          ${option.emoji?.name && html`<span aria-hidden="true">${option.emoji.name}</span>`}
          <span>${option.label}${option.description && html`<small>${option.description}</small>`}</span>
        </li>`,
      )}
      ${options.length === 0 && html`<li class="nothing">Nothing to choose from</li>`}
    </ul>`}
  </div>`;
}

function moveFocus(list, step) {
  const items = [...list.querySelectorAll("[role=option]")];
  const at = items.indexOf(document.activeElement);
  items[(at + step + items.length) % items.length]?.focus();
}
