// Cards: what shows a moment among others.

import { make, icon, hidden } from "./dom.js";
import { clock, range } from "./clock.js";
import { strip } from "./service.js";
import { idOf } from "./moments.js";

const WIDTH = devicePixelRatio > 1.4 ? 320 : 160;
const VERDICTS = { accepted: "check", rejected: "cross" };

// A list item of a moment, with its ends, verdict and note as kept. `actions` are buttons
// beside it; `open` is called at a click; `above` is a line above the file,
// which is left out in a group.
export function card(moment, { kept, clearFrom, open, above, isGrouped, actions = [] }) {
  const button = make("button", { type: "button", className: "card", onclick: open },
    pictures(moment), facts(moment, kept, { clearFrom, above, isGrouped }));
  const item = make("li", {}, button, make("div", { className: "actions" }, ...actions));
  item.dataset.id = idOf(moment);
  if (kept.verdict) item.dataset.verdict = kept.verdict;
  return item;
}

function pictures(moment) {
  const image = make("img", { alt: "", loading: "lazy", decoding: "async" });
  image.addEventListener("error", () => image.classList.add("missing"));
  image.src = strip(moment.video, moment, 3, WIDTH);
  return make("span", { className: "strip" }, image);
}

function facts(moment, kept, { clearFrom, above, isGrouped }) {
  const [folder, name] = parts(moment.file);
  const changed = kept.start_s !== moment.start_s || kept.end_s !== moment.end_s;
  return make("span", { className: "facts" },
    above ? make("span", { className: "above", textContent: above }) : null,
    isGrouped ? null : make("span", { className: "file", title: moment.file },
      folder ? make("span", { className: "folder", textContent: folder }) : null,
      make("span", { className: "name", textContent: name })),
    make("span", { className: "time" },
      range(kept.start_s, kept.end_s),
      make("span", { className: "faint" }, ` of ${clock(moment.duration_s)}`),
      changed ? make("span", { className: "faint" }, " · ends corrected") : null),
    make("span", { className: "sure" },
      ...confidence(moment, clearFrom),
      kept.verdict
        ? make("span", { className: `tag ${kept.verdict}` }, icon(VERDICTS[kept.verdict]), kept.verdict)
        : null),
    kept.note ? make("span", { className: "note" }, hidden("note: "), kept.note) : null);
}

function confidence(moment, clearFrom) {
  if (typeof moment.confidence !== "number") return [];
  const bar = make("span", { className: "meter" }, make("span"));
  bar.firstChild.style.width = `${100 * moment.confidence}%`;
  return [
    bar,
    make("span", { className: "number" }, hidden("confidence "), moment.confidence.toFixed(2)),
    clearFrom === undefined ? null : clearness(moment.confidence >= clearFrom),
  ].filter(Boolean);
}

const clearness = (isClear) =>
  make("span", { className: isClear ? "clear" : "faint" }, isClear ? "clear" : "not clear");

// The folder, with its last slash, and the name of a file.
export function parts(file) {
  const cut = file.lastIndexOf("/") + 1;
  return [file.slice(0, cut), file.slice(cut)];
}
