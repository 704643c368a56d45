"""The made film: its subjects are where it says, and a seed makes it again.

Most of this holds at any size and rate, so the film is made small.
"""

from collections.abc import Callable, Iterable
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from jaxtyping import Float, UInt8
from PIL import Image

from examples import photo_film
from slta import video
from slta.moments import Span
from slta.video import writing

Picture = UInt8[np.ndarray, "h w 3"]
Drawn = Callable[[int, int], tuple[dict[str, Span], list[Picture]]]

RATE_HZ = 5
BINS = 6


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Drawn:
    """The spans and the first so many pictures of a seed's film, not encoded."""
    taken: list[Picture] = []

    def draw(seed: int, n: int) -> tuple[dict[str, Span], list[Picture]]:
        def take(
            path: Path, images: Iterable[Picture], *, rate_hz: float | int
        ) -> None:
            taken[:] = islice(images, n)

        monkeypatch.setattr(writing, "write", take)
        return photo_film.compose("nowhere.mp4", seed=seed), list(taken)

    return draw


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    make_small(monkeypatch)


def make_small(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(photo_film, "SIZE", (160, 90))
    patch.setattr(photo_film, "RATE_HZ", RATE_HZ)


@pytest.fixture(scope="module")
def written(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, dict[str, Span]]:
    """A film and when its subjects are in it."""
    path = tmp_path_factory.mktemp("films") / "examples.photo_film.mp4"
    with pytest.MonkeyPatch.context() as patch:
        make_small(patch)
        return path, photo_film.compose(path)


def colours(picture: Picture) -> Float[np.ndarray, " n"]:
    """How often each colour is there, in shares."""
    coarse = picture.reshape(-1, 3).astype(np.int64) * BINS // 256
    counts = np.bincount(coarse @ [BINS * BINS, BINS, 1], minlength=BINS**3)
    return counts / counts.sum()


def same(a: Iterable[Picture], b: Iterable[Picture]) -> bool:
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize("seed", range(10))
def test_subjects_follow_each_other_and_last_as_long_as_said(
    drawn: Drawn, seed: int
) -> None:
    truth, _ = drawn(seed, 0)
    assert list(truth) == list(photo_film.SUBJECTS)
    spans = list(truth.values())
    assert spans[0].start == 0
    assert all(one.end == other.start for one, other in pairwise(spans))
    half = 0.5 / photo_film.RATE_HZ
    shortest, longest = photo_film.SHORTEST_S - half, photo_film.LONGEST_S + half
    assert all(shortest <= span.length_s <= longest for span in spans)
    assert 60 <= spans[-1].end <= 120


def test_pictures_are_as_large_as_said_and_move(drawn: Drawn) -> None:
    _, pictures = drawn(0, 3)
    assert {picture.shape[1::-1] for picture in pictures} == {photo_film.SIZE}
    assert not any(np.array_equal(a, b) for a, b in pairwise(pictures))


@pytest.mark.usefixtures("small")
def test_a_seed_makes_the_same_film_again(drawn: Drawn) -> None:
    truth, pictures = drawn(3, 10**6)
    again, pictures_again = drawn(3, 10**6)
    assert again == truth
    assert len(pictures) == round(truth["coffee"].end * RATE_HZ)
    assert same(pictures, pictures_again)


@pytest.mark.usefixtures("small")
def test_another_seed_makes_another_film(drawn: Drawn) -> None:
    (truth, pictures), (other, other_pictures) = drawn(0, 20), drawn(1, 20)
    assert not set(truth.values()) & set(other.values())
    assert not same(pictures, other_pictures)


def test_the_film_ends_with_its_last_subject(
    written: tuple[Path, dict[str, Span]],
) -> None:
    path, truth = written
    info = video.probe(path)
    assert info.duration_s == pytest.approx(max(span.end for span in truth.values()))
    assert (info.width, info.height) == (160, 90)


def test_the_film_is_cut_exactly_where_subjects_begin(
    written: tuple[Path, dict[str, Span]],
) -> None:
    path, truth = written
    parts = video.sample(path, rate_hz=RATE_HZ)
    pictures = np.concatenate([part.images for part in parts]).astype(np.float64)
    jumps = np.abs(np.diff(pictures, axis=0)).mean(axis=(1, 2, 3))
    cuts = np.sort(np.argsort(-jumps)[: len(truth) - 1]) + 1
    starts = [span.start for span in truth.values() if span.start > 0]
    assert (cuts / RATE_HZ).tolist() == pytest.approx(starts)


def test_subjects_are_in_the_film_when_it_says(
    written: tuple[Path, dict[str, Span]],
) -> None:
    path, truth = written
    photographs = {}
    for subject, name in photo_film.SUBJECTS.items():
        with Image.open(Path(skimage.data.__file__).parent / name) as photograph:
            photographs[subject] = colours(np.asarray(photograph.convert("RGB")))
    for subject, span in truth.items():
        at = np.linspace(span.start, span.end - 1 / RATE_HZ, 7)
        seen = np.mean(
            [colours(image) for image in video.frames(path, at=at).images], 0
        )
        shared = {
            other: np.minimum(seen, usual).sum() for other, usual in photographs.items()
        }
        assert max(shared, key=lambda other: shared[other]) == subject
