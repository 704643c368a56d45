"""What the load on a server is made of."""

from itertools import islice

from benchmarks.page_load import KNOWN, sentences


def test_sentences_are_the_same_each_time_and_mostly_new() -> None:
    drawn = [*islice(sentences(3), 500)]
    assert drawn == [*islice(sentences(3), 500)] != [*islice(sentences(4), 500)]
    new = len({*drawn}) / len(drawn)
    assert 1 - 2.5 * KNOWN < new < 1 - KNOWN / 2
