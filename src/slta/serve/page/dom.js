// Elements, made without markup: text from outside stays text.

export const $ = (selector, within = document) => within.querySelector(selector);

// An element; "on…" are listeners, names with a dash and role are attributes, others
// properties.
export function make(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key === "role" || key.includes("-")) element.setAttribute(key, value);
    else element[key] = value;
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

export function shape(name, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

// One of the icons of index.html.
export const icon = (name) =>
  shape("svg", { class: "icon", "aria-hidden": "true" }, shape("use", { href: `#i-${name}` }));

// A button with an icon, whose label is read and shown as a hint.
export function iconButton(name, label, onclick) {
  return make("button", { type: "button", className: "quiet", title: label,
    "aria-label": label, onclick }, icon(name));
}

export const hidden = (text) => make("span", { className: "hidden", textContent: text });

// Calls once it has been quiet for a while; flush calls at once what is pending.
export function later(work, quiet_ms) {
  let timer = 0;
  let pending = null;
  const run = () => {
    clearTimeout(timer);
    const given = pending;
    pending = null;
    if (given) work(...given);
  };
  const call = (...given) => {
    clearTimeout(timer);
    pending = given;
    timer = setTimeout(run, quiet_ms);
  };
  call.flush = run;
  return call;
}

export const plural = (count, one, many = `${one}s`) =>
  `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
