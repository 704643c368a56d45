// Adding videos: looking for new ones in the folder, and uploads.

import { $, make, plural } from "./dom.js";
import { ask, askIfThere } from "./service.js";
import * as jobs from "./jobs.js";
import { showUnfinished, upload } from "./uploads.js";

const folder = $("#folder");
const where = $("#where-to-look");
const facts = $("#folder-facts");
const unusable = $("#unusable");
const trouble = $("#adding-trouble");
const look = $("#look");
let path = "";

// Shows the view.
export async function show() {
  showUnfinished();
  jobs.follow(true);
  await browse(path);
}

async function browse(to) {
  trouble.textContent = "";
  let answer;
  try {
    answer = await askIfThere(`api/folder?${new URLSearchParams({ path: to })}`);
  } catch (error) {
    trouble.textContent = error.message;
    return;
  }
  $("#looking").hidden = answer === null;
  if (!answer) return;
  path = to;
  drawWay();
  folder.replaceChildren(...answer.folders.map(({ path: inner, name }) =>
    make("li", {}, make("button", { type: "button", textContent: name, onclick: () => enter(inner) }))));
  const { indexed, new: fresh, unusable: wrong } = answer.videos;
  facts.textContent = `${plural(indexed, "file")} indexed, ${fresh.toLocaleString("en")} new` +
    (wrong ? `, ${wrong.toLocaleString("en")} cannot be used` : "");
  unusable.hidden = !answer.unusable.length;
  $("summary", unusable).textContent = `Why ${plural(answer.unusable.length, "file")} cannot be used`;
  $("ul", unusable).replaceChildren(...answer.unusable.map(({ file, why }) =>
    make("li", {}, make("span", { className: "file", textContent: file }),
      make("span", { className: "faint", textContent: why }))));
}

async function enter(inner) {
  await browse(inner);
  where.querySelector("[aria-current]")?.focus();
}

// The way to the folder, each step of which leads back.
function drawWay() {
  const steps = path ? path.split("/") : [];
  const names = ["The whole folder", ...steps];
  where.replaceChildren(...names.map((name, i) => {
    const button = make("button", { type: "button", className: "quiet", textContent: name,
      onclick: () => enter(steps.slice(0, i).join("/")) });
    if (i === steps.length) button.setAttribute("aria-current", "location");
    return make("li", {}, button);
  }));
}

look.addEventListener("click", async () => {
  trouble.textContent = "";
  look.disabled = true;
  try {
    await ask("api/jobs", { method: "POST", body: { folder: path } });
  } catch (error) {
    trouble.textContent = error.message;
  } finally {
    look.disabled = false;
    look.focus();
  }
});

const chosen = $("#upload-file");
$("#upload").addEventListener("click", () => chosen.click());
chosen.addEventListener("change", () => {
  upload([...chosen.files]);
  chosen.value = "";
});

// Whether the server adds videos at all; shows what it is at.
export async function begin(finished) {
  const all = await askIfThere("api/jobs").catch(() => null);
  $("#adding-link").hidden = all === null;
  if (!all) return;
  jobs.onFinished(() => {
    finished();
    if (!$("#add").hidden) browse(path);
  });
  jobs.draw(all);
  jobs.follow(!$("#add").hidden);
}
