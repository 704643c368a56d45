// What one says of a moment: its ends, a verdict, a note; kept as soon as it is said.

import { $, later } from "./dom.js";
import { range } from "./clock.js";

const ends = $("#ends");
const back = $("#found-ends");
const verdicts = { accepted: $("#accept"), rejected: $("#reject") };
const note = $("#note");
const saved = $("#saved");
const LAST_MS = 700;
let keeper = null;
let moved = () => {};
let saves = 0;

// `onMoved` is called with ends that were set here.
export const onMoved = (work) => (moved = work);

export function show(given) {
  leave();
  keeper = given;
  note.value = keeper.state.note;
  saved.textContent = "";
  saved.className = "faint";
  $("#judge-name").textContent = keeper.title;
  $("#verdicts").hidden = !keeper.isFound;
  note.parentElement.hidden = Boolean(keeper.isPassing);
  draw();
}

// Keeps what is not kept yet.
export function leave() {
  typed.flush();
  settled.flush();
}

function draw() {
  const { start_s, end_s, verdict } = keeper.state;
  const { found } = keeper;
  ends.textContent = `${range(start_s, end_s)}, ${(end_s - start_s).toFixed(1)} s`;
  back.hidden = start_s === found.start_s && end_s === found.end_s;
  back.textContent = `Back to ${range(found.start_s, found.end_s)}`;
  for (const [name, button] of Object.entries(verdicts)) {
    button.setAttribute("aria-pressed", String(verdict === name));
  }
}

async function keep(change, what) {
  const mine = keeper;
  saves += 1;
  const number = saves;
  saved.textContent = "Saving …";
  try {
    const saving = mine.save(change);
    draw();
    await saving;
    if (number !== saves || mine !== keeper) return;
    if (mine.isPassing) say("Add the moment to a list to keep it so.", "faint");
    else say(`${what} saved.`, "faint");
  } catch (error) {
    if (mine === keeper) say(`${what} not saved: ${error.message}`, "refused");
  }
}

function say(text, kind) {
  saved.textContent = text;
  saved.className = kind;
}

// Ends while they are moved.
export function preview({ start_s, end_s }) {
  ends.textContent = `${range(start_s, end_s)}, ${(end_s - start_s).toFixed(1)} s`;
}

const settled = later((of, change) => {
  if (of === keeper) keep(change, "Ends");
}, 250);

// Where the ends stay; a held key moves them many times.
export function setEnds({ start_s, end_s }) {
  preview({ start_s, end_s });
  settled(keeper, { start_s, end_s });
}

export function judge(verdict) {
  if (!keeper.isFound) return;
  const again = keeper.state.verdict === verdict;
  keep({ verdict: again ? null : verdict }, "Verdict");
}

const typed = later((of, text) => {
  if (of === keeper) keep({ note: text }, "Note");
  else of.save({ note: text }).catch(() => {});
}, LAST_MS);

note.addEventListener("input", () => typed(keeper, note.value));
note.addEventListener("change", () => typed.flush());
for (const [name, button] of Object.entries(verdicts)) {
  button.addEventListener("click", () => judge(name));
}
back.addEventListener("click", () => {
  const { found } = keeper;
  setEnds(found);
  moved(found);
  $("#play-span").focus();
});

export const focusNote = () => keeper.isPassing || note.focus();
