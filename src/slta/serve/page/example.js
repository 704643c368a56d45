// Searching by an example: a picture, or a moment that was found.

import { $ } from "./dom.js";
import { go } from "./address.js";
import { ask, frame } from "./service.js";
import { partsOf } from "./moments.js";

const chip = $("#example");
const image = chip.querySelector("img");
const name = chip.querySelector("span");
const file = $("#picture-file");
const box = $("#query");
const PLACEHOLDER = box.placeholder;
const MOST_BYTES = 10_000_000;
const pictures = new Map(); // addresses of the pictures given here, by their id
let tell = () => {};

// `told` is called with a sentence where a picture cannot be taken.
export const onTrouble = (told) => (tell = told);

export function show(state) {
  const moment = state.like && partsOf(state.like);
  chip.hidden = !(state.like || state.picture);
  box.placeholder = chip.hidden ? PLACEHOLDER : "or describe something else";
  const source = moment
    ? frame(moment.video, (moment.start_s + moment.end_s) / 2)
    : pictures.get(state.picture);
  image.hidden = !source;
  if (source) image.src = source;
  name.textContent = state.like ? "A moment" : "A picture";
}

// Searches by a picture.
export async function take(picture) {
  if (picture.size > MOST_BYTES) {
    const size = (picture.size / 1e6).toFixed(1);
    tell(`The picture has ${size} MB; give one of at most 10 MB.`);
    return;
  }
  try {
    const { picture: id } = await ask("api/pictures", { method: "POST", body: picture });
    pictures.set(id, URL.createObjectURL(picture));
    go({ picture: id, q: undefined, like: undefined, view: undefined, list: undefined, moment: undefined });
  } catch (error) {
    tell(error.message);
  }
}

$("#picture").addEventListener("click", () => file.click());
file.addEventListener("change", () => {
  if (file.files[0]) take(file.files[0]);
  file.value = "";
});
chip.querySelector("button").addEventListener("click", () => {
  go({ like: undefined, picture: undefined });
  box.focus();
});
addEventListener("paste", (event) => {
  const pasted = [...(event.clipboardData?.files ?? [])].find(isPicture);
  if (!pasted) return;
  event.preventDefault();
  take(pasted);
});

export const isPicture = (given) => given.type.startsWith("image/");
