// The service's answers.

// Streams a search; returns a function that ends it.
export function stream(words, { found, refused }) {
  const source = new EventSource(`api/search/stream?${new URLSearchParams(words)}`);
  source.addEventListener("found", (event) => found(JSON.parse(event.data)));
  source.addEventListener("done", () => source.close());
  source.addEventListener("refused", (event) => {
    source.close();
    refused(JSON.parse(event.data).error);
  });
  source.addEventListener("error", async () => {
    source.close();
    // An event source does not tell why it was refused.
    try {
      const answer = await fetch(`api/search?${new URLSearchParams(words)}`);
      const value = await answer.json();
      if (answer.ok) found(value);
      else refused(value.error);
    } catch {
      refused("The server does not answer; start it again with slta serve.");
    }
  });
  return () => source.close();
}
