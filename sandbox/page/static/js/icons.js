/** Line drawings, 20 by 20, in the colour of the text around them. */
import { html } from "./ui.js";

const PATHS = {
  hash: "M7.500 3 6 17M14 3l-1.500 14M3.500 7.500h13.500M3 12.500h13.500",
  thread: "M4 4v6a3 3 0 0 0 3 3h9M12.500 9.500 16 13l-3.500 3.500",
  at: "M13 10a3 3 0 1 1-6 0 3 3 0 0 1 6 0zM13 7v4.200a2.300 2.300 0 0 0 4.500 0V10a7.500 7.500 0 1 0-3 6",
  menu: "M3 5.500h14M3 10h14M3 14.500h14",
  people: "M7.500 9.500a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM2 16.500c.3-3.200 2.400-5 5.500-5s5.200 1.800 5.500 5M13 4a2.800 2.800 0 0 1 0 5.300M15.200 12c1.600.7 2.600 2.200 2.800 4.500",
  close: "M5 5l10 10M15 5 5 15",
  reply: "M8 4 3 9l5 5M3.500 9H11c3.500 0 6 2.500 6 6.500",
  edit: "M12.800 4.200l3 3L7.500 15.500l-4 1 1-4z",
  trash: "M4 6h12M8 6V3.500h4V6M5.500 6l.8 10.500h7.400L14.500 6M8.500 9v4.500M11.500 9v4.500",
  smile: "M17 10a7 7 0 1 1-14 0 7 7 0 0 1 14 0zM7 12c1.500 2.200 4.500 2.200 6 0M7.700 8v.1M12.300 8v.1",
  copy: "M7 7h9v9H7zM4 13V4h9",
  more: "M5 10h.1M10 10h.1M15 10h.1",
  plus: "M10 4v12M4 10h12",
  send: "M3.500 4.500 17 10 3.500 15.500 5.500 10zM5.500 10H11",
  play: "M6.500 4.500v11l9-5.500z",
  pause: "M7 5v10M13 5v10",
  file: "M5 3h6.500L15.500 7v10H5zM11 3v4.500h4.500",
  down: "M10 4v11M5.500 11 10 15.500 14.500 11",
  chevron: "M6 8l4 4 4-4",
  eye: "M2.500 10S5.200 5 10 5s7.500 5 7.500 5-2.700 5-7.500 5-7.500-5-7.500-5zM12 10a2 2 0 1 1-4 0 2 2 0 0 1 4 0z",
  slash: "M12.500 4 7.500 16",
};

/** @param {{name: keyof typeof PATHS}} props */
export function Icon({ name }) {
  return html`<svg class=${`icon icon-${name}`} viewBox="0 0 20 20" aria-hidden="true"><path d=${PATHS[name]} /></svg>`;
}

/** A button that shows only a drawing; its label is read out and shown on hover. */
export function IconButton({ name, label, testid, onClick, pressed, ...rest }) {
  return html`<button type="button" class="icon-button" aria-label=${label} title=${label} data-testid=${testid}
    aria-pressed=${pressed} onClick=${onClick} ...${rest}><${Icon} name=${name} /></button>`;
}
