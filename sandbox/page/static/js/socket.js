/** One WebSocket to the server: numbered requests, events, and coming back after a loss. */
import { signal } from "./ui.js";

const FIRST_RETRY_MS = 400;
const LONGEST_RETRY_MS = 5000;
const REQUEST_DEADLINE_MS = 15000;

/** @type {import("@preact/signals").Signal<"connecting" | "open" | "lost">} */
export const connection = signal("connecting");

/** @type {WebSocket | null} */
let socket = null;
let nextId = 1;
let retryMs = FIRST_RETRY_MS;
let retryTimer = 0;
/** @type {Map<number, {resolve: (data: any) => void, reject: (error: Error) => void, timer: number}>} */
const waiting = new Map();
let onEvent = (_event) => {};
let hello = () => ({});

/**
 * Connect and stay connected.
 * @param {(event: {t: string}) => void} listener hears every event
 * @param {() => object} greeting what to say first on each connection
 */
export function connect(listener, greeting) {
  onEvent = listener;
  hello = greeting;
  open();
  addEventListener("online", reconnectNow);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) reconnectNow();
  });
}

/**
 * Ask the server; rejects with an Error whose message is a sentence for the person.
 * @param {string} op
 * @param {object} fields
 * @returns {Promise<any>}
 */
export function request(op, fields = {}) {
  const id = nextId++;
  return new Promise((resolve, reject) => {
    if (socket?.readyState !== WebSocket.OPEN) {
      reject(new Error("Not connected right now. Your words are kept."));
      return;
    }
    const timer = setTimeout(() => settle(id, null, "The server did not answer."), REQUEST_DEADLINE_MS);
    waiting.set(id, { resolve, reject, timer });
    socket.send(JSON.stringify({ op, id, ...fields }));
  });
}

/** Try again at once when the connection is lost. */
export function reconnectNow() {
  if (connection.value !== "lost") return;
  clearTimeout(retryTimer);
  open();
}

function open() {
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  const opened = new WebSocket(`${scheme}://${location.host}/ws`);
  socket = opened;
  opened.onopen = () => request("hello", hello()).catch(() => opened.close());
  opened.onmessage = (message) => receive(JSON.parse(message.data));
  opened.onclose = () => lose(opened);
}

function receive(event) {
  if (event.t === "reply") {
    settle(event.id, event.data, event.error);
    return;
  }
  if (event.t === "snapshot" || event.t === "resumed") {
    connection.value = "open";
    retryMs = FIRST_RETRY_MS;
  }
  onEvent(event);
}

function lose(closed) {
  if (closed !== socket) return;
  connection.value = "lost";
  for (const id of [...waiting.keys()]) settle(id, null, "The connection was lost.");
  retryTimer = setTimeout(open, retryMs * (0.8 + Math.random() * 0.4));
  retryMs = Math.min(retryMs * 1.7, LONGEST_RETRY_MS);
}

function settle(id, data, error) {
  const waiter = waiting.get(id);
  if (!waiter) return;
  waiting.delete(id);
  clearTimeout(waiter.timer);
  if (error) waiter.reject(new Error(error));
  else waiter.resolve(data);
}

/**
 * Hand a file to the server and return the id that requests refer to.
 * @param {File} file
 * @returns {Promise<string>}
 */
export async function upload(file) {
  const form = new FormData();
  form.append("file", file, file.name);
  const response = await fetch("/upload", { method: "POST", body: form });
  if (response.status === 413) throw new Error(`${file.name} is larger than 10 MB.`);
  if (!response.ok) throw new Error(`${file.name} could not be sent.`);
  return (await response.json()).id;
}
