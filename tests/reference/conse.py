"""From pictures to sentences and back over the classes, number by number."""

from collections.abc import Sequence
from math import exp, fsum, sqrt

Vector = Sequence[float]


def softmax(scores: Vector) -> list[float]:
    best = max(scores)
    total = fsum(exp(score - best) for score in scores)
    return [exp(score - best) / total for score in scores]


def mix(weights: Vector, vectors: Sequence[Vector]) -> list[float]:
    return [
        fsum(w * x for w, x in zip(weights, column, strict=True))
        for column in zip(*vectors, strict=True)
    ]


def dot(a: Vector, b: Vector) -> float:
    return fsum(x * y for x, y in zip(a, b, strict=True))


def meaning(scores: Vector, names: Sequence[Vector]) -> list[float]:
    """ConSE: the classes' names, each as much as the picture is of that class."""
    return mix(softmax(scores), names)


def likeness(
    phrase: Vector, classes: Sequence[Vector], temperature: float
) -> list[float]:
    """How much of each class is in a phrase, by the angle around the classes' mean."""
    centre = [fsum(column) / len(classes) for column in zip(*classes, strict=True)]
    said = [x - c for x, c in zip(phrase, centre, strict=True)]
    cosines = []
    for vector in classes:
        own = [x - c for x, c in zip(vector, centre, strict=True)]
        cosines.append(dot(said, own) / sqrt(dot(said, said) * dot(own, own)))
    return softmax([cosine / temperature for cosine in cosines])


def appearance(
    phrase: Vector,
    spellings: Sequence[Sequence[Vector]],
    classifier: Sequence[Vector],
    temperature: float,
) -> list[float]:
    """The classifier that a phrase would have, averaged over the classes' spellings."""
    made = [
        mix(likeness(phrase, classes, temperature), classifier) for classes in spellings
    ]
    return [fsum(column) / len(made) for column in zip(*made, strict=True)]


def attainable(phrase: Vector, names: Sequence[Vector], best: int) -> float:
    near = sorted((dot(phrase, name) for name in names), reverse=True)
    return fsum(near[:best]) / best
