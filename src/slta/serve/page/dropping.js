// Files that are dropped on the page: a picture to search by, or videos to add.

import { $ } from "./dom.js";
import { go } from "./address.js";
import { isPicture, take } from "./example.js";
import { upload } from "./uploads.js";

const cover = $("#drop");
let inside = 0;

const hasFiles = (event) => event.dataTransfer?.types.includes("Files");

function end() {
  inside = 0;
  cover.hidden = true;
}

addEventListener("dragenter", (event) => {
  if (!hasFiles(event)) return;
  inside += 1;
  cover.hidden = false;
});
addEventListener("dragleave", (event) => {
  if (!hasFiles(event)) return;
  inside -= 1;
  if (inside <= 0) end();
});
addEventListener("dragover", (event) => hasFiles(event) && event.preventDefault());
addEventListener("drop", (event) => {
  if (!hasFiles(event)) return;
  event.preventDefault();
  end();
  const files = [...event.dataTransfer.files];
  const videos = files.filter((file) => !isPicture(file));
  if (videos.length) {
    go({ view: "add", moment: undefined });
    upload(videos);
  } else if (files.length) take(files[0]);
});
