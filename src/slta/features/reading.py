"""How a query is read for features that share no space with sentences.

Words as in a dictionary, what they name, and the sentence as a whole.
"""

import numpy as np

from slta.features.base import QueryFeatures
from slta.features.minilm import MiniLM
from slta.features.nouns import parse
from slta.features.readable import normalised


def read(query: str, minilm: MiniLM, *, adjectives: bool = False) -> QueryFeatures:
    """Nouns say what to look at, as in the paper, or nouns with their ``adjectives``.

    Raises ``InputError`` for what is no English sentence.
    """
    query = normalised(query)
    parsed = parse(query)
    return QueryFeatures(
        query=query,
        words=parsed.words,
        word_vectors=minilm.entries(query, parsed.places),
        noun_mask=np.array(parsed.described if adjectives else parsed.named, bool),
        action=parsed.action,
        phrases=(query,),
        meanings=minilm.sentences([query]),
        attainable=np.ones(1, np.float32),
        appearances=None,
    )
