/** Times, sizes, initials and colours as people read them. */

const TIME = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const DAY = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long", year: "numeric" });
const SHORT_DAY = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric" });
const FULL = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "short" });
const RELATIVE = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
const HUES = [30, 8, 345, 318, 285, 258, 222, 198, 172, 140, 95, 52];

/** @param {string} timestamp */
export const clock = (timestamp) => TIME.format(new Date(timestamp));

/** @param {string} timestamp */
export const fullTime = (timestamp) => FULL.format(new Date(timestamp));

/** A key that differs between days of the reader's own calendar. */
export function dayKey(timestamp) {
  const day = new Date(timestamp);
  return `${day.getFullYear()}-${day.getMonth()}-${day.getDate()}`;
}

/** "Today", "Yesterday", or the date in words. */
export function dayName(timestamp) {
  const key = dayKey(timestamp);
  const now = new Date();
  if (key === dayKey(now)) return "Today";
  if (key === dayKey(new Date(now.getFullYear(), now.getMonth(), now.getDate() - 1))) return "Yesterday";
  return DAY.format(new Date(timestamp));
}

/** The time beside a name: with its day unless it is today. */
export function stamp(timestamp) {
  const day = dayName(timestamp);
  if (day === "Today") return clock(timestamp);
  if (day === "Yesterday") return `Yesterday, ${clock(timestamp)}`;
  return `${SHORT_DAY.format(new Date(timestamp))}, ${clock(timestamp)}`;
}

/** Discord's `<t:seconds:style>`. */
export function discordTime(seconds, style) {
  const date = new Date(seconds * 1000);
  if (style === "R") return relative(seconds - Date.now() / 1000);
  const styles = {
    t: { timeStyle: "short" },
    T: { timeStyle: "medium" },
    d: { dateStyle: "short" },
    D: { dateStyle: "long" },
    F: { dateStyle: "full", timeStyle: "short" },
  };
  return new Intl.DateTimeFormat(undefined, styles[style] ?? { dateStyle: "long", timeStyle: "short" }).format(date);
}

function relative(seconds) {
  const units = [["year", 31536000], ["month", 2592000], ["day", 86400], ["hour", 3600], ["minute", 60]];
  const [unit, size] = units.find(([, length]) => Math.abs(seconds) >= length) ?? ["second", 1];
  return RELATIVE.format(Math.round(seconds / size), unit);
}

/** @param {number} bytes */
export function fileSize(bytes) {
  if (bytes < 1000) return `${bytes} bytes`;
  if (bytes < 1e6) return `${(bytes / 1e3).toFixed(1)} KB`;
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

/** Minutes and seconds of a length. */
export function duration(seconds) {
  if (!Number.isFinite(seconds)) return "0:00";
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/** One or two letters for someone without a face. */
export function initials(name) {
  const words = name.trim().split(/\s+/u).filter(Boolean);
  const letters = words.length > 1 ? [words[0], words.at(-1)] : words;
  return letters.map((word) => [...word][0]).join("").toUpperCase() || "?";
}

/** The same hue for the same name, always. */
export function hueOf(name) {
  let hash = 2166136261;
  for (const character of name) hash = Math.imul(hash ^ character.codePointAt(0), 16777619) >>> 0;
  hash = Math.imul(hash ^ (hash >>> 15), 2246822519) >>> 0;
  return HUES[((hash ^ (hash >>> 13)) >>> 0) % HUES.length];
}
