// Moments: what names one, and one that is only known from an address.

import { ask } from "./service.js";

// What names a moment of a video, as it was found.
export const idOf = (moment) => `${moment.video}@${moment.start_s}-${moment.end_s}`;

export function partsOf(id) {
  const parts = /^(.+)@(\d+(?:\.\d+)?)-(\d+(?:\.\d+)?)$/.exec(id);
  if (!parts) return null;
  return { video: parts[1], start_s: Number(parts[2]), end_s: Number(parts[3]) };
}

// The moment of an address that is not among those found; null if there is no such video.
export async function momentOf(id) {
  const parts = partsOf(id);
  if (!parts || parts.end_s <= parts.start_s) return null;
  const videos = await ask("api/videos");
  const video = videos.find((each) => each.video === parts.video);
  return video ? { ...parts, file: video.files[0], duration_s: video.duration_s } : null;
}
