/** A field whose suggestions come from the bot while one types. */
import { classes, html, useEffect, useRef, useState } from "./ui.js";
import { request } from "./socket.js";
import { ATTACHMENT, typed } from "./commands.js";
import { channelId } from "./store.js";

const PAUSE_MS = 120;

export function AutocompleteField({ id, leaf, option, values, onChange }) {
  const [text, setText] = useState("");
  const [choices, setChoices] = useState(null);
  const [at, setAt] = useState(0);
  const asked = useRef({ timer: 0, turn: 0 });
  const field = useRef(null);

  const ask = (wanted) => {
    clearTimeout(asked.current.timer);
    const turn = ++asked.current.turn;
    asked.current.timer = setTimeout(async () => {
      const found = await suggestions(leaf, option, { ...values, [option.name]: wanted });
      if (turn !== asked.current.turn) return;
      setChoices(found);
      setAt(0);
    }, PAUSE_MS);
  };
  useEffect(() => () => clearTimeout(asked.current.timer), []);

  const write = (wanted) => {
    setText(wanted);
    onChange(wanted);
    ask(wanted);
  };
  const pick = (choice) => {
    asked.current.turn += 1;
    clearTimeout(asked.current.timer);
    setText(choice.name);
    onChange(choice.value);
    setChoices(null);
  };
  const onKeyDown = (event) => {
    if (!choices?.length) return;
    if (event.key === "ArrowDown") setAt((at + 1) % choices.length);
    else if (event.key === "ArrowUp") setAt((at - 1 + choices.length) % choices.length);
    else if (event.key === "Enter" || event.key === "Tab") pick(choices[at]);
    else if (event.key === "Escape") setChoices(null);
    else return;
    if (event.key !== "Tab") event.preventDefault();
    event.stopPropagation();
  };
  const open = choices !== null && document.activeElement === field.current;
  return html`<div class="autocomplete">
    <input id=${id} ref=${field} type="text" role="combobox" aria-expanded=${open} aria-autocomplete="list" autocomplete="off"
      aria-controls=${`${id}-list`} aria-activedescendant=${open && choices.length ? `${id}-${at}` : undefined}
      data-testid="option-input" value=${text} onInput=${(event) => write(event.target.value)}
      onFocus=${() => ask(text)} onBlur=${() => setChoices(null)} onKeyDown=${onKeyDown} />
    ${open &&
    html`<ul id=${`${id}-list`} class="picker-list" role="listbox" aria-label=${option.name}>
      ${choices.map(
        (choice, index) => html`<li key=${index} id=${`${id}-${index}`} role="option" aria-selected=${index === at}
          class=${classes(index === at && "at")} data-testid="autocomplete-choice"
          onMouseDown=${(event) => (event.preventDefault(), pick(choice))}>${choice.name}</li>`,
      )}
      ${choices.length === 0 && html`<li class="nothing">Nothing fits. It may still be right.</li>`}
    </ul>`}
  </div>`;
}

async function suggestions(leaf, option, values) {
  const options = {};
  for (const declared of leaf.options) {
    const value = values[declared.name];
    if (value === undefined || declared.type === ATTACHMENT) continue;
    options[declared.name] = declared.name === option.name ? String(value) : typed(declared, value);
  }
  try {
    const answer = await request("autocomplete", {
      channel_id: channelId.value,
      path: leaf.path,
      options,
      focused: option.name,
    });
    return answer.choices ?? [];
  } catch {
    return [];
  }
}
