// Adds a moment to a list, which is chosen or named.

import { $ } from "./dom.js";
import { ask, askIfThere, named } from "./service.js";

const form = $("#collect");
const name = form.elements.list;
const told = $("#collected");
const LAST = "slta-list";
let wanted = () => null;

// `moment` gives what is to be added: its video, query, ends, score and confidence.
export const onCollect = (moment) => (wanted = moment);

export async function show() {
  say("", "faint");
  name.value ||= localStorage.getItem(LAST) ?? "";
  const lists = await askIfThere("api/lists").catch(() => null);
  form.hidden = lists === null;
  $("#list-names").replaceChildren(...(lists ?? []).map((list) => new Option("", list.name)));
}

export async function collect() {
  const list = name.value.trim();
  if (!list) {
    name.focus();
    return;
  }
  // An address cannot have these.
  if (/[/\\]|^\.\.?$/.test(list)) {
    say(`A list cannot be named “${list}”; use letters, digits and spaces.`, "refused");
    return;
  }
  try {
    await ask(`api/lists/${named(list)}/moments`, { method: "POST", body: wanted() });
    localStorage.setItem(LAST, list);
    say(`In the list ${list}.`, "faint");
  } catch (error) {
    say(`Not added: ${error.message}`, "refused");
  }
}

function say(text, kind) {
  told.textContent = text;
  told.className = kind;
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  collect();
});
