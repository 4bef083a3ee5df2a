/** Embeds: cards that bots put under their words. */
import { html } from "./ui.js";
import { Markdown } from "./markdown_view.js";
import { Picture } from "./attachments.js";
import { stamp } from "./format.js";

export function Embeds({ embeds }) {
  return embeds.map((embed, at) => html`<${Embed} key=${at} embed=${embed} />`);
}

function Embed({ embed }) {
  const colour = embed.color ? `#${embed.color.toString(16).padStart(6, "0")}` : "var(--line-strong)";
  return html`<section class="embed" style=${{ "--edge": colour }} data-testid="embed">
    <div class="embed-main">
      ${embed.author && html`<p class="embed-author"><${Small} url=${embed.author.icon_url} /><${Linked} url=${embed.author.url}>${embed.author.name}<//></p>`}
      ${embed.title && html`<p class="embed-title"><${Linked} url=${embed.url}><${Markdown} text=${embed.title} /><//></p>`}
      ${embed.description && html`<div class="content"><${Markdown} text=${embed.description} /></div>`}
      ${embed.fields?.length > 0 && html`<${Fields} fields=${embed.fields} />`}
      ${embed.image?.url && html`<${Picture} file=${embed.image} />`}
      <${Footer} embed=${embed} />
    </div>
    ${embed.thumbnail?.url && html`<img class="thumbnail" src=${embed.thumbnail.url} alt="" loading="lazy" />`}
  </section>`;
}

function Fields({ fields }) {
  return html`<dl class="fields">
    ${fields.map(
      (field, at) => html`<div key=${at} class=${field.inline ? "inline" : ""}>
        <dt><${Markdown} text=${field.name} /></dt>
        <dd class="content"><${Markdown} text=${field.value} /></dd>
      </div>`,
    )}
  </dl>`;
}

function Footer({ embed }) {
  if (!embed.footer && !embed.timestamp) return null;
  const parts = [embed.footer?.text, embed.timestamp && stamp(embed.timestamp)].filter(Boolean);
  return html`<p class="embed-footer"><${Small} url=${embed.footer?.icon_url} />${parts.join(" · ")}</p>`;
}

function Small({ url }) {
  return url ? html`<img src=${url} alt="" loading="lazy" />` : null;
}

function Linked({ url, children }) {
  return url ? html`<a href=${url} target="_blank" rel="noopener noreferrer nofollow">${children}</a>` : children;
}
