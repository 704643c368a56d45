// Why a moment was found: the weight of each phrase, and where in the frame it was seen.

import { $, make } from "./dom.js";
import { askIfThere } from "./service.js";

const section = $("#why");
const list = $("#phrases");
const button = $("#where");
const canvas = $("#regions");
const STEP_S = 0.5;
const STRONGEST = 0.55;
const PINK = [214, 0, 127];
const [WIDE, HIGH] = [64, 36];
let now = null; // { video, words, kept: heats by time }
let isOn = false;
let busy = false;

// What is known of the moments of a video; null where nothing is.
export const ask = ({ video }, words) =>
  askIfThere(`api/videos/${encodeURIComponent(video)}/why?${new URLSearchParams(words)}`);

// Shows the reasons; undefined for those that are still to come.
export function show({ video }, words, why) {
  now = why ? { video, words, kept: new Map() } : null;
  section.hidden = why === null;
  wipe();
  list.replaceChildren(...(why?.phrases ?? []).map(phrase));
}

function phrase({ phrase: text, weight }) {
  const bar = make("span", { className: "weight" }, make("span"));
  bar.firstChild.style.width = `${100 * weight}%`;
  return make("li", {}, make("span", { textContent: text }), bar,
    make("span", { className: "number", textContent: weight.toFixed(2) }));
}

export function toggle(at) {
  if (section.hidden) return;
  isOn = !isOn;
  button.setAttribute("aria-pressed", String(isOn));
  if (isOn) draw(at);
  else wipe();
}

// Draws where it was seen at that time, if that is wanted.
export async function draw(at) {
  if (!isOn || !now || busy) return;
  const mine = now;
  const time = Math.round(at / STEP_S) * STEP_S;
  if (mine.shown === time) return;
  if (!mine.kept.has(time)) {
    busy = true;
    try {
      const words = new URLSearchParams({ ...mine.words, at: time });
      const seen = await askIfThere(`api/videos/${encodeURIComponent(mine.video)}/regions?${words}`);
      mine.kept.set(time, seen && heat(seen));
    } catch {
      mine.kept.set(time, null);
    } finally {
      busy = false;
    }
    if (mine !== now || !isOn) return;
  }
  mine.shown = time;
  paint(mine.kept.get(time));
}

function wipe() {
  if (now) now.shown = null;
  canvas.hidden = true;
}

// A Gaussian for each box, as in the pictures of slta search --plot; its maximum is 1.
function heat({ boxes, weights }) {
  const map = new Float32Array(WIDE * HIGH);
  boxes.forEach(([x0, y0, x1, y1], i) => {
    const across = hill(x0, x1, WIDE);
    const down = hill(y0, y1, HIGH);
    for (let y = 0; y < HIGH; y += 1) {
      for (let x = 0; x < WIDE; x += 1) map[y * WIDE + x] += weights[i] * down[y] * across[x];
    }
  });
  const most = Math.max(...map);
  return most > 0 ? map.map((each) => each / most) : map;
}

// A Gaussian over pixels, reflected at the edges, so that equal weights are drawn equal.
function hill(start, end, size) {
  const [middle, wide] = [(start + end) / 2, 0.4 * Math.max(end - start, 1e-3)];
  const at = (x) => Math.exp(-0.5 * ((x - middle) / wide) ** 2) / wide;
  return Float32Array.from({ length: size }, (_, i) => {
    const x = (i + 0.5) / size;
    return at(x) + at(-x) + at(2 - x);
  });
}

function paint(map) {
  canvas.hidden = !map;
  if (!map) return;
  [canvas.width, canvas.height] = [WIDE, HIGH];
  const context = canvas.getContext("2d");
  const image = context.createImageData(WIDE, HIGH);
  map.forEach((each, i) => image.data.set([...PINK, 255 * STRONGEST * each], 4 * i));
  context.putImageData(image, 0, 0);
}
