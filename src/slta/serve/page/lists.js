// Lists: which there are, and the moments of one, to export.

import { $, make, icon, iconButton, plural } from "./dom.js";
import { ask, askIfThere, named } from "./service.js";
import { addressOf, go } from "./address.js";
import { idOf } from "./moments.js";
import { card } from "./cards.js";
import { isSure } from "./sure.js";

const view = $("#lists");
const KINDS = {
  otio: "OpenTimelineIO", edl: "EDL", fcpxml: "FCPXML", csv: "CSV", json: "JSON",
  srt: "SRT", vtt: "WebVTT",
};
let now = null; // the list that is shown

// Shows a list, or all; resolves when it is there.
export async function show(name) {
  if (now?.name !== name) view.replaceChildren();
  try {
    if (name) await showList(name);
    else await showAll();
  } catch (error) {
    view.replaceChildren(make("p", { className: "refused", role: "alert", textContent: error.message }), allLink());
  }
}

export const find = (id) => now?.moments.find((moment) => idOf(moment) === id);

export function neighbour(moment, by) {
  const all = now?.moments ?? [];
  return all[all.findIndex((each) => each.id === moment.id) + by] ?? null;
}

async function showAll() {
  now = null;
  const lists = await askIfThere("api/lists");
  const rows = (lists ?? []).map(({ name, moments }) =>
    make("li", { className: "row" },
      link({ view: "lists", list: name }, make("strong", { textContent: name }),
        make("span", { className: "faint", textContent: plural(moments, "moment") })),
      iconButton("bin", `Delete the list ${name}`, () => remove(name, moments))));
  view.replaceChildren(
    make("h1", { textContent: "Lists" }),
    rows.length
      ? make("ul", { className: "rows" }, ...rows)
      : make("p", { className: "faint" }, "No list yet. Open a moment and add it to one; a list can be exported to an editing program."));
}

async function remove(name, moments) {
  if (!(await isSure(`Delete the list ${name} with ${plural(moments, "moment")}?`, "Delete"))) return;
  try {
    await ask(`api/lists/${named(name)}`, { method: "DELETE" });
    go({ view: "lists", list: undefined }, { replace: true });
  } catch (error) {
    view.append(make("p", { className: "refused", role: "alert", textContent: error.message }));
  }
}

async function showList(name) {
  const list = await ask(`api/lists/${named(name)}`);
  now = { ...list, name };
  const count = list.moments.length;
  view.replaceChildren(
    allLink(),
    make("h1", {}, name, make("span", { className: "faint", textContent: ` ${plural(count, "moment")}` })),
    count ? exporting(name) : make("p", { className: "faint", textContent: "The list is empty." }),
    make("ol", { className: "cards" }, ...list.moments.map(cardOf)));
}

function cardOf(moment) {
  const kept = { ...moment, verdict: null };
  const clip = new URLSearchParams({ start: moment.start_s, end: moment.end_s });
  return card(moment, {
    kept,
    above: moment.query,
    open: () => go({ moment: idOf(moment) }),
    actions: [
      make("a", { className: "quiet", title: "Cut as a clip", "aria-label": "Cut as a clip",
        href: `api/videos/${named(moment.video)}/clip?${clip}` }, icon("cut")),
      iconButton("bin", "Remove from the list", () => takeOut(moment)),
    ],
  });
}

async function takeOut(moment) {
  const at = now.moments.indexOf(moment);
  try {
    await ask(`api/lists/${named(now.name)}/moments/${named(moment.id)}`, { method: "DELETE" });
    await showList(now.name);
  } catch (error) {
    view.append(make("p", { className: "refused", role: "alert", textContent: error.message }));
  }
  const cards = view.querySelectorAll(".card");
  (cards[Math.min(at, cards.length - 1)] ?? view.querySelector("a")).focus();
}

function exporting(name) {
  const links = Object.entries(KINDS).map(([kind, title]) => {
    const element = make("a", { className: "button", download: "", textContent: title });
    element.dataset.kind = kind;
    return element;
  });
  const pad = make("input", { type: "number", min: 0, max: 60, step: 0.5, placeholder: "0" });
  const merge = make("input", { type: "number", min: 0, max: 60, step: 0.5, placeholder: "none" });
  const write = () => {
    for (const element of links) {
      const words = new URLSearchParams({ kind: element.dataset.kind });
      for (const [key, field] of [["pad", pad], ["merge", merge]]) {
        if (field.value && field.checkValidity()) words.set(key, field.value);
      }
      element.href = `api/lists/${named(name)}/export?${words}`;
    }
  };
  pad.addEventListener("input", write);
  merge.addEventListener("input", write);
  write();
  return make("section", { className: "export", "aria-label": "Export" },
    make("h2", { textContent: "Export" }),
    make("div", { className: "links" }, ...links),
    make("div", { className: "options" },
      make("label", {}, "Seconds added at each end", pad),
      make("label", {}, "Join moments closer than (s)", merge)));
}

// What the player keeps of a moment of a list.
export function keeperOf(moment) {
  const list = now.name;
  const found = { start_s: moment.start_s, end_s: moment.end_s };
  return {
    isFound: false,
    title: `In the list ${list}`,
    found,
    get state() {
      return { start_s: moment.start_s, end_s: moment.end_s, note: moment.note ?? "", verdict: null };
    },
    save: (change) => {
      const { verdict: _, ...kept } = change;
      Object.assign(moment, kept);
      return ask(`api/lists/${named(list)}/moments/${named(moment.id)}`, { method: "PATCH", body: kept });
    },
  };
}

// A link within the page.
function link(state, ...children) {
  return make("a", { href: addressOf(state), onclick: (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    go({ list: undefined, moment: undefined, ...state });
  } }, ...children);
}

const allLink = () => make("p", {}, link({ view: "lists" }, "← All lists"));
