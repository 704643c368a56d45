"""Sentences as features: from the store, or read and kept there."""

import hashlib
from collections.abc import Callable, Sequence

from slta.features.base import QueryFeatures, Reader
from slta.features.packing import packed, unpacked
from slta.features.store import Store, trusted

Progress = Callable[[float, float], None]
"""Told how much of how much is done."""


def read_sentences(
    reader: Reader,
    store: Store,
    sentences: Sequence[str],
    *,
    progress: Progress | None = None,
) -> list[QueryFeatures]:
    """In their order."""
    unique = sorted(set(sentences))
    # Escaped, as a sentence may hold what they are joined with.
    escaped = b"\n".join(each.encode("unicode_escape") for each in unique)
    digest = hashlib.sha256(escaped).hexdigest()[:24]
    name = f"{reader.id}@{reader.version}-{digest}"
    record = store.read("queries", name)
    if record is None:
        read = []
        for sentence in unique:
            read.append(reader.text(sentence))
            if progress:
                progress(len(read), len(unique))
        facts, arrays = packed(read)
        with store.write("queries", name, facts=facts) as writer:
            writer.append(arrays)
        record = store.read("queries", name)
        assert record is not None
    with trusted(record):
        known = dict(zip(unique, unpacked(record.facts, record.arrays), strict=True))
    return [known[sentence] for sentence in sentences]
