"""Items are made ahead of whoever takes them, in bounds, and errors reach the taker."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from slta.errors import InputError
from slta.features.ahead import PATIENCE_S, ahead
from slta.features.extractors.imagenet_words import ImagenetWords


def counted(n: int, made: list[int]) -> Iterator[int]:
    for i in range(n):
        made.append(i)
        yield i


def reached(made: list[int], n: int) -> bool:
    """Waits until so many are made."""
    for _ in range(200):
        if len(made) >= n:
            return True
        time.sleep(0.01)
    return False


def running() -> bool:
    """Whether a thread goes on; one that was stopped may need a moment."""
    for _ in range(200):
        if not any(thread.name == "ahead" for thread in threading.enumerate()):
            return False
        time.sleep(0.01)
    return True


def test_the_items_come_in_their_order() -> None:
    assert list(ahead(iter(range(100)), most=3)) == list(range(100))
    assert list(ahead(iter(()), most=1)) == []
    assert not running()


def test_no_more_wait_than_allowed() -> None:
    made: list[int] = []
    items = ahead(counted(50, made), most=3)
    assert next(items) == 0
    # One was taken, three wait, and the next is in the thread's hands.
    assert reached(made, 5)
    time.sleep(0.05)
    assert len(made) == 5
    items.close()
    assert not running()


def test_an_error_comes_after_the_items_before_it() -> None:
    def failing() -> Iterator[int]:
        yield 1
        raise InputError("the film is cut short: copy it again")

    items = ahead(failing(), most=4)
    assert next(items) == 1
    with pytest.raises(InputError, match="cut short"):
        next(items)
    assert not running()


def test_whoever_stops_does_not_wait_for_a_slow_item() -> None:
    hold = threading.Event()

    def slow() -> Iterator[int]:
        yield 1
        hold.wait(60)
        yield 2

    items = ahead(slow(), most=1)
    assert next(items) == 1
    before = time.monotonic()
    items.close()
    assert time.monotonic() - before < PATIENCE_S + 1
    hold.set()
    assert not running()


def test_a_film_that_cannot_be_read_is_told_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "film.mp4").write_bytes(b"not a film at all")
    with pytest.raises(InputError, match=r"^\S+ is not a video: give one"):
        next(ImagenetWords().watch(tmp_path / "film.mp4", rate_hz=2.0))
    assert not running()
