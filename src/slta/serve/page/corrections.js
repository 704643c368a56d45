// What people said of the moments that were found: better ends, a verdict, a note.

import { ask, askIfThere } from "./service.js";
import { idOf } from "./moments.js";

const FIELDS = ["video", "query", "found_start_s", "found_end_s", "start_s", "end_s", "verdict", "note"];
const kept = new Map();
let queue = Promise.resolve();

const nameOf = (query, moment) => `${query}\n${idOf(moment)}`;
const found = (each) => ({ video: each.video, start_s: each.found_start_s, end_s: each.found_end_s });

// Reads those of a query; tells of each.
export async function load(query) {
  const all = await askIfThere(`api/corrections?${new URLSearchParams({ q: query })}`);
  for (const each of all ?? []) {
    kept.set(nameOf(query, found(each)), each);
    tell(found(each));
  }
}

// The ends, verdict and note of a moment, as found or as corrected.
export function stateOf(query, moment) {
  const { start_s, end_s } = moment;
  return { start_s, end_s, verdict: null, note: "", ...kept.get(nameOf(query, moment)) };
}

const tell = (moment) =>
  document.dispatchEvent(new CustomEvent("corrected", { detail: idOf(moment) }));

// Keeps a change; one after the other, so that the last one stays.
function correct(query, moment, change) {
  const name = nameOf(query, moment);
  const { video, start_s, end_s } = moment;
  const whole = {
    video, query, found_start_s: start_s, found_end_s: end_s,
    ...stateOf(query, moment), ...change,
  };
  kept.set(name, whole);
  tell(moment);
  const isEmpty = () =>
    !whole.verdict && !whole.note && whole.start_s === start_s && whole.end_s === end_s;
  const save = async () => {
    const id = kept.get(name)?.id ?? whole.id;
    if (isEmpty() && id) {
      await ask(`api/corrections/${named(id)}`, { method: "DELETE" });
      if (kept.get(name) === whole) kept.delete(name);
    } else if (!isEmpty()) {
      const body = Object.fromEntries(FIELDS.map((field) => [field, whole[field]]));
      const answer = await ask("api/corrections", { method: "PUT", body });
      const latest = kept.get(name) ?? {};
      kept.set(name, latest === whole ? answer : { ...latest, id: answer.id });
    }
  };
  const saved = queue.then(save);
  queue = saved.catch(() => {});
  return saved;
}

const named = encodeURIComponent;

// What the player keeps of a moment that an example found: ends, while the page is open. What
// is kept is for learning, which needs sentences.
export function passing(moment) {
  const found = { start_s: moment.start_s, end_s: moment.end_s };
  const state = { ...found, verdict: null, note: "" };
  const save = async (change) => Object.assign(state, change);
  return { isFound: false, isPassing: true, title: "Set its ends", found, state, save };
}

// What the player keeps of a moment that a sentence found.
export const keeperOf = (query, moment) => ({
  isFound: true,
  title: "Is it right?",
  found: { start_s: moment.start_s, end_s: moment.end_s },
  get state() {
    return stateOf(query, moment);
  },
  save: (change) => correct(query, moment, change),
});
