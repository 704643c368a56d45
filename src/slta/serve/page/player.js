// The dialog in which a moment is played, explained, judged and collected.

import { $ } from "./dom.js";
import { clock } from "./clock.js";
import { frame, named } from "./service.js";
import { idOf } from "./moments.js";
import { Timeline } from "./timeline.js";
import * as playing from "./playing.js";
import * as reasons from "./reasons.js";
import * as judging from "./judging.js";
import * as collecting from "./collecting.js";

const dialog = $("#moment");
const trouble = $("#trouble");
const play = $("#play");
const sound = $("#sound");
let now = null; // { moment, query, words, keeper, neighbour, chosen, like, ends }
let closed = () => {};

const timeline = new Timeline($("#timeline"), {
  seek: playing.seek,
  ends: (ends, { isFinal, at }) => {
    now.ends = ends;
    playing.setSpan(ends);
    playing.pause();
    playing.seek(at);
    if (isFinal) judging.setEnds(ends);
    else judging.preview(ends);
    if (isFinal) link(ends);
  },
});

export const isOpen = () => dialog.open;
export const idNow = () => now && idOf(now.moment);

// `work` is called with the moment after the dialog was closed.
export const onClose = (work) => (closed = work);

export function open(given) {
  const { moment, keeper, query } = given;
  const { start_s, end_s } = keeper.state;
  const ends = { start_s, end_s };
  now = { ...given, ends };
  const at = moment.file.lastIndexOf("/") + 1;
  $("#name").textContent = moment.file.slice(at);
  $("#path").textContent = moment.file.slice(0, at);
  $("#asked").textContent = `“${query}”`;
  $("#sure").textContent = facts(moment);
  trouble.hidden = true;
  const isNew = !dialog.open;
  if (isNew) dialog.showModal();
  $("#previous").disabled = !now.neighbour(-1);
  $("#next").disabled = !now.neighbour(1);
  judging.show(keeper);
  const why = now.words ? undefined : null;
  reasons.show(moment, now.words, why);
  timeline.whole.time = timeline.near.time = ends.start_s;
  timeline.show(moment, why, ends);
  link(ends);
  playing.load(moment.video, ends);
  if (isNew) play.focus();
  playing.playSpan();
  collecting.show();
  explain(now);
}

function facts({ confidence, duration_s }) {
  const sure = typeof confidence === "number" ? ` · confidence ${confidence.toFixed(2)}` : "";
  return `of ${clock(duration_s)}${sure}`;
}

async function explain(mine) {
  if (!mine.words) return;
  const why = await reasons.ask(mine.moment, mine.words).catch(() => null);
  if (mine !== now || !dialog.open) return;
  timeline.show(mine.moment, why, mine.ends);
  reasons.show(mine.moment, mine.words, why);
  reasons.draw(playing.time());
}

function link({ start_s, end_s }) {
  const words = new URLSearchParams({ start: start_s, end: end_s });
  $("#clip").href = `api/videos/${named(now.moment.video)}/clip?${words}`;
}

function moveTo(ends) {
  now.ends = ends;
  timeline.move(ends);
  playing.setSpan(ends);
  link(ends);
}

// Sets an end where the film is now.
export function endHere(name) {
  const time = Math.round(playing.time() * 100) / 100;
  const ends = { ...now.ends, [name]: time };
  if (ends.end_s - ends.start_s < 0.1) return;
  moveTo(ends);
  judging.setEnds(ends);
}

export function step(by) {
  const other = now?.neighbour(by);
  if (other) now.chosen(other);
}

export const like = () => now.like(now.moment);
export const why = () => reasons.toggle(playing.time());
export const close = () => dialog.open && dialog.close();

dialog.addEventListener("close", () => {
  judging.leave();
  playing.unload();
  const { moment } = now;
  now = null;
  closed(moment);
});
// A click beside the dialog closes it.
dialog.addEventListener("pointerdown", (event) => event.target === dialog && close());

playing.onPlaying({
  at: (time) => {
    if (!now) return;
    timeline.head(time);
    $("#time").textContent = clock(time);
    reasons.draw(time);
  },
  state: ({ paused, muted }) => {
    label(play, paused ? "Play" : "Pause", paused ? "play" : "pause");
    label(sound, muted ? "Sound on" : "Sound off", muted ? "muted" : "sound");
  },
  broken: () => {
    const { start_s, end_s } = now.ends;
    trouble.hidden = false;
    $("#still").src = frame(now.moment.video, (start_s + end_s) / 2, 640);
  },
});

function label(button, text, icon) {
  button.title = text;
  button.setAttribute("aria-label", text);
  $("use", button).setAttribute("href", `#i-${icon}`);
}

judging.onMoved(moveTo);
collecting.onCollect(() => {
  const { moment, query, ends } = now;
  const { video, score = 0, confidence = 0 } = moment;
  return { video, query, ...ends, score, confidence };
});

const clicks = {
  "#close": close,
  "#previous": () => step(-1),
  "#next": () => step(1),
  "#play": playing.toggle,
  "#play-span": playing.playSpan,
  "#back": () => playing.skip(-2),
  "#on": () => playing.skip(2),
  "#sound": playing.toggleSound,
  "#whole": playing.wholeScreen,
  "#where": why,
  "#like": like,
};
for (const [selector, work] of Object.entries(clicks)) $(selector).addEventListener("click", work);
for (const speed of dialog.querySelectorAll("[name=speed]")) {
  speed.addEventListener("change", () => playing.setSpeed(Number(speed.value)));
}
