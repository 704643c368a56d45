// The page: a query, its moments, and a player. Its address holds what was asked.

import { clock } from "./clock.js";
import { stream } from "./service.js";
import { open, close, step, toggle, skip, isOpen } from "./player.js";

const form = document.querySelector("#ask");
const told = document.querySelector("#told");
const list = document.querySelector("#found");
const more = document.querySelector("#more");
const keys = document.querySelector("#keys");
const FIRST = 20;
const MOST = 1000;
let moments = [];
let stop = () => {};

function words() {
  return Object.fromEntries([...new FormData(form)].filter(([, value]) => value.trim()));
}

function ask(top = FIRST) {
  stop();
  const asked = words();
  if (!asked.q) return;
  if (top === FIRST) told.textContent = "Searching …";
  stop = stream({ ...asked, top }, {
    found: (answer) => show(answer, top),
    refused: (error) => {
      list.replaceChildren();
      more.hidden = true;
      told.textContent = error;
    },
  });
}

function show(answer, top) {
  moments = answer.moments;
  const where = `in ${answer.videos} ${answer.videos === 1 ? "video" : "videos"}`;
  const clear = answer.clear_match
    ? `Clear match ${where}.`
    : `Nothing clear was found ${where}; the nearest moments:`;
  told.textContent = [clear, ...answer.notes].join(" ");
  told.className = answer.clear_match ? "clear" : "unclear";
  const cards = [...list.children];
  list.replaceChildren(
    ...moments.map((moment, i) =>
      cards[i]?.dataset.key === key(moment) ? cards[i] : card(moment, i),
    ),
  );
  more.hidden = moments.length < top || top >= MOST;
}

const key = (moment) => `${moment.video} ${moment.start_s} ${moment.end_s}`;

function card(moment, i) {
  const item = document.createElement("li");
  item.dataset.key = key(moment);
  const button = document.createElement("button");
  button.className = "card";
  button.addEventListener("click", () => open(moments, i));
  const strip = document.createElement("span");
  strip.className = "strip";
  for (const share of [0.1, 0.5, 0.9]) {
    const image = document.createElement("img");
    image.alt = "";
    image.loading = "lazy";
    const at = moment.start_s + share * (moment.end_s - moment.start_s);
    image.src = `api/videos/${moment.video}/frame?at=${at.toFixed(2)}&width=160`;
    strip.append(image);
  }
  const facts = document.createElement("span");
  facts.className = "facts";
  facts.append(
    line("file", moment.file),
    line("time", `${clock(moment.start_s)}–${clock(moment.end_s)}`),
    line("faint", `confidence ${moment.confidence.toFixed(2)}`),
  );
  button.append(strip, facts);
  item.append(button);
  return item;
}

function line(kind, text) {
  const span = document.createElement("span");
  span.className = kind;
  span.textContent = text;
  return span;
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  history.pushState(null, "", `?${new URLSearchParams(words())}`);
  ask();
});
more.addEventListener("click", () => ask(Math.min(MOST, moments.length * 5)));
addEventListener("popstate", restore);

function restore() {
  const given = new URLSearchParams(location.search);
  for (const field of form.elements) if (field.name) field.value = given.get(field.name) ?? "";
  close();
  if (given.has("q")) ask();
  else {
    list.replaceChildren();
    told.textContent = "";
  }
}

addEventListener("keydown", (event) => {
  const typing = event.target.matches("input:not([type=checkbox]), select");
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const cards = [...list.querySelectorAll(".card")];
  const here = cards.indexOf(document.activeElement);
  const act = {
    "/": () => form.elements.q.focus(),
    "?": () => keys.showModal(),
    ArrowRight: () => (isOpen() ? step(1) : cards[Math.min(here + 1, cards.length - 1)]?.focus()),
    ArrowLeft: () => (isOpen() ? step(-1) : cards[Math.max(here - 1, 0)]?.focus()),
    k: toggle,
    " ": isOpen() ? toggle : undefined,
    j: () => skip(-2),
    l: () => skip(2),
  }[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});

restore();
