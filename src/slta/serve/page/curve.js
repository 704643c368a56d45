// The curve of relevance over a stretch of a film, on which one seeks and moves the ends of
// a moment.

import { make, shape, later } from "./dom.js";
import { clock } from "./clock.js";
import { frame, strip } from "./service.js";

const HIGH = 100;
const STEPS_S = [0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21_600];
const TICKS = 8;
const FRAME_PX = 115;
const SHORTEST_S = 0.1;
const WIDTH = 1000;

export class Curve {
  // `seek` is called with a time; `ends` with both ends and whether they are final.
  constructor(label, { seek, ends }) {
    Object.assign(this, { onSeek: seek, onEnds: ends, from: 0, to: 1 });
    this.frames = make("img", { alt: "", decoding: "async" });
    this.frames.addEventListener("error", () => this.frames.classList.add("missing"));
    this.film = make("div", { className: "film" }, this.frames);
    this.drawing = shape("svg", { viewBox: `0 0 ${WIDTH} ${HIGH}`, preserveAspectRatio: "none", "aria-hidden": "true" });
    this.track = make("div", { className: "track", role: "slider", tabIndex: 0, "aria-label": label });
    this.playhead = make("div", { className: "playhead" });
    this.start = this.#end("start");
    this.end = this.#end("end");
    this.preview = make("div", { className: "preview", hidden: true }, make("img", { alt: "" }), make("span"));
    this.axis = make("div", { className: "axis", "aria-hidden": "true" });
    this.plot = make("div", { className: "plot" },
      this.drawing, this.playhead, this.track, this.start, this.end, this.preview);
    this.element = make("div", { className: "curve" }, this.film, this.plot, this.axis);
    this.#listen();
  }

  // Shows a stretch of a video: `why` has the relevance, is null where there is
  // none, or undefined if it is still to come; `marked` are moments.
  show({ video, from, to, duration_s, why, marked, current, movable }) {
    Object.assign(this, { video, from, to, duration_s, marked, movable });
    this.start.hidden = this.end.hidden = !movable;
    this.#draw(why);
    this.#drawFilm();
    this.#drawAxis();
    this.move(current);
    this.head(this.time ?? current.start_s);
  }

  // Puts the ends of the moment somewhere else.
  move({ start_s, end_s }) {
    this.current = { start_s, end_s };
    const [x, right] = [this.#x(start_s), this.#x(end_s)];
    this.band.setAttribute("x", x);
    this.band.setAttribute("width", Math.max(right - x, 1.5));
    for (const [handle, time, low, high] of [
      [this.start, start_s, this.from, end_s - SHORTEST_S],
      [this.end, end_s, start_s + SHORTEST_S, this.to],
    ]) {
      handle.style.left = `${this.#x(time) / 10}%`;
      value(handle, time, low, high, clock(time));
    }
  }

  head(time_s) {
    this.time = time_s;
    const share = (time_s - this.from) / (this.to - this.from);
    this.playhead.hidden = share < 0 || share > 1;
    this.playhead.style.left = `${100 * share}%`;
    value(this.track, time_s, this.from, this.to, `${clock(time_s)} of ${clock(this.duration_s ?? this.to)}`);
  }

  #x = (time) => (WIDTH * (Math.min(Math.max(time, this.from), this.to) - this.from)) / (this.to - this.from);

  #at(event) {
    const { left, width } = this.plot.getBoundingClientRect();
    const share = Math.min(Math.max((event.clientX - left) / width, 0), 1);
    return this.from + share * (this.to - this.from);
  }

  #draw(why) {
    const inside = this.marked.filter(({ start_s, end_s }) => end_s > this.from && start_s < this.to);
    const bands = inside.map(({ start_s, end_s }) =>
      shape("rect", { class: "other", x: this.#x(start_s), y: 0, height: HIGH,
        width: Math.max(this.#x(end_s) - this.#x(start_s), 1.5) }));
    this.band = shape("rect", { class: "current", y: 0, height: HIGH });
    const lines = [];
    if (why?.times_s.length) {
      const all = [...why.relevance, why.line];
      const [low, high] = [Math.min(...all), Math.max(...all)];
      const y = (relevance) => (92 - (84 * (relevance - low)) / (high - low || 1)).toFixed(1);
      const points = why.times_s.map((time, i) => {
        const x = (WIDTH * (time - this.from)) / (this.to - this.from);
        return `${x.toFixed(1)},${y(why.relevance[i])}`;
      });
      lines.push(
        shape("line", { class: "level", x1: 0, x2: WIDTH, y1: y(why.line), y2: y(why.line) }),
        shape("polyline", { class: "relevance", points: points.join(" ") }));
    }
    this.drawing.replaceChildren(...bands, this.band, ...lines);
    this.element.classList.toggle("flat", why === null);
  }

  #drawFilm() {
    const count = Math.min(Math.max(Math.floor(this.film.clientWidth / FRAME_PX), 3), 10);
    const source = strip(this.video, { start_s: this.from, end_s: this.to }, count);
    if (this.frames.getAttribute("src") === source) return;
    this.frames.classList.remove("missing");
    this.frames.src = source;
  }

  #drawAxis() {
    const long = this.to - this.from;
    const step = STEPS_S.find((each) => long / each <= TICKS) ?? long / TICKS;
    const ticks = [];
    for (let time = Math.ceil(this.from / step) * step; time <= this.to - 0.02 * long; time += step) {
      const text = clock(time).replace(/\.0$/, "");
      const tick = make("span", { textContent: text });
      tick.style.left = `${this.#x(time) / 10}%`;
      ticks.push(tick);
    }
    this.axis.replaceChildren(...ticks);
  }

  #end(name) {
    const label = `${name === "start" ? "Start" : "End"} of the moment`;
    const handle = make("div", { className: `end ${name}`, role: "slider", tabIndex: 0, "aria-label": label, title: label });
    const to = (time, isFinal) => {
      const { start_s, end_s } = this.current;
      const [low, high] = name === "start"
        ? [this.from, end_s - SHORTEST_S]
        : [start_s + SHORTEST_S, this.to];
      const moved = Math.round(100 * Math.min(Math.max(time, low), high)) / 100;
      this.move({ ...this.current, [`${name}_s`]: moved });
      this.onEnds(this.current, { isFinal, at: moved });
    };
    handle.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      handle.focus();
      handle.setPointerCapture(event.pointerId);
      const grip = this.#at(event) - this.current[`${name}_s`];
      let moved = false;
      handle.onpointermove = (at) => {
        moved = true;
        to(this.#at(at) - grip, false);
      };
      handle.onpointerup = handle.onpointercancel = () => {
        handle.onpointermove = handle.onpointerup = handle.onpointercancel = null;
        if (moved) to(this.current[`${name}_s`], true);
      };
    });
    keys(handle, 0.1, 1, () => this.current[`${name}_s`], () => [this.from, this.to], (time) => to(time, true));
    return handle;
  }

  #listen() {
    const picture = later((time) => {
      const step = Math.max((this.to - this.from) / 200, 0.1);
      this.preview.firstChild.src = frame(this.video, Math.round(time / step) * step);
      this.preview.firstChild.hidden = false;
    }, 90);
    this.track.addEventListener("pointerdown", (event) => {
      this.track.setPointerCapture(event.pointerId);
      this.onSeek(this.#at(event));
    });
    this.track.addEventListener("pointermove", (event) => {
      const time = this.#at(event);
      if (event.buttons) this.onSeek(time);
      if (event.pointerType === "touch") return;
      if (this.preview.hidden) this.preview.firstChild.hidden = true;
      this.preview.hidden = false;
      this.preview.lastChild.textContent = clock(time);
      const share = (time - this.from) / (this.to - this.from);
      this.preview.style.left = `${Math.min(Math.max(100 * share, 9), 91)}%`;
      picture(time);
    });
    this.track.addEventListener("pointerleave", () => (this.preview.hidden = true));
    this.preview.firstChild.addEventListener("error", () => (this.preview.firstChild.hidden = true));
    keys(this.track, 1, 10, () => this.time, () => [this.from, this.to], this.onSeek);
  }
}

function value(slider, now, low, high, text) {
  slider.setAttribute("aria-valuenow", now.toFixed(2));
  slider.setAttribute("aria-valuemin", low.toFixed(2));
  slider.setAttribute("aria-valuemax", high.toFixed(2));
  slider.setAttribute("aria-valuetext", text);
}

// The keys of a slider: arrows, with Shift in larger steps, page up and down, both ends.
function keys(slider, small, large, now, bounds, to) {
  slider.addEventListener("keydown", (event) => {
    const step = event.shiftKey ? large : small;
    const time = {
      ArrowLeft: () => now() - step, ArrowDown: () => now() - step,
      ArrowRight: () => now() + step, ArrowUp: () => now() + step,
      PageDown: () => now() - large, PageUp: () => now() + large,
      Home: () => bounds()[0], End: () => bounds()[1],
    }[event.key]?.();
    if (time === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    to(time);
  });
}
