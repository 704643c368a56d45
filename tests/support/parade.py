"""A world where a moment is to be found in videos that were not trained with: one thing
after another comes by, and a query names one of them."""

import numpy as np

from slta.datasets.split import Split
from slta.features.base import QueryFeatures, VideoFeatures
from slta.moments import Query, Span, VideoInfo

THINGS, IN_A_VIDEO = 6, 4
FRAME, WORD = 16, 12
RATE_HZ = 2.0
NOISE = 0.3
"""Of a number of a frame; a thing's own differ by 1."""


def parade(videos: int, *, seed: int) -> Split:
    """A thing stays for 2 to 5 s, and comes once a video at most. Things and words are
    the same whatever the seed."""
    always = np.random.default_rng(0)
    looks = always.normal(size=(THINGS, FRAME))
    names = always.normal(size=(THINGS, WORD)).astype(np.float32)
    the = always.normal(size=WORD).astype(np.float32)
    rng = np.random.default_rng((1, seed))
    queries, asked, shown, infos = [], [], {}, {}
    for number in range(videos):
        video_id = f"{seed}_{number}"
        things = rng.permutation(THINGS)[:IN_A_VIDEO].tolist()
        frames = rng.integers(4, 11, IN_A_VIDEO)
        ends_s = np.cumsum(frames) / RATE_HZ
        rows = looks[np.repeat(things, frames)]
        rows = rows + NOISE * rng.normal(size=rows.shape)
        shown[video_id] = VideoFeatures(
            times_s=np.arange(len(rows)) / RATE_HZ,
            frames=rows.astype(np.float16),
            regions=np.zeros((len(rows), 1, 1), np.float16),
            boxes=np.zeros((len(rows), 1, 4), np.float32),
        )
        infos[video_id] = VideoInfo(video_id, float(ends_s[-1]), 64, 48)
        for i, (thing, end_s) in enumerate(zip(things, ends_s.tolist(), strict=True)):
            span = Span(end_s - frames[i] / RATE_HZ, end_s)
            queries.append(Query(f"{video_id}_{i}", video_id, f"the {thing}", (span,)))
            asked.append(
                QueryFeatures(
                    query=queries[-1].query,
                    words=("the", str(thing)),
                    word_vectors=np.stack([the, names[thing]]),
                    noun_mask=np.array([False, True]),
                    action=False,
                    phrases=(queries[-1].query,),
                    meanings=np.ones((1, 1), np.float32),
                    attainable=np.ones(1, np.float32),
                    appearances=None,
                )
            )
    return Split(tuple(queries), tuple(asked), shown, infos)
