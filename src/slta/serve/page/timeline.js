// The whole film above the player and, where the moment is small in it, a closer look.

import { make } from "./dom.js";
import { Curve } from "./curve.js";

const SMALL = 0.06; // share of the film below which a closer look is given
const AROUND = 2; // lengths of the moment that are shown on each side of it
const LEAST_S = 3;

export class Timeline {
  constructor(host, listeners) {
    this.whole = new Curve("Position in the film", listeners);
    this.near = new Curve("Position near the moment", {
      seek: listeners.seek,
      ends: (ends, how) => {
        listeners.ends(ends, how);
        this.whole.move(ends);
        if (how.isFinal && this.#isNarrow(ends)) this.#look(ends);
      },
    });
    this.closer = make("section", { className: "closer", "aria-label": "Around the moment" },
      make("p", { className: "faint", textContent: "Around the moment" }), this.near.element);
    host.append(this.whole.element, this.closer);
  }

  show(moment, why, current) {
    const { video, duration_s } = moment;
    const isSmall = (current.end_s - current.start_s) / duration_s < SMALL;
    const marked = (why?.moments ?? []).filter(
      (other) => other.end_s <= moment.start_s || other.start_s >= moment.end_s,
    );
    this.given = { video, duration_s, why, marked };
    this.closer.hidden = !isSmall;
    this.whole.element.classList.toggle("low", isSmall);
    this.whole.show({ ...this.given, from: 0, to: duration_s, current, movable: !isSmall });
    if (isSmall) this.#look(current);
  }

  move(ends) {
    this.whole.move(ends);
    if (this.closer.hidden) return;
    if (this.#isNarrow(ends)) this.#look(ends);
    else this.near.move(ends);
  }

  head(time_s) {
    this.whole.head(time_s);
    if (!this.closer.hidden) this.near.head(time_s);
  }

  #isNarrow({ start_s, end_s }) {
    const { from, to, duration_s } = this.near;
    const edge = (to - from) / 20;
    return (from > 0 && start_s < from + edge) || (to < duration_s && end_s > to - edge);
  }

  #look(current) {
    const { duration_s } = this.given;
    const around = Math.max(AROUND * (current.end_s - current.start_s), LEAST_S);
    const from = Math.max(0, current.start_s - around);
    const to = Math.min(duration_s, current.end_s + around);
    this.near.show({ ...this.given, from, to, current, movable: true });
  }
}
