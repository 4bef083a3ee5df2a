/** The log of a channel: grouped messages, days, history above, and a scroll position that behaves. */
import { Fragment, html, useEffect, useLayoutEffect, useRef, useState } from "./ui.js";
import { Message, authorName } from "./message.js";
import { Welcome } from "./welcome.js";
import { Icon } from "./icons.js";
import { dayKey, dayName } from "./format.js";
import { loadOlder } from "./events.js";
import { onMessageKey } from "./message_actions.js";
import { channelId, markRead, openLog } from "./store.js";

const TOGETHER_MS = 7 * 60 * 1000;
const AT_BOTTOM_PX = 48;
const NEAR_TOP_PX = 600;
const REPLY = 19;

export function MessageLog() {
  const log = openLog.value;
  return log && html`<${Scroller} key=${log.serial} log=${log} />`;
}

/** Whether a message stands under the heading of the one before. */
function belongs(before, message) {
  if (!before || before.type !== message.type || message.type === REPLY || message.interaction_metadata?.name) return false;
  const near = Date.parse(message.timestamp) - Date.parse(before.timestamp) < TOGETHER_MS;
  return near && before.flags === message.flags && authorName(before) === authorName(message);
}

/** @param {{log: import("./store.js").Log}} props */
function Scroller({ log }) {
  const pane = useRef(null);
  const inner = useRef(null);
  const place = useRef({ follows: true, fromEnd: 0, top: 0, last: null, first: null });
  const [missed, setMissed] = useState(0);
  const ids = log.ids.value;
  const loaded = log.loaded.value;

  const toBottom = () => {
    place.current.follows = true;
    pane.current.scrollTop = pane.current.scrollHeight;
    setMissed(0);
  };

  // What is drawn may grow at any time: words arrive, pictures load. The end stays in view if it was.
  useLayoutEffect(() => {
    const stay = () => {
      if (place.current.follows) pane.current.scrollTop = pane.current.scrollHeight;
    };
    const observer = new ResizeObserver(stay);
    observer.observe(inner.current);
    observer.observe(pane.current);
    return () => observer.disconnect();
  }, []);

  // Older messages were put above: keep what was in view where it was. Newer ones below: follow or count.
  useLayoutEffect(() => {
    const at = place.current;
    if (at.first && ids[0] !== at.first && !at.follows) pane.current.scrollTop = pane.current.scrollHeight - at.fromEnd;
    const last = ids.at(-1);
    if (at.last && last !== at.last && !at.follows) setMissed((count) => count + fresh(ids, at.last));
    if (at.follows) toBottom();
    Object.assign(at, { first: ids[0], last });
  }, [ids]);

  useEffect(() => {
    if (place.current.follows && !document.hidden) markRead(channelId.value);
    else if (ids.length === 0) markRead(channelId.value);
  }, [ids]);

  const onScroll = () => {
    const { scrollHeight, scrollTop, clientHeight } = pane.current;
    const at = place.current;
    at.fromEnd = scrollHeight - scrollTop;
    // Only going up leaves the end: what grew below since the last frame does not.
    if (at.fromEnd - clientHeight < AT_BOTTOM_PX) at.follows = true;
    else if (scrollTop < at.top) at.follows = false;
    at.top = scrollTop;
    if (at.follows) {
      setMissed(0);
      markRead(channelId.value);
    }
    if (scrollTop < NEAR_TOP_PX && loaded) loadOlder(channelId.value);
  };

  return html`<div class="log-frame">
    <div class="log" ref=${pane} onScroll=${onScroll} onKeyDown=${(event) => moveAmong(event, log)} data-testid="log-scroll">
      <div class="log-inner" ref=${inner} role="log" aria-label="Messages" aria-relevant="additions" data-testid="log">
        ${log.complete.value ? html`<${Welcome} empty=${ids.length === 0} />` : loaded && html`<p class="earlier">Looking further back…</p>`}
        ${!loaded && html`<${Skeleton} />`}
        ${rows(log, ids)}
      </div>
    </div>
    ${missed > 0 &&
    html`<button type="button" class="pill" data-testid="new-messages" onClick=${toBottom}>
      ${missed === 1 ? "1 new message" : `${missed} new messages`} <${Icon} name="down" />
    </button>`}
  </div>`;
}

const fresh = (ids, last) => ids.length - 1 - ids.indexOf(last);

function rows(log, ids) {
  let before = null;
  return ids.map((id, at) => {
    const message = log.messages.get(id);
    const shown = message.peek();
    const newDay = !before || dayKey(before.timestamp) !== dayKey(shown.timestamp);
    const follows = !newDay && belongs(before, shown);
    before = shown;
    return html`<${Fragment} key=${id}>
      ${newDay && html`<div class="day" role="separator" data-testid="day"><span>${dayName(shown.timestamp)}</span></div>`}
      <${Message} message=${message} follows=${follows} tabIndex=${at === ids.length - 1 ? 0 : -1} />
    <//>`;
  });
}

/** Arrow keys walk through the messages; other keys act on the one in focus. */
function moveAmong(event, log) {
  const current = event.target.closest?.("[data-testid=message]");
  if (!current || event.target !== current) return;
  const all = [...event.currentTarget.querySelectorAll("[data-testid=message]")];
  const at = all.indexOf(current);
  const goal = { ArrowUp: at - 1, ArrowDown: at + 1, Home: 0, End: all.length - 1 }[event.key];
  if (goal !== undefined && !event.altKey && !event.ctrlKey) {
    event.preventDefault();
    all[goal]?.focus();
    return;
  }
  const message = log.messages.get(current.dataset.messageId)?.value;
  if (message) onMessageKey(event, message);
}

function Skeleton() {
  return html`<div class="skeleton" aria-hidden="true">
    ${[62, 38, 74, 50].map((width) => html`<p key=${width}><i></i><b></b><span style=${{ width: `${width}%` }}></span></p>`)}
  </div>`;
}
