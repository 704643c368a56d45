"""MiniLM as ONNX against transformers' own, text by text, without padding."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from jaxtyping import Float
from transformers import BertModel, BertTokenizer

from slta.features.text.minilm import MiniLM, _weights

LONGEST = 256
TEXTS = [
    "a dog",
    "A man opens the fridge and takes out a bottle of milk.",
    "Don't!",
    "crème brûlée at the café-bar, 3 pieces 🐶",
    "?",
    "",
]


@pytest.fixture(scope="module")
def minilm() -> MiniLM:
    return MiniLM()


@pytest.fixture(scope="module")
def bert() -> Any:
    return BertModel.from_pretrained(_weights())


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return BertTokenizer.from_pretrained(_weights())


def states(bert: Any, tokenizer: Any, text: str) -> Float[np.ndarray, "m k"]:
    ids = tokenizer(text, truncation=True, max_length=LONGEST).input_ids
    with torch.inference_mode():
        found = bert(torch.tensor([ids])).last_hidden_state[0]
    return np.asarray(found.numpy())


def sentence(states: Float[np.ndarray, "m k"]) -> Float[np.ndarray, " k"]:
    return np.array(states.mean(axis=0) / np.linalg.norm(states.mean(axis=0)))


def test_sentences_are_those_of_transformers(
    minilm: MiniLM, bert: Any, tokenizer: Any
) -> None:
    expected = [sentence(states(bert, tokenizer, text)) for text in TEXTS]
    np.testing.assert_allclose(minilm.sentences(TEXTS), expected, atol=1e-5)


@pytest.mark.parametrize("pieces", [1, 2, 3, 30, 100, 253, 254, 255, 400])
def test_any_length_will_do(
    minilm: MiniLM, bert: Any, tokenizer: Any, pieces: int
) -> None:
    """With the two that every text has, 254 pieces are the most that is read."""
    text = " ".join(["dog", "runs", "over", "there"][i % 4] for i in range(pieces))
    expected = states(bert, tokenizer, text)
    assert len(expected) == min(pieces + 2, LONGEST)
    np.testing.assert_allclose(
        minilm.sentences([text])[0], sentence(expected), atol=1e-5
    )


def test_what_comes_in_the_same_batch_does_not_matter(minilm: MiniLM) -> None:
    texts = [f"dog number {i}" + " and a cat" * (i % 7) for i in range(70)]
    together = minilm.sentences(texts)
    alone = np.concatenate([minilm.sentences([text]) for text in texts])
    np.testing.assert_allclose(together, alone, atol=1e-5)


@pytest.mark.parametrize(
    "spaced",
    [
        "dogs",
        "A man opens the fridge .",
        "The café - owner ' s naïve dog , 🐶 , barks !",
        "Don't eat crème brûlée unbelievably fast",
        "🐶 dogs 👩‍🍳 cook 🍲",
    ],
)
def test_a_word_is_the_mean_of_its_own_pieces(
    minilm: MiniLM, bert: Any, tokenizer: Any, spaced: str
) -> None:
    """Told without offsets: the text's pieces are those of its words, in turn."""
    tokens = spaced.split()
    text, places = "", []
    for token in tokens:
        text += "" if token in "-'s,.!" else " "
        places.append((len(text), len(text) + len(token)))
        text += token
    counts = [
        len(tokenizer(token, add_special_tokens=False).input_ids) for token in tokens
    ]
    ends = np.cumsum([1, *counts])
    found = states(bert, tokenizer, text)
    assert len(found) == ends[-1] + 1
    expected = [found[a:b].mean(axis=0) for a, b in pairwise(ends)]
    np.testing.assert_allclose(minilm.words(text, places), expected, atol=1e-4)
    np.testing.assert_allclose(
        minilm.words(text, places[::-1]), expected[::-1], atol=1e-4
    )


def test_parts_of_one_piece_have_its_vector(minilm: MiniLM) -> None:
    # spaCy's words "do" and "n't"; BERT's pieces "don", "'" and "t".
    do, not_, don_t = minilm.words("don't run", [(0, 2), (2, 5), (0, 5)])
    np.testing.assert_allclose(not_, don_t, atol=1e-6)
    assert np.abs(do - not_).max() > 0.1


def test_what_is_not_read_has_no_vector(minilm: MiniLM) -> None:
    text = "dog " * 400
    places = [(4 * i, 4 * i + 3) for i in range(400)]
    vectors = minilm.words(text, [*places, (3, 4)])
    assert vectors[: LONGEST - 2].any(axis=1).all()
    assert not vectors[LONGEST - 2 :].any()


def test_no_words_have_no_vectors(minilm: MiniLM) -> None:
    assert minilm.words("?!", []).shape == (0, 384)


def test_sentences_that_mean_the_same_are_near(minilm: MiniLM) -> None:
    man, person, rain = minilm.sentences(
        ["a man runs", "somebody is running", "it rains on the roof"]
    )
    assert man @ person > man @ rain + 0.3
