// Uploads that go on after a cut: the core of tus 1.0.0.

import { $, make, iconButton } from "./dom.js";
import { expectOne } from "./jobs.js";

const list = $("#uploads");
const PIECE = 8_000_000;
const TRIES = 6;
const VERSION = { "Tus-Resumable": "1.0.0" };
const KEPT = "slta-upload:";

const sending = new Set(); // keys of files
let queue = Promise.resolve();

// Uploads files, one after the other.
export function upload(files) {
  for (const file of files) {
    const row = makeRow(file.name);
    list.querySelector(`[data-key="${CSS.escape(keyOf(file))}"]`)?.remove();
    list.prepend(row.element);
    sending.add(keyOf(file));
    queue = queue.then(() => send(file, row)).finally(() => sending.delete(keyOf(file)));
  }
}

const keyOf = ({ name, size, lastModified }) => `${KEPT}${name}:${size}:${lastModified}`;

async function send(file, row) {
  const stop = row.stop.signal;
  const key = keyOf(file);
  try {
    let [address, offset] = await resumed(key, stop);
    if (!address) {
      address = await made(file, stop);
      offset = 0;
      localStorage.setItem(key, address);
    }
    row.stopped = () => end(key, address);
    let name = "";
    for (let tries = 0; offset < file.size || !name; ) {
      stop.throwIfAborted();
      try {
        const piece = file.slice(offset, offset + PIECE);
        const answer = await patch(address, piece, offset, stop, (sent) => row.at((offset + sent) / file.size));
        offset = Number(answer.getResponseHeader("Upload-Offset"));
        const placed = decodeURIComponent(answer.getResponseHeader("X-File") ?? "");
        name = placed || (offset >= file.size ? file.name : "");
        tries = 0;
      } catch (error) {
        tries += 1;
        if (stop.aborted || error.isFinal || tries >= TRIES) throw error;
        row.say(`The connection broke; trying again (${tries} of ${TRIES - 1}) …`);
        await new Promise((go) => setTimeout(go, 500 * 2 ** tries));
        offset = await offsetOf(address, stop).catch(() => offset) ?? offset;
      }
    }
    localStorage.removeItem(key);
    row.done(`Uploaded as ${name}; it is indexed next.`);
    expectOne();
  } catch (error) {
    if (stop.aborted) row.element.remove();
    else row.failed(`Not uploaded: ${error.message}`);
  }
}

// The address and offset of an upload that was begun before.
async function resumed(key, stop) {
  const address = localStorage.getItem(key);
  const offset = address && (await offsetOf(address, stop));
  if (address && offset === null) localStorage.removeItem(key);
  return Number.isInteger(offset) ? [address, offset] : [null, 0];
}

// How many bytes have arrived; null if the upload is gone.
async function offsetOf(address, signal) {
  const answer = await fetch(address, { method: "HEAD", headers: VERSION, signal });
  return answer.ok ? Number(answer.headers.get("Upload-Offset")) : null;
}

async function made(file, signal) {
  const answer = await fetch("api/uploads", {
    method: "POST",
    signal,
    headers: {
      ...VERSION,
      "Upload-Length": file.size,
      "Upload-Metadata": `filename ${base64(file.name)}`,
    },
  });
  if (!answer.ok) throw new Error(await sentence(answer));
  return new URL(answer.headers.get("Location"), answer.url).pathname;
}

const base64 = (text) =>
  btoa(String.fromCharCode(...new TextEncoder().encode(text)));

async function sentence(answer) {
  const value = await answer.json().catch(() => null);
  return value?.error ?? `the server answered ${answer.status}`;
}

// fetch does not tell how much was sent.
function patch(address, piece, offset, signal, sent) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("PATCH", address);
    const headers = { ...VERSION, "Upload-Offset": offset, "Content-Type": "application/offset+octet-stream" };
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.addEventListener("progress", (event) => sent(event.loaded));
    request.addEventListener("load", () => {
      if (request.status === 204) resolve(request);
      else reject(refusal(request));
    });
    for (const name of ["error", "abort"]) {
      request.addEventListener(name, () => reject(new Error("the connection broke")));
    }
    signal.addEventListener("abort", () => request.abort(), { once: true });
    request.send(piece);
  });
}

function refusal(request) {
  let text = `the server answered ${request.status}`;
  try {
    text = JSON.parse(request.responseText).error;
  } catch {
    // The status says it.
  }
  // Another offset (409), a lock (423) and faults of the server may pass.
  const isFinal = request.status < 500 && ![409, 423].includes(request.status);
  return Object.assign(new Error(text), { isFinal });
}

// Gives an upload up.
function end(key, address) {
  localStorage.removeItem(key);
  return fetch(address, { method: "DELETE", headers: VERSION }).catch(() => {});
}

function makeRow(name) {
  const bar = make("progress", { max: 1, value: 0, "aria-label": `How much of ${name} is uploaded` });
  const told = make("p", { className: "faint", role: "status", textContent: "Waiting" });
  const row = { stop: new AbortController(), stopped: () => {} };
  const cancel = make("button", { type: "button", textContent: "Cancel", "aria-label": `Cancel the upload of ${name}`,
    onclick: () => {
      row.stop.abort(new Error("cancelled"));
      row.stopped();
      row.element.remove();
    } });
  const close = () => cancel.replaceWith(iconButton("cross", "Remove from view", () => row.element.remove()));
  row.element = make("li", { className: "job" },
    make("div", { className: "head" }, make("strong", { textContent: name }), cancel), bar, told);
  row.at = (share) => {
    bar.value = share;
    row.say(`${Math.floor(100 * share)} %`);
  };
  row.say = (text) => (told.textContent = text);
  row.done = (text) => {
    bar.hidden = true;
    row.say(text);
    close();
  };
  row.failed = (text) => {
    bar.hidden = true;
    told.className = "refused";
    row.say(text);
    close();
  };
  return row;
}

// Those that were cut: their files must be chosen again, which a page may not do itself.
export async function showUnfinished() {
  const keys = Object.keys(localStorage).filter((key) => key.startsWith(KEPT));
  for (const key of keys) {
    if (list.querySelector(`[data-key="${CSS.escape(key)}"]`) || sending.has(key)) continue;
    const address = localStorage.getItem(key);
    const offset = await offsetOf(address).catch(() => undefined);
    if (offset === null) localStorage.removeItem(key);
    if (!Number.isInteger(offset)) continue;
    const [, name, size] = /^slta-upload:(.*):(\d+):\d+$/.exec(key) ?? [];
    if (!name) continue;
    const element = make("li", { className: "job" },
      make("div", { className: "head" }, make("strong", { textContent: name }),
        make("button", { type: "button", textContent: "Give up", "aria-label": `Give up the upload of ${name}`,
          onclick: () => {
            end(key, address);
            element.remove();
          } })),
      make("p", { className: "faint",
        textContent: `${Math.floor((100 * offset) / size)} % were sent; choose the file again to go on.` }));
    element.dataset.key = key;
    list.append(element);
  }
}
