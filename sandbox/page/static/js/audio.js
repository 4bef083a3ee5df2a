/** A player for one sound. */
import { html, useRef, useState } from "./ui.js";
import { Icon } from "./icons.js";
import { duration, fileSize } from "./format.js";

export function AudioPlayer({ url, name, size }) {
  const sound = useRef(null);
  const [playing, setPlaying] = useState(false);
  const [at, setAt] = useState(0);
  const [length, setLength] = useState(0);
  const toggle = () => (playing ? sound.current.pause() : sound.current.play().catch(() => setPlaying(false)));
  const seek = (event) => {
    sound.current.currentTime = Number(event.target.value);
    setAt(sound.current.currentTime);
  };
  const played = length ? (at / length) * 100 : 0;
  return html`<div class="audio" data-testid="audio">
    <audio ref=${sound} src=${url} preload="metadata"
      onPlay=${() => setPlaying(true)} onPause=${() => setPlaying(false)} onEnded=${() => setPlaying(false)}
      onLoadedMetadata=${() => setLength(sound.current.duration)} onTimeUpdate=${() => setAt(sound.current.currentTime)}
    ></audio>
    <button type="button" class="round" aria-label=${playing ? "Pause" : `Play ${name}`} data-testid="audio-play" onClick=${toggle}>
      <${Icon} name=${playing ? "pause" : "play"} />
    </button>
    <div>
      <div class="audio-title"><b>${name}</b><small>${size ? fileSize(size) : ""}</small></div>
      <div class="audio-track">
        <input type="range" min="0" max=${length || 1} step="0.05" value=${at} aria-label="Position" onInput=${seek}
          style=${{ "--played": `${played}%` }} />
        <span>${duration(at)} / ${duration(length)}</span>
      </div>
    </div>
  </div>`;
}
