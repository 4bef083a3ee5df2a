/** Who one is in this tab, and becoming someone else. */
import { html, signal } from "./ui.js";
import { Avatar } from "./avatar.js";
import { Icon } from "./icons.js";
import { attempt } from "./toast.js";
import { request } from "./socket.js";
import { me, nameOf, people } from "./store.js";

const open = signal(false);

export function SwitchPerson() {
  const person = me.value;
  if (!person) return null;
  const onKeyDown = (event) => {
    if (event.key !== "Escape" || !open.value) return;
    event.stopPropagation();
    open.value = false;
  };
  return html`<div class="whoami" data-testid="whoami" onKeyDown=${onKeyDown}>
    ${open.value && html`<${Choices} />`}
    <button type="button" aria-haspopup="menu" aria-expanded=${open.value} title="Be someone else" data-testid="switch-user"
      onClick=${() => (open.value = !open.value)}>
      <${Avatar} user=${person} size="small" />
      <span><b data-testid="me">${nameOf(person)}</b><small>in this tab</small></span>
      <${Icon} name="chevron" />
    </button>
  </div>`;
}

function Choices() {
  const become = (user) => {
    open.value = false;
    if (user.id !== me.value.id) attempt(request("become", { user_id: user.id }));
  };
  return html`<div class="menu people-menu" role="menu" aria-label="Be someone else" data-testid="people-menu">
    <p>Be someone else</p>
    ${people.value.map(
      (user) => html`<button key=${user.id} type="button" role="menuitemradio" aria-checked=${user.id === me.value.id}
        data-testid="person" data-name=${nameOf(user)} onClick=${() => become(user)}>
        <${Avatar} user=${user} size="tiny" /><span>${nameOf(user)}</span>${user.id === me.value.id && html`<small>you</small>`}
      </button>`,
    )}
    <p class="aside">Open a second tab to be two people at once.</p>
  </div>`;
}

document.addEventListener("mousedown", (event) => {
  if (open.value && !event.target.closest?.(".whoami")) open.value = false;
});
