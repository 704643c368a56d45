"""What may be asked, and what a query that cannot be read is told."""

import pytest

from slta.errors import InputError
from slta.features.text.reading import LONGEST, normalised


@pytest.mark.parametrize(
    "query",
    [
        "A man opens the fridge.",
        "dog",
        "  dog\n",
        "3 dogs!",
        "crème brûlée",
        "ein Hund läuft",
        "a dog named Шарик",
        "a dog 🐶🐶🐶🐶",
        "ａ ｄｏｇ",
        "dog кот",  # half of it
        "a" * LONGEST,
    ],
)
def test_what_can_be_read(query: str) -> None:
    normalised(query)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("", "the query is empty; describe in a sentence what happens"),
        (" \t\n", "the query is empty"),
        (
            "a" * (LONGEST + 1),
            rf"{LONGEST + 1} characters, and at most {LONGEST} are read",
        ),
        ("42", "'42' has no words; write a sentence"),
        ("?! \n --", r"'\?! \\n --' has no words"),
        ("🐶", "'🐶' has no words"),
        ("мужчина открывает дверь", "not in Latin letters; write it in English"),
        ("男が冷蔵庫を開ける", "not in Latin letters"),
        ("رجل يفتح الباب", "not in Latin letters"),
        ("dog собака", "not in Latin letters"),
        ("a caf\udce9", r"'a caf\\udce9' holds bytes .*; type it in UTF-8"),
        ("дом " * 50, r"'(дом ){9}дом…' is not in Latin"),
    ],
)
def test_what_cannot_be_read_is_told_why_in_one_line(query: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as raised:
        normalised(query)
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 200
