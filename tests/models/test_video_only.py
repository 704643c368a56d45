"""What the clips alone tell."""

from dataclasses import replace

import pytest
import torch

from slta.models.blind import VideoOnly
from tests.reference import video_only as slow
from tests.support.batches import ODD, asked, close, made
from tests.support.candidate_models import SMALL


def video_only() -> VideoOnly:
    model = made(SMALL["video_only"])
    assert isinstance(model, VideoOnly)
    return model


@pytest.mark.parametrize("sizes", ODD.values(), ids=ODD)
def test_agrees_with_the_equation_spelled_out(sizes: dict[str, int]) -> None:
    model, batch = video_only(), asked(**sizes)
    with torch.no_grad():
        scores = model(batch)
    for row, (_, candidate) in enumerate(batch.pairs.tolist()[:20]):
        relevance, *offsets_s = slow.answer(model, batch, candidate)
        close(scores.relevance[row], relevance)
        close(scores.offsets_s[row], torch.stack(offsets_s))


def test_not_a_word_is_read() -> None:
    batch = asked()
    unread = replace(
        batch,
        words=torch.full_like(batch.words, torch.nan),
        sentences=torch.full_like(batch.sentences, torch.nan),
        word_mask=torch.zeros_like(batch.word_mask),
        noun_mask=torch.zeros_like(batch.noun_mask),
    )
    with torch.no_grad():
        found, expected = video_only()(unread), video_only()(batch)
    close(found.relevance, expected.relevance)
    close(found.offsets_s, expected.offsets_s)
