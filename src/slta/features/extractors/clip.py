"""CLIP, run by transformers, from weights that the user provides.

Radford et al., Learning Transferable Visual Models From Natural Language Supervision
(ICML 2021). Frames and sentences share one embedding space. Frames are resized to a square
rather than centre-cropped, so that nothing at the sides is lost.
"""

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Int, UInt8

from slta.errors import InputError
from slta.features.base import QueryFeatures, VideoFeatures, frame_by_frame
from slta.features.extractors.saved import Saved, pixel_scale
from slta.features.text.nouns import parse, word_means
from slta.features.text.reading import normalised
from slta.video.reading import Frames

if TYPE_CHECKING:
    import torch
    import transformers

BATCH = 32
"""Frames per batch."""
GRID = 7
"""Maximum regions along each side; each is the mean of some patches."""
PUBLISHED = "openai/clip-vit-base-patch32"
"""Weights suggested in errors."""
TEMPLATE = "a photo of a {}"
"""Prompt for a noun phrase: CLIP was trained on captions."""
ATTAINABLE = 0.3
"""Typical cosine of a picture and its caption."""


class Clip:
    common_space = True

    def __init__(self, weights: str, word: str = "clip") -> None:
        """``word`` is the extractor's name."""
        get = f"hf download {weights if '/' in weights else PUBLISHED}"
        self._saved = Saved.find(word, weights, "CLIP", ["clip"], "CLIPModel", get)
        self.id = self._saved.id
        _check_tokenizer(self._saved)
        with self._saved.loading():
            from transformers import CLIPConfig

            config = CLIPConfig.from_pretrained(
                self._saved.folder, local_files_only=True
            )
            self._text_config: Any = config.text_config
            vision: Any = config.vision_config
            side, patch = int(vision.image_size), int(vision.patch_size)
        self.size = (side, side)
        self._patches = side // patch
        edges = _edges(self._patches)
        self._shares = _shares(edges)
        # Incomplete patches at the right and the bottom belong to no region.
        self._boxes = _boxes(edges * patch / side)

    @cached_property
    def version(self) -> str:
        """Version of this extractor, and a digest of the folder."""
        return f"1-{self._saved.digest}"

    def watch(self, path: Path, *, rate_hz: float) -> Iterator[VideoFeatures]:
        return frame_by_frame(self, path, rate_hz=rate_hz)

    def video(self, frames: Frames) -> VideoFeatures:
        batches = [
            self._look(frames.images[i : i + BATCH])
            for i in range(0, len(frames.images), BATCH)
        ]
        return VideoFeatures.of_sights(frames.times_s, batches, self._boxes)

    def _look(
        self, images: UInt8[np.ndarray, "t h w 3"]
    ) -> tuple[Float[np.ndarray, "t s d"], Float[np.ndarray, "t s k"]]:
        """Features and embeddings of s views: the whole frame, then its regions."""
        import torch
        from torch.nn.functional import normalize

        network = self.network
        shares = torch.tensor(self._shares, device=network.device)
        with torch.inference_mode():
            seen = network.vision_model(pixel_values=self.pixels(images))
            patches = network.vision_model.post_layernorm(seen.last_hidden_state[:, 1:])
            grid = patches.unflatten(1, (self._patches, self._patches))
            regions = torch.einsum("ay,bx,tyxd->tabd", shares, shares, grid)
            looks = torch.cat([seen.pooler_output[:, None], regions.flatten(1, 2)], 1)
            meanings = normalize(network.visual_projection(looks), dim=-1)
        return looks.cpu().numpy(), meanings.cpu().numpy()

    def text(self, query: str) -> QueryFeatures:
        import torch
        from torch.nn.functional import normalize

        query = normalised(query)
        parsed = parse(query)
        pieces = self.pieces([query, *map(TEMPLATE.format, parsed.phrases)])
        offsets = pieces.pop("offset_mapping")[0].tolist()
        with torch.inference_mode():
            read = self.network.text_model(**pieces.to(self.network.device))
            project = self.network.text_projection
            states = project(read.last_hidden_state[0]).cpu().numpy()
            meanings = normalize(project(read.pooler_output), dim=-1).cpu().numpy()
        return QueryFeatures(
            query=query,
            words=parsed.words,
            word_vectors=word_means(states, offsets, parsed.places),
            noun_mask=np.array(parsed.named, bool),
            action=parsed.action,
            phrases=(query, *parsed.phrases),
            meanings=meanings,
            attainable=np.full(len(meanings), ATTAINABLE, np.float32),
            appearances=None,
        )

    def pixels(self, images: UInt8[np.ndarray, "t h w 3"]) -> "torch.Tensor":
        """The network's input, of frames of its size."""
        import torch

        device = self.network.device
        scale, mean, spread = (
            torch.tensor(values, device=device) for values in self._preparation
        )
        pixels = (torch.tensor(images, device=device) * scale - mean) / spread
        return pixels.permute(0, 3, 1, 2)

    def pieces(self, sentences: Sequence[str]) -> "transformers.BatchEncoding":
        """Their tokens, with the characters of each."""
        return self.tokenizer(
            [*sentences],
            padding=True,
            truncation=True,
            max_length=self._text_config.max_position_embeddings,
            return_offsets_mapping=True,
            return_tensors="pt",
        )

    @cached_property
    def network(self) -> Any:
        from transformers import CLIPModel

        return self._saved.network(CLIPModel)

    @cached_property
    def tokenizer(self) -> "transformers.CLIPTokenizer":
        with self._saved.loading():
            from transformers import CLIPTokenizer

            tokenizer: CLIPTokenizer = CLIPTokenizer.from_pretrained(
                self._saved.folder, local_files_only=True
            )
            text = self._text_config
            ids = tokenizer("a").input_ids
            # The token at which the network pools; older ones take the highest id.
            end = max(ids) if text.eos_token_id == 2 else text.eos_token_id
            if len(tokenizer) > text.vocab_size or ids[-1] != end:
                raise ValueError("the tokenizer is not that of the weights")
        return tokenizer

    @cached_property
    def _preparation(self) -> tuple[float, list[float], list[float]]:
        """Rescaling factor, mean and standard deviation of pixels."""
        with self._saved.loading():
            from transformers import CLIPImageProcessorPil

            return pixel_scale(self._saved.processor(CLIPImageProcessorPil))


def _check_tokenizer(saved: Saved) -> None:
    if not (saved.has("tokenizer.json") or saved.has("vocab.json", "merges.txt")):
        raise InputError(
            f"{saved.folder} has no tokenizer.json; save the model's tokenizer there"
        )


def _edges(patches: int) -> Int[np.ndarray, " e"]:
    """Edges of the regions in patches, as even as possible.

    >>> _edges(16)
    array([ 0,  2,  4,  6,  9, 11, 13, 16])
    """
    n = min(GRID, patches)
    return np.array([i * patches // n for i in range(n + 1)])


def _shares(edges: Int[np.ndarray, " e"]) -> Float[np.ndarray, "n p"]:
    """Weights of p patches in each of n regions, along one side."""
    patch = np.arange(edges[-1])
    inside = (edges[:-1, None] <= patch) & (patch < edges[1:, None])
    shares: Float[np.ndarray, "n p"] = inside / inside.sum(axis=1, keepdims=True)
    return shares.astype(np.float32)


def _boxes(edges: Float[np.ndarray, " e"]) -> Float[np.ndarray, "r 4"]:
    cells = list(pairwise(edges))
    corners = [(x0, y0, x1, y1) for y0, y1 in cells for x0, x1 in cells]
    return np.array(corners, np.float32)
