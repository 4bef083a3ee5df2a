/** Buttons, selects and layouts that bots put into messages. */
import { classes, html, useState } from "./ui.js";
import { Markdown } from "./markdown_view.js";
import { Picker } from "./picker.js";
import { Picture } from "./attachments.js";
import { choicesOfSelect } from "./entities.js";
import { interact } from "./interact.js";

const STYLES = { 1: "primary", 2: "", 3: "success", 4: "danger", 5: "away" };

/** @param {{message: import("./store.js").Message}} props */
export function Components({ message }) {
  if (!message.components.length) return null;
  return html`<div class="components" data-testid="components">${each(message.components, message)}</div>`;
}

function each(components, message) {
  return (components ?? []).map((component, at) => html`<${Component} key=${component.custom_id ?? at} it=${component} message=${message} />`);
}

function Component({ it, message }) {
  const draw = KINDS[it.type];
  return draw ? draw(it, message) : null;
}

const KINDS = {
  1: (it, message) => html`<div class="row">${each(it.components, message)}</div>`,
  2: (it, message) => html`<${Button} it=${it} message=${message} />`,
  3: (it, message) => html`<${Select} it=${it} message=${message} options=${it.options} />`,
  5: entitySelect,
  6: entitySelect,
  7: entitySelect,
  8: entitySelect,
  9: (it, message) => html`<div class="section"><div>${each(it.components, message)}</div>${each([it.accessory], message)}</div>`,
  10: (it) => html`<div class="content"><${Markdown} text=${it.content} /></div>`,
  11: (it) => html`<img class="thumbnail" src=${it.media.url} alt=${it.description ?? ""} loading="lazy" />`,
  12: (it) => html`<div class="gallery">
    ${it.items.map((item, at) => html`<${Picture} key=${at} file=${{ ...item.media, description: item.description }} />`)}
  </div>`,
  13: (it) => html`<a class="file" href=${it.file.url} download>${it.name ?? "File"}</a>`,
  14: (it) => html`<hr class=${classes(it.divider === false && "blank")} />`,
  17: (it, message) => html`<section class="embed" style=${{ "--edge": edge(it.accent_color) }}>
    <div class="embed-main">${each(it.components, message)}</div>
  </section>`,
};

const edge = (colour) => (colour ? `#${colour.toString(16).padStart(6, "0")}` : "var(--line-strong)");

function entitySelect(it, message) {
  return html`<${Select} it=${it} message=${message} options=${choicesOfSelect(it.type)} />`;
}

const target = (it, message) => ({ channel_id: message.channel_id, message_id: message.id, custom_id: it.custom_id });

function Button({ it, message }) {
  const [busy, setBusy] = useState(false);
  const label = html`${it.emoji?.name && html`<span aria-hidden="true">${it.emoji.name}</span>`} ${it.label}`;
  if (it.url) {
    return html`<a class="button away" href=${it.url} target="_blank" rel="noopener noreferrer" data-testid="component-link">${label}</a>`;
  }
  const press = async () => {
    setBusy(true);
    await interact("component", target(it, message));
    setBusy(false);
  };
  return html`<button type="button" class=${classes("button", STYLES[it.style], busy && "busy")} disabled=${it.disabled || busy}
    data-testid="component-button" data-custom-id=${it.custom_id} aria-label=${it.label || it.emoji?.name} onClick=${press}>${label}</button>`;
}

function Select({ it, message, options }) {
  const preset = (it.options ?? []).filter((option) => option.default).map((option) => option.value);
  const [chosen, setChosen] = useState(preset);
  const most = it.max_values ?? 1;
  const send = (values) => interact("component", { ...target(it, message), values });
  const onChange = (values) => {
    setChosen(values);
    if (most === 1) send(values);
  };
  const onClose = () => {
    if (most > 1 && chosen.length >= (it.min_values ?? 1)) send(chosen);
  };
  return html`<${Picker} options=${options ?? []} chosen=${chosen} onChange=${onChange} onClose=${onClose} max=${most}
    label=${it.placeholder ?? "Choose"} placeholder=${it.placeholder} disabled=${it.disabled} testid="component-select" />`;
}
