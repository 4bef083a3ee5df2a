/** A window above the page. The browser's own dialog keeps the focus inside and closes on Escape. */
import { html, useLayoutEffect, useRef } from "./ui.js";

export function Dialog({ title, testid, onClose, kind = "", children }) {
  const element = useRef(null);
  useLayoutEffect(() => {
    const before = document.activeElement;
    const dialog = element.current;
    dialog.showModal();
    return () => {
      dialog.close();
      if (before?.isConnected) before.focus();
    };
  }, []);
  const onCancel = (event) => {
    event.preventDefault();
    onClose();
  };
  const onClick = (event) => event.target === element.current && onClose();
  return html`<dialog ref=${element} class=${`dialog ${kind}`} aria-label=${title} data-testid=${testid} onCancel=${onCancel} onMouseDown=${onClick}>
    <div class="dialog-body">
      ${!kind && html`<h2>${title}</h2>`}
      ${children}
    </div>
  </dialog>`;
}
