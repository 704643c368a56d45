// What is shown, as the page's address: any state can be linked, and "back" leads back.

export const FILTERS = ["within", "since", "until", "longer", "shorter", "confidence", "per_video"];
const SEARCHED = ["q", "like", "picture", ...FILTERS];
const ALL = [...SEARCHED, "group", "view", "list", "moment"];

// Names and texts of the address, without empty ones.
export function here() {
  const given = new URLSearchParams(location.search);
  const state = {};
  for (const name of ALL) if (given.get(name)?.trim()) state[name] = given.get(name);
  return state;
}

export function addressOf(state) {
  const words = new URLSearchParams();
  for (const name of ALL) if (state[name]) words.set(name, state[name]);
  // These are no delimiters in a query, and easier to read.
  return `./?${words}`.replaceAll("%40", "@").replaceAll("%2F", "/").replace(/\?$/, "");
}

// What a search is asked for, without what is only shown otherwise.
export function wordsOf(state) {
  const words = {};
  for (const name of SEARCHED) if (state[name]) words[name] = state[name];
  return words;
}

// What is looked for, without the filters; null if nothing is.
export function whatOf({ q, like, picture }) {
  if (q) return { q };
  if (like) return { like };
  return picture ? { picture } : null;
}

export const isAsked = (state) => Boolean(state.q || state.like || state.picture);

let restore = () => {};
let opened = Boolean(history.state?.opened);
let leaving = false; // going back takes a while
let next = null; // where to go then

// Calls with the state at each change.
export function onChange(work) {
  restore = work;
  addEventListener("popstate", (event) => {
    opened = Boolean(event.state?.opened);
    restore(here());
    leaving = false;
    next?.();
    next = null;
  });
  restore(here());
}

// Goes to another state; undefined takes a name away.
export function go(change, { replace = false } = {}) {
  if (leaving) {
    next = () => go(change, { replace });
    return;
  }
  const state = { ...here(), ...change };
  // Only a moment that was opened from where "back" leads may be closed by going back.
  if (!replace) opened = Boolean(change.moment);
  const method = replace ? "replaceState" : "pushState";
  history[method]({ opened }, "", addressOf(state));
  restore(here());
}

// Closes the moment, so that "back" does not open it again.
export function leaveMoment() {
  if (!here().moment) return;
  if (opened) {
    leaving = true;
    history.back();
  } else go({ moment: undefined }, { replace: true });
}
