// The search box, and the filters below it.

import { $, later } from "./dom.js";
import { FILTERS, go, here, isAsked } from "./address.js";
import { askIfThere } from "./service.js";

const form = $("#ask");
const query = $("#query");
const filters = $("#filters");
const shown = $("#show-filters");
const cleared = $("#clear-filters");
const group = $("#group");
const fields = FILTERS.map((name) => form.elements[name]);

export const focusQuery = () => {
  query.focus();
  query.select();
};

// Puts a state of the address into the box and the filters.
export function show(state) {
  query.value = state.q ?? "";
  for (const field of fields) field.value = state[field.name] ?? "";
  group.setAttribute("aria-pressed", String(Boolean(state.group)));
  group.hidden = !isAsked(state);
  const count = FILTERS.filter((name) => state[name]).length;
  shown.querySelector(".count").textContent = count ? ` (${count})` : "";
  cleared.hidden = !count;
}

const given = () =>
  Object.fromEntries(fields.map((field) => [field.name, field.value.trim() || undefined]));

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const q = query.value.trim() || undefined;
  const other = q ? { like: undefined, picture: undefined } : {};
  go({ ...given(), q, ...other, view: undefined, list: undefined, moment: undefined });
});

const changed = later(() => go({ ...given(), moment: undefined }), 250);
for (const field of fields) {
  field.addEventListener("change", () => {
    if (field.checkValidity()) changed();
    else field.reportValidity();
  });
}

shown.addEventListener("click", () => {
  filters.hidden = !filters.hidden;
  shown.setAttribute("aria-expanded", String(!filters.hidden));
  if (!filters.hidden) {
    fields[0].focus();
    offerFolders();
  }
});

cleared.addEventListener("click", () => {
  go(Object.fromEntries(FILTERS.map((name) => [name, undefined])));
  shown.focus();
});

group.addEventListener("click", () => go({ group: here().group ? undefined : "1" }));

let offered = false;

async function offerFolders() {
  if (offered) return;
  offered = true;
  const folder = await askIfThere("api/folder?path=").catch(() => null);
  const options = (folder?.folders ?? []).map(({ path }) => new Option("", path));
  $("#folders").replaceChildren(...options);
}
