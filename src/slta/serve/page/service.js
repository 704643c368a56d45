// The service's answers.

const SILENT = "The server does not answer; start it again with slta serve.";

// Why something was refused: a sentence for people, and the status code.
export class Refusal extends Error {
  constructor(sentence, status = 0) {
    super(sentence);
    this.status = status;
  }
}

// What an address answers as JSON; null for none. A body that is no Blob is sent as JSON.
export async function ask(address, { method = "GET", body, signal } = {}) {
  const isJson = body !== undefined && !(body instanceof Blob);
  let answer;
  try {
    answer = await fetch(address, {
      method,
      signal,
      body: isJson ? JSON.stringify(body) : body,
      headers: isJson ? { "content-type": "application/json" } : {},
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refusal(SILENT);
  }
  const value = await answer.json().catch(() => null);
  if (!answer.ok) {
    throw new Refusal(value?.error ?? `The server answered ${answer.status}; try again.`, answer.status);
  }
  return value;
}

// The same; null where there is no such thing.
export async function askIfThere(address, options) {
  try {
    return await ask(address, options);
  } catch (error) {
    if (error.status === 404 || error.status === 405) return null;
    throw error;
  }
}

// Streams a search; returns a function that ends it.
export function stream(words, { found, done = () => {}, refused }) {
  const query = new URLSearchParams(words);
  const source = new EventSource(`api/search/stream?${query}`);
  source.addEventListener("found", (event) => found(JSON.parse(event.data)));
  source.addEventListener("done", () => {
    source.close();
    done();
  });
  source.addEventListener("refused", (event) => {
    source.close();
    refused(JSON.parse(event.data).error);
  });
  let ended = false;
  source.addEventListener("error", async () => {
    source.close();
    // An event source does not tell why it was refused.
    try {
      const value = await ask(`api/search?${query}`);
      if (ended) return;
      found(value);
      done();
    } catch (error) {
      if (!ended) refused(error.message);
    }
  });
  return () => {
    ended = true;
    source.close();
  };
}

export const frame = (video, at, width = 160) =>
  `api/videos/${encodeURIComponent(video)}/frame?at=${at.toFixed(2)}&width=${width}`;

// Frames of a span side by side.
export const strip = (video, { start_s, end_s }, count, width = 160) =>
  `api/videos/${encodeURIComponent(video)}/strip?` +
  `start=${start_s.toFixed(2)}&end=${end_s.toFixed(2)}&count=${count}&width=${width}`;

// Where something is kept under a name that people chose.
export const named = (name) => encodeURIComponent(name);
