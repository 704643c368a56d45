"""CLIP, run by transformers, from a folder or the Hugging Face hub.

Radford et al., Learning Transferable Visual Models From Natural Language Supervision
(ICML 2021). Frames and sentences share one embedding space. Frames are resized to a square
rather than centre-cropped, so that nothing at the sides is lost.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int, UInt8

from slta.errors import InputError
from slta.features.base import QueryFeatures, VideoFeatures, frame_by_frame
from slta.features.extractors.saved import Saved, pixel_scale
from slta.features.text.nouns import parse, word_means
from slta.features.text.reading import normalised
from slta.video.reading import Frames

if TYPE_CHECKING:
    from torch import Tensor

BATCH = 32
"""Frames per batch."""
GRID = 7
"""Maximum regions along each side; each is the mean of some patches."""
TEMPLATE = "a photo of a {}"
"""Prompt for a noun phrase: the networks were trained on captions."""


class Pieces(NamedTuple):
    """Texts as input of a network."""

    inputs: "dict[str, Tensor]"
    offsets: Sequence[tuple[int, int]]
    """Start and end in the first text of each of its pieces; equal for special ones."""


class Family(NamedTuple):
    """Networks for pictures and captions of one kind; ``transformers`` has the classes."""

    word: str
    """The extractor's name, and the ``model_type`` of the weights."""
    noun: str
    config: str
    network: str
    processor: str
    published: str
    """The default weights, on the hub."""
    tokenizers: Sequence[Sequence[str]]
    """Files of which a folder must have one group."""
    attainable: float
    """Typical cosine of a picture and its caption."""
    tokenizer: Callable[[Saved, Any], Any]
    """From the saved model and the configuration of the texts' network."""
    pieces: Callable[[Any, Sequence[str], Any], Pieces]
    """From the tokenizer, the texts and that configuration."""
    read: "Callable[[Any, dict[str, Tensor]], tuple[Tensor, Tensor]]"
    """States of the first text's pieces and vectors of the texts, in the common space."""
    look: "Callable[[Any, Tensor, Tensor], tuple[Tensor, Tensor]]"
    """From the network, pixels and ``_shares``: features and vectors in the common space of
    each picture and then of its regions."""


class Clip:
    """CLIP, or another family of such networks."""

    common_space = True

    def __init__(
        self, weights: str, family: Family | None = None, word: str = ""
    ) -> None:
        """``word`` is the extractor's name, if not the family's."""
        self._family = family = family or CLIP
        self._saved = Saved.find(
            word or family.word,
            weights or family.published,
            family.noun,
            [family.word],
            family.network,
            family.published,
        )
        self.id, self.pinned_name = self._saved.id, self._saved.name
        _check_tokenizer(self._saved, family)
        with self._saved.loading():
            import transformers

            config = getattr(transformers, family.config).from_pretrained(
                self._saved.folder, local_files_only=True
            )
            self._text_config: Any = config.text_config
            vision: Any = config.vision_config
            side, patch = int(vision.image_size), int(vision.patch_size)
        self.size = (side, side)
        edges = _edges(side // patch)
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

        shares = torch.tensor(self._shares, device=self.network.device)
        with torch.inference_mode():
            looks, meanings = self._family.look(
                self.network, self.pixels(images), shares
            )
            meanings = normalize(meanings, dim=-1)
        return looks.cpu().numpy(), meanings.cpu().numpy()

    def text(self, query: str) -> QueryFeatures:
        import torch
        from torch.nn.functional import normalize

        query = normalised(query)
        parsed = parse(query)
        texts = [query, *map(TEMPLATE.format, parsed.phrases)]
        pieces = self.pieces(texts)
        with torch.inference_mode():
            states, vectors = self._family.read(self.network, pieces.inputs)
            meanings = normalize(vectors, dim=-1).cpu().numpy()
        words = word_means(states.cpu().numpy(), pieces.offsets, parsed.places)
        return QueryFeatures(
            query=query,
            words=parsed.words,
            word_vectors=words,
            noun_mask=np.array(parsed.named, bool),
            action=parsed.action,
            phrases=(query, *parsed.phrases),
            meanings=meanings,
            attainable=np.full(len(meanings), self._family.attainable, np.float32),
            appearances=None,
        )

    def pixels(self, images: UInt8[np.ndarray, "t h w 3"]) -> "Tensor":
        """The network's input, of frames of its size."""
        import torch

        device = self.network.device
        scale, mean, spread = (
            torch.tensor(values, device=device) for values in self._preparation
        )
        pixels = (torch.tensor(images, device=device) * scale - mean) / spread
        return pixels.permute(0, 3, 1, 2)

    def pieces(self, texts: Sequence[str]) -> Pieces:
        pieces = self._family.pieces(self._tokenizer, texts, self._text_config)
        device = self.network.device
        inputs = {name: ids.to(device) for name, ids in pieces.inputs.items()}
        return Pieces(inputs, pieces.offsets)

    @cached_property
    def network(self) -> Any:
        import transformers

        return self._saved.network(getattr(transformers, self._family.network))

    @cached_property
    def _tokenizer(self) -> Any:
        with self._saved.loading():
            return self._family.tokenizer(self._saved, self._text_config)

    @cached_property
    def _preparation(self) -> tuple[float, list[float], list[float]]:
        """Rescaling factor, mean and standard deviation of pixels."""
        with self._saved.loading():
            import transformers

            processor = getattr(transformers, self._family.processor)
            return pixel_scale(self._saved.processor(processor))


def _check_tokenizer(saved: Saved, family: Family) -> None:
    if not any(saved.has(*names) for names in family.tokenizers):
        raise InputError(
            f"{saved.folder} has no tokenizer.json; save the model's tokenizer there"
        )


def _tokenizer(saved: Saved, config: Any) -> Any:
    from transformers import CLIPTokenizer

    tokenizer = CLIPTokenizer.from_pretrained(saved.folder, local_files_only=True)
    ids = tokenizer("a").input_ids
    # The token at which the network pools; older ones take the highest id.
    end = max(ids) if config.eos_token_id == 2 else config.eos_token_id
    if len(tokenizer) > config.vocab_size or ids[-1] != end:
        raise ValueError("the tokenizer is not that of the weights")
    return tokenizer


def _pieces(tokenizer: Any, texts: Sequence[str], config: Any) -> Pieces:
    pieces = tokenizer(
        list(texts),
        padding=True,
        truncation=True,
        max_length=config.max_position_embeddings,
        return_offsets_mapping=True,
        return_tensors="pt",
    )
    offsets = pieces.pop("offset_mapping")[0].tolist()
    return Pieces(dict(pieces), offsets)


def _read(network: Any, inputs: "dict[str, Tensor]") -> "tuple[Tensor, Tensor]":
    read, project = network.text_model(**inputs), network.text_projection
    return project(read.last_hidden_state[0]), project(read.pooler_output)


def _look(network: Any, pixels: "Tensor", shares: "Tensor") -> "tuple[Tensor, Tensor]":
    import torch

    seen = network.vision_model(pixel_values=pixels)
    patches = network.vision_model.post_layernorm(seen.last_hidden_state[:, 1:])
    grid = patches.unflatten(1, (shares.shape[1], shares.shape[1]))
    regions = torch.einsum("ay,bx,tyxd->tabd", shares, shares, grid)
    looks = torch.cat([seen.pooler_output[:, None], regions.flatten(1, 2)], 1)
    return looks, network.visual_projection(looks)


CLIP = Family(
    word="clip",
    noun="CLIP",
    config="CLIPConfig",
    network="CLIPModel",
    processor="CLIPImageProcessorPil",
    published="openai/clip-vit-base-patch32",
    tokenizers=[["tokenizer.json"], ["vocab.json", "merges.txt"]],
    attainable=0.3,
    tokenizer=_tokenizer,
    pieces=_pieces,
    read=_read,
    look=_look,
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
