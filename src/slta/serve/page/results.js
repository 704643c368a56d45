// The moments that were found, drawn in portions as one scrolls.

import { $, make, iconButton, plural } from "./dom.js";
import { stream } from "./service.js";
import { card } from "./cards.js";
import { idOf, spanOf } from "./moments.js";
import { go } from "./address.js";
import * as corrections from "./corrections.js";

const told = $("#told");
const found = $("#found");
const rest = $("#rest");
const FIRST = 60;
const MOST = 10_000;
const PORTION = 60;
const GROUPS = 12;
const IN_GROUP = 6;

const nothing = () => ({
  moments: [], query: "", words: {}, top: 0, clearFrom: 2, complete: true, settled: false,
  corrected: Promise.resolve(),
});
let now = nothing();
let stop = () => {};
let grouped = false;
let drawn = 0; // moments, or groups

export const queryNow = () => now.query;
// Resolves when what was said of the moments is known.
export const corrected = () => now.corrected;
export const find = (id) => now.moments.find((moment) => idOf(moment) === id);

// The moment so many places on; null beyond the ends.
export function neighbour(moment, by) {
  const all = grouped ? groups().flat() : now.moments;
  const at = all.findIndex((each) => idOf(each) === idOf(moment));
  return at < 0 ? null : (all[at + by] ?? null);
}

// Searches; settled is called once the first answer is whole, with corrections, or refused.
export function search(words, isGrouped, settled) {
  clear();
  grouped = isGrouped;
  now.words = words;
  found.setAttribute("aria-busy", "true");
  say("Searching …", "faint");
  more(FIRST, settled);
}

export function clear() {
  stop();
  now = nothing();
  drawn = 0;
  found.replaceChildren();
  found.removeAttribute("aria-busy");
  rest.textContent = "";
  say("", "");
}

export function group(on) {
  grouped = on;
  redraw();
}

function more(top, settled = () => {}) {
  now.complete = now.settled = false;
  const mine = now;
  stop = stream({ ...mine.words, top }, {
    found: (answer) => take(answer, top),
    done: () => {
      mine.complete = mine.moments.length < top || top >= MOST;
      found.removeAttribute("aria-busy");
      mine.settled = true;
      watch();
      mine.corrected.then(settled);
    },
    refused: (error) => {
      mine.complete = true;
      found.removeAttribute("aria-busy");
      if (mine.moments.length) rest.textContent = `There may be more: ${error}`;
      else say(error, "refused");
      settled();
    },
  });
  now.top = top;
}

function take(answer, top) {
  const before = now.moments;
  if (answer.moments.length < before.length && top > FIRST) return; // its first part
  const isFirst = now.query !== answer.query || !before.length;
  now.moments = answer.moments;
  now.query = answer.query;
  now.clearFrom = answer.clear_from;
  if (isFirst) {
    if (now.words.q) now.corrected = corrections.load(now.query).catch(() => {});
    tell(answer);
  }
  const same = before.every((moment, i) => idOf(moment) === idOf(now.moments[i]));
  if (grouped || !same) redraw();
  else fill(Math.max(drawn, PORTION));
}

function tell(answer) {
  const where = `in ${plural(answer.videos, "video")}`;
  const named = answer.like ? `Moments like ${answer.query}. ` : "";
  const notes = answer.notes.join(" ");
  if (!answer.moments.length) {
    say(`${named}Nothing was found ${where}; use other words, or fewer filters. ${notes}`, "unclear");
  } else if (answer.clear_match) {
    say(`${named}Clear match ${where}. ${notes}`, "clear");
  } else {
    say(`${named}Nothing clear was found ${where}. The nearest moments are below; they may show something else. ${notes}`, "unclear");
  }
}

function say(text, kind) {
  told.textContent = text.trim();
  told.className = kind;
}

function redraw() {
  const focused = document.activeElement?.closest("li[data-id]")?.dataset.id;
  const before = Math.max(drawn, 1);
  found.replaceChildren();
  drawn = 0;
  if (grouped) fillGroups(Math.max(before, GROUPS));
  else fill(Math.max(before, PORTION));
  if (focused) focusCard(focused);
}

// Draws until there are so many; portions outside the window cost nothing.
function fill(count) {
  const end = Math.min(count, now.moments.length);
  while (drawn < end) {
    let portion = found.lastElementChild;
    if (!portion || portion.childElementCount >= PORTION) {
      portion = make("ol", { className: "cards", start: drawn + 1 });
      portion.setAttribute("aria-label", `Moments from number ${drawn + 1}`);
      found.append(portion);
    }
    portion.append(cardOf(now.moments[drawn]));
    drawn += 1;
  }
  watch();
}

function groups() {
  const all = new Map();
  for (const moment of now.moments) {
    if (!all.has(moment.video)) all.set(moment.video, []);
    all.get(moment.video).push(moment);
  }
  return [...all.values()];
}

function fillGroups(count) {
  const all = groups();
  const end = Math.min(count, all.length);
  for (; drawn < end; drawn += 1) found.append(groupOf(all[drawn], drawn));
  watch();
}

function groupOf(moments, number) {
  const list = make("ol", { className: "cards" }, ...moments.slice(0, IN_GROUP).map(cardOf));
  const left = moments.slice(IN_GROUP);
  const others = make("button", {
    type: "button",
    className: "quiet",
    onclick: () => {
      list.append(...left.map(cardOf));
      list.children[IN_GROUP].querySelector(".card").focus();
      others.remove();
    },
  }, `Show ${plural(left.length, "more moment")} of this video`);
  const id = `group-${number}`;
  return make("section", { className: "group", "aria-labelledby": id },
    make("h2", { id }, moments[0].file,
      make("span", { className: "faint" }, ` ${plural(moments.length, "moment")}`)),
    list, left.length ? others : null);
}

function cardOf(moment) {
  const id = idOf(moment);
  return card(moment, {
    kept: corrections.stateOf(now.words.q ? now.query : "", moment),
    clearFrom: now.clearFrom,
    isGrouped: grouped,
    open: () => go({ moment: id }),
    actions: [iconButton("like", "More like this", () => likeThis(moment))],
  });
}

export function likeThis(moment) {
  go({ q: undefined, picture: undefined, like: spanOf(moment), moment: undefined, view: undefined });
}

const cardAt = (id) => $(`li[data-id="${CSS.escape(id)}"] .card`, found);

function focusCard(id) {
  const button = cardAt(id);
  button?.focus();
  return Boolean(button);
}

document.addEventListener("corrected", ({ detail: id }) => {
  const [button, moment] = [cardAt(id), find(id)];
  if (!button || !moment) return;
  const isFocused = button === document.activeElement;
  button.closest("li").replaceWith(cardOf(moment));
  if (isFocused) focusCard(id);
});

const observer = new IntersectionObserver(
  (entries) => entries.at(-1).isIntersecting && onward(),
  { rootMargin: "1500px" },
);

// Looks anew whether the end of the list is near.
function watch() {
  observer.unobserve(rest);
  observer.observe(rest);
}

function onward() {
  const all = grouped ? groups().length : now.moments.length;
  if (drawn < all) {
    if (grouped) fillGroups(drawn + GROUPS);
    else fill(drawn + 2 * PORTION);
  } else if (!now.complete && now.settled) {
    rest.textContent = "Looking for more …";
    more(Math.min(MOST, now.top * 5));
  } else if (now.complete && all) {
    rest.textContent = now.moments.length >= MOST
      ? `The first ${plural(MOST, "moment")}.`
      : `${plural(now.moments.length, "moment")}; there are no others.`;
  }
}
