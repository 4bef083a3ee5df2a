/** A face, or initials on a colour of their own. */
import { html, useEffect, useState } from "./ui.js";
import { hueOf, initials } from "./format.js";
import { nameOf } from "./store.js";

/** @param {{id: string, avatar?: string}} user */
export function faceOf(user) {
  if (!user.avatar) return null;
  return user.avatar.includes("/") ? user.avatar : `/cdn/avatars/${user.id}/${user.avatar}.png`;
}

/** @param {{user: object, small?: boolean}} props */
export function Avatar({ user, size = "" }) {
  const face = faceOf(user);
  const [failed, setFailed] = useState(false);
  useEffect(() => setFailed(false), [face]);
  const name = nameOf(user);
  return html`<span class="avatar ${size}" style=${{ "--hue": hueOf(name) }} aria-hidden="true" data-testid="avatar">
    ${face && !failed
      ? html`<img src=${face} alt="" loading="lazy" onError=${() => setFailed(true)} />`
      : html`<span>${initials(name)}</span>`}
  </span>`;
}
