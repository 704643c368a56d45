"""Area under the ROC curve and expected calibration error, one pair, one bin at a time."""

from collections.abc import Sequence

from benchmarks.trust import BINS


def area(above: Sequence[float], below: Sequence[float]) -> float:
    won = 0.0
    for one in above:
        for other in below:
            won += 1.0 if one > other else 0.5 if one == other else 0.0
    return won / (len(above) * len(below))


def calibration_error(present: Sequence[float], absent: Sequence[float]) -> float:
    """Queries that are there weigh as much in all as those that are not."""
    weighed = [(sure, 1.0, 0.5 / len(present)) for sure in present]
    weighed += [(sure, 0.0, 0.5 / len(absent)) for sure in absent]
    error = 0.0
    for i in range(BINS):
        inside = [each for each in weighed if min(int(each[0] * BINS), BINS - 1) == i]
        said = sum(sure * weight for sure, _, weight in inside)
        there = sum(true * weight for _, true, weight in inside)
        error += abs(said - there)
    return error
