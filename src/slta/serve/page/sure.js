// Asks before something is lost.

import { $ } from "./dom.js";

const dialog = $("#twice");

// Whether the person is sure; `yes` names what would be done.
export function isSure(question, yes) {
  $("p", dialog).textContent = question;
  $("[value=yes]", dialog).textContent = yes;
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}
