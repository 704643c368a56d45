// The page: shows what its address says.

import { $, plural } from "./dom.js";
import { ask } from "./service.js";
import { go, here, isAsked, leaveMoment, onChange, whatOf, wordsOf } from "./address.js";
import { idOf, momentOf } from "./moments.js";
import * as adding from "./adding.js";
import * as asking from "./asking.js";
import * as corrections from "./corrections.js";
import * as example from "./example.js";
import * as jobs from "./jobs.js";
import * as lists from "./lists.js";
import * as player from "./player.js";
import * as results from "./results.js";
import "./dropping.js";
import "./keys.js";

const VIEWS = { search: $("#search"), lists: $("#lists"), add: $("#add") };
const told = $("#told");
const start = $("#start");
let shown = {}; // the state that is shown
let settled = Promise.resolve(); // the search, or the list

function restore(state) {
  const before = shown;
  shown = state;
  const view = state.view in VIEWS ? state.view : "search";
  for (const [name, element] of Object.entries(VIEWS)) element.hidden = name !== view;
  for (const link of document.querySelectorAll("nav a")) {
    const isHere = new URL(link.href).searchParams.get("view") === state.view;
    if (isHere && state.view) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  asking.show(state);
  example.show(state);
  start.hidden = isAsked(state);
  $(".results").hidden = !isAsked(state);
  showSearch(state, before);
  if (view === "lists" && (before.view !== "lists" || before.list !== state.list || !state.moment)) {
    if (!(before.moment && before.list === state.list && before.view === "lists")) {
      settled = lists.show(state.list);
    }
  }
  if (view === "add") adding.show();
  else jobs.follow(false);
  document.title = titleOf(state, view);
  showMoment(state);
}

const titleOf = ({ q, list }, view) =>
  [{ lists: list ?? "Lists", add: "Add videos" }[view] ?? q, "SLTA"].filter(Boolean).join(" · ");

function showSearch(state, before) {
  const [words, old] = [wordsOf(state), wordsOf(before)];
  const isSame = new URLSearchParams(words).toString() === new URLSearchParams(old).toString();
  if (!isAsked(state)) {
    if (isAsked(before)) results.clear();
  } else if (!isSame) {
    settled = new Promise((resolve) => results.search(words, Boolean(state.group), resolve));
  } else if (state.group !== before.group) results.group(Boolean(state.group));
}

async function showMoment({ moment: id, view }) {
  if (!id) {
    player.close();
    return;
  }
  const isList = view === "lists";
  let moment = (isList ? lists : results).find(id);
  if (!moment) {
    await settled;
    if (here().moment !== id) return;
    moment = (isList ? lists : results).find(id) ?? (await momentOf(id).catch(() => null));
  }
  if (!isList) await results.corrected();
  if (here().moment !== id) return;
  if (!moment) {
    told.textContent = "The moment of this address is not in the folder any more.";
    told.className = "refused";
    leaveMoment();
    return;
  }
  if (player.isOpen() && player.idNow() === id) return;
  const query = (isList ? moment.query : results.queryNow()) || shown.q || "";
  player.open({
    moment,
    query,
    keeper: keeperOf(moment, query, isList),
    words: isList ? { q: moment.query } : whatOf(shown),
    neighbour: (by) => (isList ? lists : results).neighbour(moment, by),
    chosen: (other) => go({ moment: idOf(other) }, { replace: true }),
    like: results.likeThis,
  });
}

function keeperOf(moment, query, isList) {
  if (isList && moment.id) return lists.keeperOf(moment);
  return shown.like || shown.picture ? corrections.passing(moment) : corrections.keeperOf(query, moment);
}

player.onClose((moment) => {
  leaveMoment();
  const id = idOf(moment);
  const list = VIEWS.lists.hidden ? $("#found") : VIEWS.lists;
  const card = $(`li[data-id="${CSS.escape(id)}"] .card`, list);
  (card ?? $("#query")).focus();
});

for (const link of document.querySelectorAll("nav a, a.brand")) {
  link.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const view = new URL(link.href).searchParams.get("view") ?? undefined;
    if (view) go({ view, list: undefined, moment: undefined });
    else if (here().view) go({ view: undefined, list: undefined, moment: undefined });
    else go(Object.fromEntries(Object.keys(here()).map((name) => [name, undefined])));
  });
}

example.onTrouble((sentence) => {
  told.textContent = sentence;
  told.className = "refused";
  $(".results").hidden = false;
});

async function tellLibrary() {
  const { name, videos, hours } = await ask("api/library");
  $("#library").textContent = videos
    ? `${plural(videos, "video")} in ${name}, ${hours < 1 ? `${Math.max(1, Math.round(60 * hours))} minutes` : `${hours.toFixed(1)} hours`}`
    : `No videos in ${name} yet`;
}

onChange(restore);
// On a phone a keyboard would cover the page.
if (!isAsked(here()) && !here().view && matchMedia("(hover: hover)").matches) $("#query").focus();
tellLibrary().catch((error) => ($("#library").textContent = error.message));
adding.begin(() => {
  tellLibrary().catch(() => {});
  $("#again").hidden = !isAsked(here());
});
$("#again").addEventListener("click", () => {
  $("#again").hidden = true;
  settled = new Promise((resolve) => results.search(wordsOf(here()), Boolean(here().group), resolve));
});
