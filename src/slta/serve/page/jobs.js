// Jobs of indexing: how far they are, and what failed.

import { $, make, plural } from "./dom.js";
import { lasting } from "./clock.js";
import { ask, named } from "./service.js";

const list = $("#jobs");
const none = $("#no-jobs");
const nav = $("#adding-now");
const STATES = { waiting: "Waiting", running: "Indexing", done: "Done", failed: "Failed", cancelled: "Cancelled" };
const AGAIN_MS = 5000;
const rows = new Map();
let source = null;
let shown = false; // whether they are looked at
let awaited = false; // whether one must come, after an upload
let finished = () => {};
let unfinished = new Set();

export const isUnfinished = ({ state }) => state === "waiting" || state === "running";

// `work` is called when a job has ended that was seen running.
export const onFinished = (work) => (finished = work);

// Follows the jobs while they are looked at, or while one is running.
export function follow(look) {
  shown = look;
  if (shown || awaited || unfinished.size) connect();
  else disconnect();
}

// Follows the job that comes next.
export function expectOne() {
  awaited = true;
  connect();
}

function connect() {
  if (source || document.hidden) return;
  source = new EventSource("api/jobs/stream");
  source.addEventListener("jobs", (event) => draw(JSON.parse(event.data)));
  source.addEventListener("error", () => {
    // It connects again by itself, unless it was refused.
    if (source?.readyState !== EventSource.CLOSED) return;
    source = null;
    setTimeout(() => follow(shown), AGAIN_MS);
  });
}

function disconnect() {
  source?.close();
  source = null;
}

// A browser opens few connections to a server, for all its windows together.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) disconnect();
  else follow(shown);
});

export function draw(jobs) {
  const left = new Set(jobs.filter(isUnfinished).map(({ id }) => id));
  // A short one may be seen only when it has ended.
  const ended = jobs.filter(({ id }) => !left.has(id) && (unfinished.has(id) || (awaited && !rows.has(id))));
  unfinished = left;
  if (left.size || ended.length) awaited = false;
  none.hidden = jobs.length > 0;
  const known = new Set(jobs.map(({ id }) => id));
  for (const id of [...rows.keys()]) {
    if (known.has(id)) continue;
    rows.get(id).element.remove();
    rows.delete(id);
  }
  jobs.forEach((job, i) => {
    if (!rows.has(job.id)) rows.set(job.id, row());
    const { element, show } = rows.get(job.id);
    show(job);
    if (list.children[i] !== element) list.insertBefore(element, list.children[i] ?? null);
  });
  const running = jobs.find(({ state }) => state === "running");
  nav.textContent = running ? ` ${percent(running)} %` : left.size ? " …" : "";
  if (ended.length) finished();
  if (!shown && !awaited && !left.size) disconnect();
}

const percent = ({ done_s, all_s }) => (all_s ? Math.floor((100 * done_s) / all_s) : 0);

// A row that is kept and changed, so that what one opened in it stays open.
function row() {
  const title = make("strong");
  const state = make("span", { className: "state" });
  const bar = make("progress", { max: 100, "aria-label": "How much is indexed" });
  const facts = make("p", { className: "faint" });
  const error = make("p", { className: "refused" });
  const problems = make("ul");
  const summary = make("summary");
  const details = make("details", {}, summary, problems);
  let id = "";
  const cancel = make("button", { type: "button", textContent: "Cancel", onclick: async () => {
    cancel.disabled = true;
    try {
      await ask(`api/jobs/${named(id)}`, { method: "DELETE" });
    } catch (refusal) {
      error.textContent = refusal.message;
      error.hidden = false;
      cancel.disabled = false;
    }
  } });
  const element = make("li", { className: "job" },
    make("div", { className: "head" }, title, state, cancel), bar, facts, error, details);
  const show = (job) => {
    id = job.id;
    title.textContent = job.folder || "The whole folder";
    state.textContent = STATES[job.state] ?? job.state;
    element.dataset.state = job.state;
    cancel.hidden = !isUnfinished(job);
    cancel.setAttribute("aria-label", `Cancel indexing ${job.folder || "the whole folder"}`);
    bar.hidden = job.state !== "running";
    bar.value = percent(job);
    facts.textContent = told(job);
    error.hidden = !job.error;
    error.textContent = job.error ?? "";
    details.hidden = !job.problems.length;
    if (problems.childElementCount !== job.problems.length) {
      summary.textContent = `${plural(job.problems.length, "file")} could not be read`;
      problems.replaceChildren(...job.problems.map(({ file, why }) =>
        make("li", {}, make("span", { className: "file", textContent: file }), make("span", { className: "faint", textContent: why }))));
    }
  };
  return { element, show };
}

function told(job) {
  const facts = [];
  if (job.state === "running") {
    facts.push(`${percent(job)} %`);
    if (job.rate) facts.push(`${Math.round(job.rate)} times real time`);
    if (job.left_s) facts.push(`about ${lasting(job.left_s)} left`);
    if (job.file) facts.push(job.file);
  } else if (job.state === "done" || job.videos) {
    facts.push(job.videos ? `${plural(job.videos, "video")} indexed` : "Nothing new");
  }
  const time = job.ended_s ?? job.made_s;
  if (time && !isUnfinished(job)) facts.push(new Date(1000 * time).toLocaleString());
  return facts.join(" · ");
}
