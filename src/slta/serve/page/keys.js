// The keys, and the dialog that lists them.

import { $, make } from "./dom.js";
import * as player from "./player.js";
import * as playing from "./playing.js";
import * as judging from "./judging.js";
import * as collecting from "./collecting.js";
import { focusQuery } from "./asking.js";

const dialog = $("#keys");

// Key, what is shown for it, what it does, and the work, by where it works.
const EVERYWHERE = [
  ["/", "/", "write a query", focusQuery],
  ["?", "?", "these keys", () => dialog.showModal()],
];
const CARDS = [
  ["ArrowLeft", "←  →", "previous and next moment", () => along(-1)],
  ["ArrowRight", "", "", () => along(1)],
  ["ArrowUp", "↑  ↓", "moment above and below", () => across(-1)],
  ["ArrowDown", "", "", () => across(1)],
  ["", "Enter", "open the moment"],
  ["m", "m", "more like this moment", () => card()?.parentElement.querySelector(".actions [aria-label^=More]")?.click()],
];
const PLAYER = [
  [" ", "space  k", "play and pause", playing.toggle],
  ["k", "", "", playing.toggle],
  ["j", "j  l", "two seconds back, and on", () => playing.skip(-2)],
  ["l", "", "", () => playing.skip(2)],
  [",", ",  .", "previous and next moment", () => player.step(-1)],
  [".", "", "", () => player.step(1)],
  ["[", "[  ]", "set the start, and the end, to where the film is", () => player.endHere("start_s")],
  ["]", "", "", () => player.endHere("end_s")],
  ["a", "a", "accept the moment", () => judging.judge("accepted")],
  ["x", "x", "reject the moment", () => judging.judge("rejected")],
  ["n", "n", "write a note", judging.focusNote],
  ["s", "s", "save to the list", collecting.collect],
  ["w", "w", "show where in the frame", player.why],
  ["m", "m", "more like this moment", player.like],
  ["?", "", "", () => dialog.showModal()],
  ["", "Esc", "close"],
];
const SLIDERS = [
  ["", "←  →", "one second, an end a tenth; with Shift ten times that"],
  ["", "Home  End", "the first and last possible time"],
];

for (const [title, keys] of [
  ["Everywhere", EVERYWHERE], ["Among moments", CARDS], ["In the player", PLAYER], ["On the curve", SLIDERS],
]) {
  const rows = keys.filter(([, shown]) => shown).flatMap(([, shown, text]) => [
    make("dt", {}, ...shown.split("  ").map((key) => make("kbd", { textContent: key }))),
    make("dd", { textContent: text }),
  ]);
  $("#all-keys").append(make("section", {}, make("h3", { textContent: title }), make("dl", {}, ...rows)));
}
$("#show-keys").addEventListener("click", () => dialog.showModal());

const all = () => [...document.querySelectorAll("main section:not([hidden]) .card")];
const card = () => document.activeElement?.closest?.(".card");

function along(by) {
  const cards = all();
  const at = cards.indexOf(card());
  cards[at < 0 ? 0 : Math.min(Math.max(at + by, 0), cards.length - 1)]?.focus();
}

// The nearest card of the row above or below.
function across(by) {
  const cards = all();
  const from = card();
  if (!from) {
    cards[0]?.focus();
    return;
  }
  const here = from.getBoundingClientRect();
  let best = null;
  let row = null;
  for (let at = cards.indexOf(from) + by; cards[at]; at += by) {
    const { top, left } = cards[at].getBoundingClientRect();
    if (Math.abs(top - here.top) < 4) continue;
    row ??= top;
    if (Math.abs(top - row) > 4) break;
    const far = Math.abs(left - here.left);
    if (!best || far < best.far) best = { far, card: cards[at] };
  }
  best?.card.focus();
}

const TYPED = "input:not([type=checkbox]):not([type=radio]), textarea, select";
const PRESSED = "button, a, summary, input, [role=slider]";

addEventListener("keydown", (event) => {
  const { target, key } = event;
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (target.id === "query" && key === "ArrowDown" && all().length) {
    event.preventDefault();
    all()[0].focus();
    return;
  }
  if (target.matches(TYPED)) return;
  const open = document.querySelector("dialog[open]:not(#moment)");
  if (open) return;
  if (key === " " && target.matches(PRESSED)) return;
  const keys = player.isOpen() ? PLAYER : [...EVERYWHERE, ...CARDS];
  const isArrow = key.startsWith("Arrow");
  if (isArrow && !card() && target !== document.body) return;
  const work = keys.find(([name]) => name && name === key)?.[3];
  if (!work) return;
  event.preventDefault();
  work();
});
