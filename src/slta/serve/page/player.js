// Plays a moment of a video.

import { clock } from "./clock.js";

const dialog = document.querySelector("#moment");
const player = document.querySelector("#player");
const loop = document.querySelector("#loop");
let moments = [];
let at = 0;

const now = () => moments[at];

export function open(all, i) {
  [moments, at] = [all, i];
  const moment = now();
  const source = `api/videos/${moment.video}/file`;
  dialog.querySelector("#name").textContent = moment.file;
  dialog.querySelector("#when").textContent =
    `${clock(moment.start_s)}–${clock(moment.end_s)} of ${clock(moment.duration_s)}, ` +
    `confidence ${moment.confidence.toFixed(2)}`;
  if (player.getAttribute("src") !== source) player.src = source;
  if (!dialog.open) dialog.showModal();
  play();
}

function play() {
  player.currentTime = now().start_s;
  player.play().catch(() => {});
}

player.addEventListener("timeupdate", () => {
  if (!dialog.open || player.currentTime < now().end_s) return;
  // Whoever sought beyond the moment goes on watching.
  if (player.currentTime > now().end_s + 1) return;
  if (loop.checked) player.currentTime = now().start_s;
  else player.pause();
});
player.addEventListener("error", () => {
  dialog.querySelector("#when").textContent =
    "The browser cannot play this kind of file; slta search --clips writes the moment as MP4.";
});
dialog.addEventListener("close", () => player.pause());
dialog.querySelector("#again").addEventListener("click", play);
dialog.querySelector("#before").addEventListener("click", () => step(-1));
dialog.querySelector("#after").addEventListener("click", () => step(1));
dialog.querySelector("#speed").addEventListener("change", (event) => {
  player.playbackRate = Number(event.target.value);
});

export const isOpen = () => dialog.open;
export const close = () => dialog.close();

export function step(by) {
  if (dialog.open && moments[at + by]) open(moments, at + by);
}

export function toggle() {
  if (!dialog.open) return;
  if (player.paused) player.play().catch(() => {});
  else player.pause();
}

export function skip(seconds) {
  if (dialog.open) player.currentTime += seconds;
}
