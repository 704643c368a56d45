"""Random training batches: the candidates that match a query, and those that do not."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from slta.batches.absent_queries import AbsentQueries
from slta.batches.candidate_batch import (
    Candidates,
    Shot,
    TrainingBatch,
    candidates_of,
    collate,
    mean_frame,
    padded,
    shot_of,
)
from slta.batches.video_batch import ClipFeatures, Cut, TrainingVideoBatch, videos
from slta.datasets.split import Split
from slta.features.base import VideoFeatures
from slta.moments import Query, Span
from slta.moments.spans import as_array, temporal_iou


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Thresholds of a match; the defaults are CTRL's (Gao et al., TALL, ICCV 2017), as in
    SLTA."""

    match_iou: float = 0.5
    """Minimum IoU of a match, exclusive."""
    match_outside: float = 0.15
    """Maximum share of a match outside the truth, exclusive."""
    other_iou: float = 0.3
    """IoU below which a candidate is a negative; those in between are unused. Not in
    CTRL."""


USUAL = Rule()


@dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """How the candidates of a video match a query."""

    matching: Bool[np.ndarray, " c"]
    other: Bool[np.ndarray, " c"]
    """Negatives: IoU below ``other_iou`` with every true span."""
    near: Bool[np.ndarray, " c"]
    """Negatives that overlap a true span."""
    offsets_s: Float[np.ndarray, "c 2"]
    """From the candidate to the true span with the best IoU."""


def matches(
    candidates: Float[np.ndarray, "c 2"],
    truth: Float[np.ndarray, "m 2"],
    rule: Rule = USUAL,
) -> Matches:
    """Matches of a query; without true spans nothing matches, and offsets are 0."""
    if not len(truth):
        none = np.zeros(len(candidates), bool)
        return Matches(none, ~none, none, np.zeros((len(candidates), 2)))
    iou = temporal_iou(candidates, truth)
    best = iou.argmax(axis=1)
    true = truth[best]
    length_s = candidates[:, 1] - candidates[:, 0]
    shared_s = np.minimum(candidates[:, 1], true[:, 1]) - np.maximum(
        candidates[:, 0], true[:, 0]
    )
    best_iou = iou.max(axis=1)
    outside = 1 - np.maximum(shared_s, 0) / length_s
    other = best_iou < rule.other_iou
    return Matches(
        matching=(best_iou > rule.match_iou) & (outside < rule.match_outside),
        other=other,
        near=other & (best_iou > 0),
        offsets_s=true - candidates,
    )


def matching_frames(
    windows: Int[np.ndarray, "c 2"], truth: Int[np.ndarray, " 2"]
) -> Int[np.ndarray, "n 2"]:
    """The matching windows of a query, in the SLTA release's frames.

    >>> windows = np.array([[41, 57], [49, 65], [57, 73]])
    >>> matching_frames(windows, np.array([43, 68])).tolist()
    [[41, 57], [49, 65]]
    """
    matched = matches(windows.astype(np.float64), truth[None].astype(np.float64))
    return windows[matched.matching]


GAP = 32
"""Maximum gap in frames between windows of one shot: a batch is padded to its longest shot,
so a few long ones cost less than many short ones."""


class Sampler:
    """Draws batches for candidate models, determined by the seed."""

    def __init__(
        self,
        split: Split,
        *,
        windows: Callable[[float], Float[np.ndarray, "n 2"]],
        context_s: float,
        rate_hz: float,
        queries: int,
        still_queries: int = 1,
        queries_per_video: int,
        negatives: int | None,
        background: int,
        near: float = 0.25,
        rule: Rule = USUAL,
        clip_dropout: float = 0.0,
        noun_dropout: float = 0.0,
        regions: bool = True,
    ) -> None:
        """``windows`` gives a video's candidates by its length in seconds; ``near`` is the
        share of the background drawn among candidates that overlap the truth; without
        ``regions``, regions are not read. The other arguments are those of
        ``TrainingConfig``."""
        self._split = split
        self._rate_hz, self._context_s = rate_hz, context_s
        self._queries, self._per_video = queries, queries_per_video
        self._still_queries = still_queries
        self._negatives, self._background, self._near = negatives, background, near
        self._clip_dropout, self._noun_dropout = clip_dropout, noun_dropout
        self._regions = regions
        self._windows = {
            name: windows(info.duration_s) for name, info in split.infos.items()
        }
        self._video_means: dict[str, Float[np.ndarray, " d"]] = {}
        self._truths = [as_array(query.truth or ()) for query in split.queries]
        self._matches = {
            number: matched
            for number, query in enumerate(split.queries)
            if (
                matched := matches(
                    self._windows[query.video_id], self._truths[number], rule
                )
            ).matching.any()
        }
        self._by_video = {
            video_id: usable
            for video_id, numbers in split.by_video.items()
            if (usable := [n for n in numbers if n in self._matches])
        }

    @property
    def usable(self) -> int:
        """Number of queries with a matching candidate."""
        return len(self._matches)

    @property
    def missed_s(self) -> tuple[float, ...]:
        """Lengths in seconds of the moments that no candidate matches."""
        return tuple(
            end - start
            for number, truth in enumerate(self._truths)
            if number not in self._matches
            for start, end in truth.tolist()
        )

    def draw(self, *seed: int) -> TrainingBatch:
        rng = np.random.default_rng(seed)
        chosen = self._choose(rng, self._queries, self._per_video)
        own = [_one(rng, self._matches[n].matching) for n in chosen]
        drawn: dict[str, list[int]] = {}
        for number, window in zip(chosen, own, strict=True):
            windows = drawn.setdefault(self._split.queries[number].video_id, [])
            windows.extend([window, *self._others(number, rng)])
        shots, videos, numbers = [], [], []
        for video_id, windows in drawn.items():
            for shot, rows in self._shots(video_id, sorted(set(windows))):
                shots.append(shot)
                videos += [video_id] * len(rows)
                numbers += rows
        own_videos = [self._split.queries[n].video_id for n in chosen]
        place = {key: i for i, key in enumerate(zip(videos, numbers, strict=True))}
        matching = [place[key] for key in zip(own_videos, own, strict=True)]
        pairs = self._pairs(rng, chosen, matching, videos, numbers)
        is_match = pairs[:, 1] == np.array(matching)[pairs[:, 0]]
        offsets_s = np.zeros((len(pairs), 2), np.float32)
        offsets_s[is_match] = [
            self._matches[number].offsets_s[window]
            for number, window in zip(chosen, own, strict=True)
        ]
        query_features = [self._split.query_features[n] for n in chosen]
        batch = collate(shots, query_features, pairs)
        clips = torch.from_numpy(rng.random(len(chosen)) >= self._clip_dropout)
        left_out = _some_runs(rng, batch.noun_mask.numpy(), self._noun_dropout)
        weighed = batch.word_mask & ~torch.from_numpy(left_out)
        return TrainingBatch(
            replace(batch, clip_mask=clips, weighed_mask=weighed),
            torch.from_numpy(is_match),
            torch.from_numpy(offsets_s),
            torch.from_numpy(
                np.array(own_videos)[pairs[:, 0]] != np.array(videos)[pairs[:, 1]]
            ),
        )

    def draw_still(self, *seed: int) -> TrainingBatch:
        """A single-frame batch: queries of different videos, each paired with one frame of
        every query's match, its own first.

        Clips are masked and offsets are 0, so that only the queried objects are learned.
        """
        rng = np.random.default_rng(seed)
        chosen = self._choose(rng, self._still_queries, 1)
        shots = []
        for number in chosen:
            video_id = self._split.queries[number].video_id
            window = _one(rng, self._matches[number].matching)
            match = self._candidates(video_id, [window])
            frame = match.first + rng.integers(match.count)
            one = replace(match, first=frame, count=np.ones_like(frame))
            shots.append(self._shot(self._split.videos[video_id], one))
        query_features = [self._split.query_features[n] for n in chosen]
        row, others = np.indices((len(chosen), len(chosen))).reshape(2, -1)
        pairs = np.stack([row, (row + others) % len(chosen)], axis=1)
        batch = collate(shots, query_features, pairs)
        matching = batch.pairs[:, 0] == batch.pairs[:, 1]
        return TrainingBatch(
            replace(batch, clip_mask=torch.zeros(len(chosen), dtype=torch.bool)),
            matching,
            torch.zeros(len(batch.pairs), 2),
            ~matching,
        )

    def _choose(
        self, rng: np.random.Generator, queries: int, per_video: int
    ) -> list[int]:
        """Queries with distinct truths: up to ``per_video`` of each video, or of all videos."""
        if not per_video:
            return self._choose_alike(rng, queries)
        chosen: list[int] = []
        names = list(self._by_video)
        for i in rng.permutation(len(names)):
            truths: set[tuple[Span, ...] | None] = set()
            for number in rng.permutation(self._by_video[names[i]]).tolist():
                truth = self._split.queries[number].truth
                if len(truths) < per_video and truth not in truths:
                    truths.add(truth)
                    chosen.append(number)
            if len(chosen) >= queries:
                break
        return chosen[:queries]

    def _choose_alike(self, rng: np.random.Generator, queries: int) -> list[int]:
        chosen: dict[tuple[str, tuple[Span, ...] | None], int] = {}
        for number in rng.permutation(list(self._matches)).tolist():
            query = self._split.queries[number]
            chosen.setdefault((query.video_id, query.truth), number)
            if len(chosen) == queries:
                break
        return [*chosen.values()]

    def _others(self, number: int, rng: np.random.Generator) -> list[int]:
        matched = self._matches[number]
        drawn: list[int] = []
        for _ in range(self._background if matched.other.any() else 0):
            near = matched.near.any() and rng.random() < self._near
            drawn.append(_one(rng, matched.near if near else matched.other))
        return drawn

    def _shots(self, video_id: str, rows: list[int]) -> list[tuple[Shot, list[int]]]:
        """Shots of windows that are close together, with the windows' indices."""
        features = self._split.videos[video_id]
        candidates = self._candidates(video_id, rows)
        groups: list[list[int]] = []
        reached = 0
        for i in np.argsort(candidates.first, kind="stable").tolist():
            first, count = candidates.first[i], candidates.count[i]
            if groups and first <= reached + GAP:
                groups[-1].append(i)
            else:
                groups.append([i])
            reached = max(reached, first + count)
        return [
            (self._shot(features, candidates[group]), [rows[i] for i in group])
            for group in groups
        ]

    def _shot(self, features: VideoFeatures, candidates: Candidates) -> Shot:
        return shot_of(features, candidates, regions=self._regions)

    def _candidates(self, video_id: str, rows: list[int]) -> Candidates:
        features = self._split.videos[video_id]
        if video_id not in self._video_means:
            self._video_means[video_id] = mean_frame(features)
        return candidates_of(
            features,
            self._windows[video_id][rows],
            rate_hz=self._rate_hz,
            context_s=self._context_s,
            video_mean=self._video_means[video_id],
        )

    def _pairs(
        self,
        rng: np.random.Generator,
        chosen: list[int],
        matching: list[int],
        videos: list[str],
        windows_of: list[int],
    ) -> Int[np.ndarray, "p 2"]:
        """Pairs of each query with its match, with the negatives of its video, and with the
        matches of queries of other videos."""
        pairs: list[tuple[int, int]] = []
        for row, number in enumerate(chosen):
            video_id = self._split.queries[number].video_id
            others = self._matches[number].other
            pairs.append((row, matching[row]))
            pairs += [
                (row, i)
                for i, (name, window) in enumerate(zip(videos, windows_of, strict=True))
                if name == video_id and others[window]
            ]
            away = [i for i in dict.fromkeys(matching) if videos[i] != video_id]
            if self._negatives is not None and self._negatives < len(away):
                away = rng.choice(away, self._negatives, replace=False).tolist()
            pairs += [(row, i) for i in away]
        return np.array(pairs, np.int64)


def _one(rng: np.random.Generator, mask: Bool[np.ndarray, " c"]) -> int:
    """A random index of True."""
    return int(rng.choice(np.flatnonzero(mask)))


def _some_runs(
    rng: np.random.Generator, mask: Bool[np.ndarray, "b w"], share: float
) -> Bool[np.ndarray, "b w"]:
    """Keeps a random share of the runs of True along the second axis."""
    begins = mask.copy()
    begins[:, 1:] &= ~mask[:, :-1]
    number = begins.cumsum(axis=1)
    chosen = rng.random((len(mask), mask.shape[1] + 1)) < share
    return mask & np.take_along_axis(chosen, number, axis=1)


class VideoSampler:
    """Draws batches for video models, of queries with annotated spans or annotated as not in
    their video; determined by the seed."""

    def __init__(
        self,
        split: Split,
        cut: Cut,
        *,
        queries: int,
        queries_per_video: int,
        absent: float = 0.0,
        regions: bool = False,
    ) -> None:
        """``absent`` is the share of a batch's queries that are replaced by ones that their
        video does not show."""
        self._split = split
        self._queries, self._per_video = queries, queries_per_video
        self._absent = absent
        self._absent_queries = AbsentQueries(split.queries) if absent else None
        self._annotated = {
            video_id: annotated
            for video_id, numbers in split.by_video.items()
            if (annotated := [n for n in numbers if split.queries[n].truth is not None])
        }
        self._clips = {
            name: ClipFeatures.of(
                video, split.infos[name].duration_s, cut, regions=regions
            )
            for name, video in split.videos.items()
        }

    @property
    def usable(self) -> int:
        """Number of queries with a true span."""
        return sum(bool(query.truth) for query in self._split.queries)

    @property
    def lacks_absent(self) -> bool:
        """Whether absent queries are to be drawn and no video has one."""
        drawn = self._absent_queries
        return drawn is not None and not any(len(drawn.of(v)) for v in self._annotated)

    def draw(self, *seed: int) -> TrainingVideoBatch:
        """A batch without repeated queries, but for absent ones; queries of a video share its
        clips."""
        rng = np.random.default_rng(seed)
        chosen = self._choose(rng)
        asked = [self._split.queries[number] for number in chosen]
        truths = [query.truth or () for query in asked]
        for row, number in self._instead(rng, asked):
            chosen[row], truths[row] = number, ()
        truth, mask = padded([as_array(spans) for spans in truths])
        names = list(dict.fromkeys(query.video_id for query in asked))
        batch = videos(
            [self._clips[name] for name in names],
            [names.index(query.video_id) for query in asked],
            [self._split.query_features[number] for number in chosen],
        )
        return TrainingVideoBatch(batch, truth.float(), mask)

    def _instead(
        self, rng: np.random.Generator, asked: Sequence[Query]
    ) -> Iterator[tuple[int, int]]:
        """Rows of the batch, and the absent query to ask there."""
        if self._absent_queries is None:
            return
        # A batch without any moment would teach nothing of where they are.
        count = min(int(self._absent * len(asked) + rng.random()), len(asked) - 1)
        for row in rng.permutation(len(asked))[:count].tolist():
            for number in self._absent_queries.draw(rng, asked[row].video_id):
                yield row, number

    def _choose(self, rng: np.random.Generator) -> list[int]:
        chosen: list[int] = []
        if not self._per_video:
            every = [n for numbers in self._annotated.values() for n in numbers]
            chosen = rng.permutation(every)[: self._queries].tolist()
            return chosen
        names = list(self._annotated)
        for i in rng.permutation(len(names)):
            numbers = rng.permutation(self._annotated[names[i]])
            chosen += numbers[: self._per_video].tolist()
            if len(chosen) >= self._queries:
                break
        return chosen[: self._queries]
