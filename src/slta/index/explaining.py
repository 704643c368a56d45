"""Why a video of an index answers a query as it does."""

import numpy as np

from slta.errors import InputError
from slta.features.base import QueryFeatures
from slta.index import likeness
from slta.index.likeness import Sought
from slta.index.place import Place
from slta.index.records import Video, read_window
from slta.moments import VideoInfo
from slta.moments.segments import above_line
from slta.search import evidence
from slta.search.answers import Answer, Terms
from slta.search.compact import Compact
from slta.search.zero_shot import CLEAR, RATE_HZ, answer_of, moments_of

ALIKE = Terms(
    part="example",
    relevance="likeness",
    line="above it a frame belongs to a moment",
)


def explain(
    place: Place, video: Video, query: QueryFeatures | Sought, *, top: int
) -> Answer:
    """The answer of one video by itself, with the relevance of all its frames.

    Raises ``InputError`` for damaged features.
    """
    windows = tuple(read_window(place, video, part) for part in video.parts)
    compact = Compact(windows, video.scenes)
    info = VideoInfo(video.id, video.duration_s, video.width, video.height)
    if isinstance(query, Sought):
        answer = _alike(compact, query, info, top)
    else:
        background = compact.background
        found = evidence.relevance(compact, query, background, rate_hz=RATE_HZ)
        answer = answer_of(found, query, background, info, compact.boxes, top=top)
    if not np.isfinite(answer.relevance).all():
        raise InputError(
            f"{video.file} of the index {place} has values that are not finite; "
            "'slta index verify' repairs it"
        )
    return answer


def _alike(compact: Compact, sought: Sought, info: VideoInfo, top: int) -> Answer:
    curve = np.concatenate([sought.likeness(window) for window in compact.windows])
    height = above_line(curve, rate_hz=RATE_HZ)
    odds = likeness.log_odds(curve, compact.scenes)
    return Answer(
        query=sought.query,
        video=info,
        confidence=float(sought.known / (1 + np.exp(-odds))),
        clear_from=CLEAR,
        moments=tuple(moments_of(height, info.video_id, info.duration_s, top=top)),
        parts=(sought.query,),
        part_weights=np.ones(1),
        times_s=np.arange(len(curve)) / RATE_HZ,
        relevance=curve,
        line=float(curve[0] - height[0]),
        boxes=compact.boxes,
        region_weights=np.concatenate([sought.regions(w) for w in compact.windows]),
        terms=ALIKE,
    )
