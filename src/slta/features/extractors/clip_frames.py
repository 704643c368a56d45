"""The features of Moment-DETR and its successors from CLIP, for any video.

Frames are embeddings of a picture in the middle of each clip, whose shorter side is scaled
and whose centre is cropped, as the authors' programs take them; words are the text
network's last hidden states, with its first and last token. All are of length one.
"""

from collections.abc import Iterator
from math import ceil
from pathlib import Path

import numpy as np

from slta import video
from slta.features.base import QueryFeatures, VideoFeatures
from slta.features.extractors.clip import BATCH, CLIP, Clip
from slta.features.text.nouns import parse
from slta.features.text.reading import normalised
from slta.video.reading import Frames

WHOLE = np.array([0, 0, 1, 1], np.float32)
"""Box of a frame's only region, the frame."""


EDGE = "|"
"""Shown for the first and the last token, which have no letters."""


class ClipFrames:
    common_space = False

    def __init__(self, weights: str) -> None:
        self._clip = Clip(weights, word="clip-frames")
        self.id, self.pinned_name = self._clip.id, self._clip.pinned_name

    @property
    def version(self) -> str:
        """Version of this extractor, and that of CLIP."""
        return f"1-{self._clip.version}"

    def watch(self, path: Path, *, rate_hz: float) -> Iterator[VideoFeatures]:
        info = video.probe(path)
        side, _ = self._clip.size
        size = _covering(info.width, info.height, side)
        count = max(1, ceil(info.duration_s * rate_hz - 1e-6))
        middle_s = np.minimum((np.arange(count) + 0.5) / rate_hz, info.duration_s)
        for start in range(0, count, BATCH):
            frames = video.frames(path, at=middle_s[start : start + BATCH], size=size)
            yield self.video(frames)

    def video(self, frames: Frames) -> VideoFeatures:
        """Features of frames that are at least as large as CLIP's."""
        import torch
        from torch.nn.functional import normalize

        network, side = self._clip.network, self._clip.size[0]
        height, width = frames.images.shape[1:3]
        top, left = (height - side) // 2, (width - side) // 2
        cropped = frames.images[:, top : top + side, left : left + side]
        with torch.inference_mode():
            seen = network.vision_model(pixel_values=self._clip.pixels(cropped))
            found = normalize(network.visual_projection(seen.pooler_output), dim=-1)
        rows = found.cpu().numpy()
        return VideoFeatures(
            times_s=frames.times_s,
            frames=rows,
            regions=rows[:, None],
            boxes=np.tile(WHOLE, (len(rows), 1, 1)),
        )

    def text(self, query: str) -> QueryFeatures:
        import torch
        from torch.nn.functional import normalize

        query = normalised(query)
        parsed, network = parse(query), self._clip.network
        pieces = self._clip.pieces([query])
        places = pieces.offsets
        with torch.inference_mode():
            read = network.text_model(**pieces.inputs)
            states = normalize(read.last_hidden_state[0], dim=-1).cpu().numpy()
            meaning = normalize(network.text_projection(read.pooler_output), dim=-1)
        named = [
            place
            for place, is_named in zip(parsed.places, parsed.named, strict=True)
            if is_named
        ]
        return QueryFeatures(
            query=query,
            words=tuple(query[a:b] or EDGE for a, b in places),
            word_vectors=states,
            noun_mask=np.array(
                [any(a < end and start < b for start, end in named) for a, b in places]
            ),
            action=parsed.action,
            phrases=(query,),
            meanings=meaning.cpu().numpy(),
            attainable=np.full(1, CLIP.attainable, np.float32),
            appearances=None,
        )


def _covering(width: int, height: int, side: int) -> tuple[int, int]:
    """Width and height whose shorter one is ``side``.

    >>> _covering(640, 480, 224), _covering(480, 640, 224)
    ((298, 224), (224, 298))
    """
    shorter = min(width, height)
    return width * side // shorter, height * side // shorter
