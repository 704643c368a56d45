// Plays a span of a video.

import { $ } from "./dom.js";

const video = $("#player");
const stage = $("#stage");
const loop = $("#loop");
const EARLY_S = 0.01;
let span = { start_s: 0, end_s: 0 };
let isFree = false; // whoever goes beyond the span goes on watching
let tick = () => {};
let frames = 0;

// `at` is called with the time whenever it changes; `state` when it starts or stops;
// `broken` when the browser cannot play the file.
export function onPlaying({ at, state, broken }) {
  tick = () => at(video.currentTime);
  for (const name of ["play", "pause", "volumechange"]) {
    video.addEventListener(name, () => state({ paused: video.paused, muted: video.muted }));
  }
  video.addEventListener("seeked", tick);
  video.addEventListener("error", () => video.getAttribute("src") && broken());
}

export function load(id, { start_s, end_s }) {
  const source = `api/videos/${encodeURIComponent(id)}/file`;
  if (video.getAttribute("src") !== source) {
    video.src = source;
    video.playbackRate = video.defaultPlaybackRate;
  }
  span = { start_s, end_s };
}

export function unload() {
  video.pause();
  video.removeAttribute("src");
  video.load();
}

// Other ends of the span, while it plays.
export const setSpan = ({ start_s, end_s }) => (span = { start_s, end_s });

export function playSpan() {
  isFree = false;
  video.currentTime = span.start_s;
  play();
}

const play = () => video.play().catch(() => {});

export function toggle() {
  if (!video.paused) video.pause();
  else if (!isFree && video.currentTime >= span.end_s - 0.05) playSpan();
  else play();
}

export const pause = () => video.pause();
export const time = () => video.currentTime;

export function seek(time_s) {
  const end = Number.isFinite(video.duration) ? video.duration : Infinity;
  video.currentTime = Math.min(Math.max(0, time_s), end);
  isFree = video.currentTime < span.start_s - EARLY_S || video.currentTime > span.end_s;
  tick();
}

export const skip = (seconds) => seek(video.currentTime + seconds);

export function setSpeed(speed) {
  video.defaultPlaybackRate = video.playbackRate = speed;
}

export const toggleSound = () => (video.muted = !video.muted);

export function wholeScreen() {
  if (document.fullscreenElement) document.exitFullscreen();
  else stage.requestFullscreen?.().catch(() => {});
}

function atEnd() {
  if (loop.checked) playSpan();
  else video.pause();
}

function watch() {
  tick();
  if (!isFree && video.currentTime >= span.end_s) atEnd();
  if (!video.paused) frames = requestAnimationFrame(watch);
}

video.addEventListener("play", () => {
  cancelAnimationFrame(frames);
  watch();
});
video.addEventListener("ended", () => !isFree && loop.checked && playSpan());
// In a window that is not seen no frames are asked for.
video.addEventListener("timeupdate", () => {
  if (document.hidden && !isFree && video.currentTime >= span.end_s) atEnd();
});
video.addEventListener("loadedmetadata", () => {
  const ratio = video.videoWidth / video.videoHeight || 16 / 9;
  stage.style.setProperty("--ratio", ratio);
});
video.addEventListener("click", toggle);
