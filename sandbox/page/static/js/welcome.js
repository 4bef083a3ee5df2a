/** The top of a channel, and what a newcomer reads in an empty one. */
import { html } from "./ui.js";
import { Icon } from "./icons.js";
import { startWith } from "./draft.js";
import { DM, bot, channel, characters, isThread, nameOf, titleOf } from "./store.js";

export function Welcome({ empty }) {
  const here = channel.value;
  if (!here) return null;
  const name = titleOf(here);
  const direct = here.type === DM;
  return html`<section class="welcome" data-testid="welcome">
    <span class="welcome-mark"><${Icon} name=${direct ? "at" : isThread(here) ? "thread" : "hash"} /></span>
    <h1>${direct ? name : `#${name}`}</h1>
    <p>${here.topic || opening(direct, name)}</p>
    ${empty && html`<${Hint} direct=${direct} />`}
  </section>`;
}

function opening(direct, name) {
  return direct ? `Just you and ${name}.` : "The curtain is up. Everyone in this room can read along.";
}

function Hint({ direct }) {
  const known = characters.value.slice(0, 3).map((character) => character.name);
  const lines = direct ? ["Hello!"] : known.length ? known.map((name) => `@${name} hello`) : [];
  return html`<div class="hint" data-testid="first-hint">
    <p>
      ${direct ? html`Write to <b>${nameOf(bot.value)}</b>.` : html`Call a character by name: <code>@Name hello</code>`}
    </p>
    ${lines.length > 0 && html`<p class="tries">${lines.map((line) => html`<${Try} key=${line} text=${line} />`)}</p>`}
    <p class="keys"><kbd>@</kbd> who is here <kbd>/</kbd> what the stage can do <kbd>↑</kbd> mend your last line</p>
    <p class="tries"><${Try} text="/" label="Show the commands" /></p>
  </div>`;
}

function Try({ text, label = text }) {
  return html`<button type="button" data-testid="try" onClick=${() => startWith(text)}>${label}</button>`;
}
