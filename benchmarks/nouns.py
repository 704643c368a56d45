"""Nouns as spaCy finds them, against those in the pickles of SLTA's release.

The release's words are those that a part-of-speech tagger took for nouns or for pronouns.
Ours are the nouns, and each word counts as often as it is in the sentence.
"""

import pickle
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from slta.features.text.nouns import NAMING, language

SETS = {
    "Charades-STA": ("charades", "slta_*_noun_word.pkl"),
    "TACoS": ("tacos", "slta_*_noun_word.pkl"),
}
KINDS = {
    "theirs": {
        "PRON": "pronouns",
        "VERB": "verbs",
        "AUX": "verbs",
        "ADJ": "adjectives and adverbs",
        "ADV": "adjectives and adverbs",
    },
    "ours": {"compound": "first parts of a compound"},
}
"""By what a word is to spaCy: of theirs the part of speech, of ours the dependency."""
EXAMPLES = 6


class Plain(pickle.Unpickler):
    """Lists, tuples, texts and numbers; nothing that could run."""

    def find_class(self, module: str, name: str) -> Any:
        raise pickle.UnpicklingError(f"{module}.{name} could run code")


def measure(data: Path) -> dict[str, Any]:
    return {"sets": {name: _measure(data, *where) for name, where in SETS.items()}}


def read(folder: Path, pattern: str) -> dict[str, list[str]]:
    """The release's noun words of every sentence."""
    found: dict[str, list[str]] = {}
    for path in sorted(folder.glob(pattern)):
        with path.open("rb") as file:
            for row in Plain(file).load():
                found[str(row[1])] = str(row[-1]).split()
    return found


def _measure(data: Path, name: str, pattern: str) -> dict[str, Any]:
    released = read(data / name, pattern)
    counts: Counter[str] = Counter()
    words: dict[str, Counter[str]] = defaultdict(Counter)
    example: dict[tuple[str, str], str] = {}
    documents = language().pipe(released)
    for (sentence, named), document in zip(released.items(), documents, strict=True):
        tokens = {token.text: token for token in document}
        ours = Counter(token.text for token in document if token.pos_ in NAMING)
        theirs = Counter(named)
        pronouns = Counter(
            {
                w: n
                for w, n in theirs.items()
                if w in tokens and tokens[w].pos_ == "PRON"
            }
        )
        counts["equal"] += ours == theirs
        counts["equal but for pronouns"] += ours == theirs - pronouns
        counts["both"] += (ours & theirs).total()
        counts["only theirs"] += (theirs - ours - pronouns).total()
        counts["only ours"] += (ours - theirs).total()
        for side, left in (("theirs", theirs - ours), ("ours", ours - theirs)):
            for word, often in left.items():
                kind = f"{side}: {_kind(side, tokens.get(word))}"
                words[kind][word] += often
                example.setdefault((kind, word), sentence)
    return {
        "sentences": len(released),
        **counts,
        "kinds": [
            {
                "kind": kind,
                "words": found.total(),
                "most_often": found.most_common(EXAMPLES),
                "example": example[kind, found.most_common(1)[0][0]],
            }
            for kind, found in sorted(words.items())
        ],
    }


def _kind(side: str, token: Any) -> str:
    if token is None:
        return "words that are cut otherwise"
    what = token.pos_ if side == "theirs" else token.dep_
    other = "other words" if side == "theirs" else "other nouns"
    return KINDS[side].get(what, other)
