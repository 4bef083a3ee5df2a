/** Who is here: the characters of the channel, the people, the bot. */
import { html } from "./ui.js";
import { Avatar } from "./avatar.js";
import { draft, startWith } from "./draft.js";
import { drawer } from "./drawers.js";
import { hueOf } from "./format.js";
import { openDirect } from "./channels.js";
import { channelId, characters, members, nameOf, people } from "./store.js";

export function Members() {
  const here = characters.value.filter((character) => character.channel_ids.includes(channelId.value));
  const elsewhere = characters.value.filter((character) => !here.includes(character));
  const apps = members.value.filter((member) => member.bot);
  return html`<aside class="members" data-open=${drawer.value === "members"} aria-label="Who is here" data-testid="members">
    <${Group} title="Characters" count=${here.length}>
      ${here.map((character) => html`<${Character} key=${character.name} character=${character} />`)}
      ${here.length === 0 && html`<p class="nobody">No one has spoken here yet.</p>`}
    <//>
    ${elsewhere.length > 0 && html`<${Group} title="In other rooms" count=${elsewhere.length}>
      ${elsewhere.map((character) => html`<${Character} key=${character.name} character=${character} />`)}
    <//>`}
    <${Group} title="People" count=${people.value.length}>
      ${people.value.map((user) => html`<${Row} key=${user.id} user=${user} testid="member" onClick=${() => mention(nameOf(user))} />`)}
    <//>
    <${Group} title="Apps" count=${apps.length}>
      ${apps.map((user) => html`<${Row} key=${user.id} user=${user} note="App" testid="member-app" onClick=${openDirect} />`)}
    <//>
  </aside>`;
}

function Group({ title, count, children }) {
  return html`<section><h2>${title} <span>${count}</span></h2>${children}</section>`;
}

function Character({ character }) {
  return html`<${Row} user=${character.author} testid="member-character" onClick=${() => mention(character.name)} />`;
}

function Row({ user, note, testid, onClick }) {
  const name = nameOf(user);
  return html`<button type="button" class="member" data-testid=${testid} data-name=${name} onClick=${onClick}>
    <${Avatar} user=${user} size="small" /><b style=${{ "--hue": hueOf(name) }}>${name}</b>${note && html`<span class="badge">${note}</span>`}
  </button>`;
}

/** Begin to speak to someone. */
function mention(name) {
  const { text } = draft.value;
  startWith(`${text}${text && !text.endsWith(" ") ? " " : ""}@${name} `);
  drawer.value = null;
}
