"""Words, nouns and noun phrases on sentences that people ask with."""

import subprocess
import sys
import textwrap

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slta.features.text.nouns import parse, word_means


@pytest.mark.parametrize(
    ("sentence", "words", "nouns", "phrases"),
    [
        pytest.param("", "", "", [], id="empty"),
        pytest.param("?! ... --", "", "", [], id="only punctuation"),
        pytest.param("She laughs.", "She laughs", "", [], id="no noun"),
        pytest.param(
            "He gives it to her.", "He gives it to her", "", [], id="pronouns"
        ),
        pytest.param("Run!", "Run", "", [], id="imperative"),
        pytest.param(
            "Open the fridge and take the milk out.",
            "Open the fridge and take the milk out",
            "fridge milk",
            ["fridge", "milk"],
            id="imperative with objects",
        ),
        pytest.param("dog", "dog", "dog", ["dog"], id="one noun"),
        pytest.param(
            "Two dogs chase three cats.",
            "Two dogs chase three cats",
            "dogs cats",
            ["Two dogs", "three cats"],
            id="plural",
        ),
        pytest.param(
            "Angela Merkel arrives in Berlin.",
            "Angela Merkel arrives in Berlin",
            "Angela Merkel Berlin",
            ["Angela Merkel", "Berlin"],
            id="proper nouns",
        ),
        pytest.param(
            "The man's red-haired dog runs",
            "The man 's red haired dog runs",
            "man dog",
            ["man's red-haired dog"],
            id="as written, but for the article",
        ),
        pytest.param(
            "He throws a big, red ball.",
            "He throws a big red ball",
            "ball",
            ["big, red ball"],
            id="a comma within",
        ),
        pytest.param(
            'He opens the "book"',
            "He opens the book",
            "book",
            ["book"],
            id="quotation marks",
        ),
        pytest.param(
            "A man\nopens  the\n green door",
            "A man opens the green door",
            "man door",
            ["man", "green door"],
            id="lines",
        ),
        pytest.param(
            "Person walks in, then the person sits.",
            "Person walks in then the person sits",
            "Person person",
            ["person"],
            id="each phrase once",
        ),
        pytest.param(
            "A café owner pours crème brûlée",
            "A café owner pours crème brûlée",
            "café owner brûlée",
            ["café owner", "crème brûlée"],
            id="accents",
        ),
    ],
)
def test_known_sentences(
    sentence: str, words: str, nouns: str, phrases: list[str]
) -> None:
    parsed = parse(sentence)
    assert parsed.words == tuple(words.split())
    named = [
        word for word, noun in zip(parsed.words, parsed.nouns, strict=True) if noun
    ]
    assert named == nouns.split()
    assert parsed.phrases == tuple(phrases)


@pytest.mark.parametrize(
    ("sentence", "named"),
    [
        pytest.param("", "", id="empty"),
        pytest.param("A man opens the red door.", "man door", id="nouns alone"),
        pytest.param("Angela Merkel is laughing", "Angela Merkel", id="proper nouns"),
        pytest.param("She laughs loudly.", "laughs loudly", id="verb and adverb"),
        pytest.param("He is very happy", "very happy", id="adverb and adjective"),
        pytest.param("They are two", "two", id="number"),
        pytest.param("It is on", "It is on", id="any word"),
    ],
)
def test_what_to_look_at_is_named_by_nouns_or_else_by_content_or_else_by_all(
    sentence: str, named: str
) -> None:
    parsed = parse(sentence)
    words = [
        w for w, is_named in zip(parsed.words, parsed.named, strict=True) if is_named
    ]
    assert words == named.split()


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
def test_where_there_is_a_word_something_is_named(sentence: str) -> None:
    parsed = parse(sentence)
    assert len(parsed.named) == len(parsed.words)
    assert any(parsed.named) == bool(parsed.words)
    assert parsed.named == parsed.nouns or not any(parsed.nouns)


@pytest.mark.parametrize(
    ("sentence", "action"),
    [
        ("", False),
        ("a dog", False),
        ("a cat sleeps on the sofa", False),
        ("he is sitting", False),
        ("the man stood there", False),
        ("Run!", True),
        ("a man opened the door", True),
        ("a man who sits there starts to run", True),
    ],
)
def test_an_action_is_told_from_a_state(sentence: str, action: bool) -> None:
    assert parse(sentence).action is action


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
def test_words_are_where_they_are_said_to_be(sentence: str) -> None:
    parsed = parse(sentence)
    assert [sentence[a:b] for a, b in parsed.places] == list(parsed.words)
    ends = [0, *(end for place in parsed.places for end in place)]
    assert ends == sorted(ends)


def test_a_word_is_the_mean_of_the_pieces_it_shares_a_letter_with() -> None:
    states = np.array([[9, 9], [1, 0], [3, 0], [9, 9], [0, 8], [9, 9]], np.float32)
    pieces = [(0, 0), (0, 2), (2, 4), (3, 3), (4, 7), (7, 7)]
    words = [(4, 7), (0, 4), (3, 5), (0, 1), (7, 9)]
    expected = [[0, 8], [2, 0], [1.5, 4], [1, 0], [0, 0]]
    np.testing.assert_array_equal(word_means(states, pieces, words), expected)


def test_no_words_have_no_vectors() -> None:
    assert word_means(np.zeros((2, 5), np.float32), [(0, 1), (1, 2)], []).shape == (
        0,
        5,
    )


def test_torch_stays_out_and_stays_usable() -> None:
    code = """
        import sys
        from slta.features.text.nouns import parse
        before = parse("A dog runs.")
        assert "torch" not in sys.modules
        import torch
        assert torch.ones(2).sum() == 2
        assert parse("A dog runs.") == before
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True)


def test_the_command_line_of_spacy_can_still_be_used() -> None:
    code = """
        from slta.features.text.nouns import parse
        parse("A dog runs.")
        from spacy.cli import info
        assert info(silent=True)["spacy_version"]
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True)


def test_torch_that_is_there_already_stays_there() -> None:
    code = """
        import sys, types
        torch = sys.modules["torch"] = types.ModuleType("torch")
        from slta.features.text import nouns
        with nouns._lean():
            assert sys.modules["torch"] is torch
        assert sys.modules["torch"] is torch
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True)
