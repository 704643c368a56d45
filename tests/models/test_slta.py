"""The model against the paper's words, and the ways in which the release went wrong."""

from dataclasses import fields, replace
from typing import Any

import pytest
import torch

from slta.batches.candidate_batch import Batch
from slta.models.base import Sizes, alignment_loss
from slta.models.parts.attention import GatedScores, Looks
from slta.models.slta import SLTA, SLTAConfig, SLTAScores
from tests.reference import slta as slow
from tests.support import batches
from tests.support.batches import ODD, asked, close, longer, noisy, training_batch
from tests.support.slta_models import SMALL, made

PARTS = ("spatial_attention", "interaction", "language_attention", "context", "boxes")


def changed(**parts: Any) -> SLTAConfig:
    return replace(SMALL, **parts)


CONFIGS = {
    "full": SMALL,
    **{f"no {part}": changed(**{part: False}) for part in PARTS},
    "none": changed(**dict.fromkeys(PARTS, False)),
    "summed nouns": changed(nouns="sum"),
    "one object": changed(objects=1),
    "two objects": changed(objects=2),
    "two objects of summed nouns": changed(objects=2, nouns="sum"),
    "two objects alone": changed(
        objects=2, language_attention=False, interaction=False
    ),
}


@pytest.mark.parametrize("sizes", ODD.values(), ids=ODD)
@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_agrees_with_the_paper_spelled_out(
    config: SLTAConfig, sizes: dict[str, int]
) -> None:
    model, batch = made(config), asked(**sizes)
    with torch.no_grad():
        scores = model(batch)
    for row, (query, candidate) in enumerate(batch.pairs.tolist()):
        if row % 7:
            continue
        expected = slow.answer(model, batch, query, candidate)
        close(scores.relevance[row], expected.relevance)
        close(scores.offsets_s[row], expected.offsets_s)
        words = int(batch.word_mask[query].sum())
        close(scores.word_weights[row, :words], expected.word_weights)
        assert not scores.word_weights[row, words:].any()


def looked(
    scores: SLTAScores, batch: Batch, query: int, candidate: int
) -> torch.Tensor:
    """The region weights of a query over the frames of a candidate."""
    video = int(batch.candidate_video[candidate])
    first, count = (
        int(batch.candidate_first[candidate]),
        int(batch.candidate_count[candidate]),
    )
    for (q, v, low, _), start in zip(
        scores.looks.pairs.tolist(), scores.looks.starts.tolist(), strict=True
    ):
        if (q, v) == (query, video):
            return scores.region_weights[start + first - low :][:count]
    raise AssertionError("the pair is not looked at")


def test_region_weights_are_those_of_the_paper_and_sum_to_one_over_a_frame() -> None:
    model, batch = made(), asked()
    with torch.no_grad():
        scores = model(batch)
    for query, candidate in batch.pairs.tolist():
        found = looked(scores, batch, query, candidate)
        video, first = (
            batch.candidate_video[candidate],
            batch.candidate_first[candidate],
        )
        mask = batch.region_mask[video, first : first + len(found)]
        expected = slow.answer(model, batch, query, candidate).region_weights
        for frame, real, weights in zip(found, mask, expected, strict=True):
            close(frame[real], weights)
        close(found.sum(dim=1), torch.ones(len(found)))


def test_region_weights_change_with_the_query() -> None:
    batch = asked(queries=2, candidates=1, videos=1)
    batch.noun_mask[:, 0] = True
    with torch.no_grad():
        scores = made()(batch)
    here, there = looked(scores, batch, 0, 0), looked(scores, batch, 1, 0)
    assert (here - there).abs().max() > 1e-3


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        ({"objects": -1}, r"model.objects must be at least 0, got -1"),
        (
            {"objects": 2, "spatial_attention": False},
            r"model.objects is 2, which needs model.spatial_attention: enable",
        ),
    ],
)
def test_objects_are_looked_for_by_the_spatial_attention(
    parts: dict[str, Any], told: str
) -> None:
    with pytest.raises(ValueError, match=told):
        changed(**parts)


def test_word_weights_change_with_the_moment() -> None:
    batch = asked(queries=1, candidates=2)
    with torch.no_grad():
        weights = made()(batch).word_weights
    assert (weights[0] - weights[1]).abs().max() > 1e-3


def test_words_are_weighed_by_what_is_before_and_after_too() -> None:
    batch = asked(queries=1, candidates=1)
    other = replace(batch, clips=batch.clips.clone())
    other.clips[:, 0] += 10
    with torch.no_grad():
        here, there = made()(batch).word_weights, made()(other).word_weights
    assert (here - there).abs().max() > 1e-4


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_every_parameter_learns(config: SLTAConfig) -> None:
    model, batch = made(config).train(), asked()
    given = training_batch(batch, torch.ones(len(batch.pairs), 2))
    model.loss(model(batch), given).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_mixed_precision_changes_little(config: SLTAConfig) -> None:
    model, batch = made(config), asked()
    given = training_batch(batch, torch.ones(len(batch.pairs), 2))
    found = []
    for mixed in (False, True):
        model.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=mixed):
            scores = model(batch)
            loss = model.loss(scores, given)
        loss.backward()
        grads = [each.grad for each in model.parameters() if each.grad is not None]
        flat = torch.cat([each.flatten() for each in grads])
        found.append((scores.relevance.float(), loss.item(), flat))
    (relevance, usual_loss, grad), (others, other_loss, other_grad) = found
    assert torch.allclose(relevance, others, atol=0.05)
    assert other_loss == pytest.approx(usual_loss, abs=0.01)
    assert torch.cosine_similarity(grad, other_grad, dim=0) > 0.99


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_padding_never_matters(config: SLTAConfig) -> None:
    model, batch = made(config), asked()
    with torch.no_grad():
        expected = model(batch)
        for padded in (noisy(batch), longer(batch)):
            found = model(padded)
            close(found.relevance, expected.relevance)
            close(found.offsets_s, expected.offsets_s)


def test_a_pair_scores_the_same_alone_as_among_all_others() -> None:
    """Training scores some pairs of a batch, search all pairs of one video."""
    model, batch = made(), asked(queries=4, candidates=6)
    with torch.no_grad():
        together = model(batch).relevance
        alone = [
            model(replace(batch, pairs=pair[None])).relevance for pair in batch.pairs
        ]
    close(torch.cat(alone), together)


def test_the_object_of_a_pair_is_seen_in_its_own_candidate() -> None:
    """The release scored pair (i, j) with the regions of candidate i."""
    batch = asked(queries=2, candidates=2, videos=2)
    batch.candidate_video[:] = torch.tensor([0, 1])
    batch.candidate_first[:] = 0
    other = replace(batch, regions=batch.regions.clone())
    other.regions[0] += 1
    with torch.no_grad():
        before = made()(batch).relevance.view(2, 2)
        after = made()(other).relevance.view(2, 2)
    assert ((before - after).abs()[:, 0] > 1e-4).all()
    close(before[:, 1], after[:, 1])


def test_the_loss_is_that_of_the_paper() -> None:
    model, batch = made(), asked(queries=4, candidates=4)
    with torch.no_grad():
        scores = model(batch)
        truth_s = torch.randn(4, 2)
        given = training_batch(batch, truth_s[batch.pairs[:, 0]])
        found = model.loss(scores, given)
        expected = slow.loss(
            model,
            scores.relevance.view(4, 4),
            scores.offsets_s[given.matching],
            truth_s,
        )
    close(found, expected)


def test_the_grounding_contrasts_what_is_found_with_other_videos() -> None:
    """Query 2 and candidate 2 are of the video of query 1 and candidate 1."""
    config = replace(SMALL, grounding_weight=1.0)
    model, batch = made(config), asked(queries=3, candidates=3)
    video = torch.tensor([0, 1, 1])
    query, candidate = batch.pairs.T
    given = replace(training_batch(batch), elsewhere=video[query] != video[candidate])
    scores = model(batch)
    presence = scores.presence.view(3, 3)
    expected = torch.zeros(())
    for i in range(3):
        there = [j for j in range(3) if video[j] != video[i] or j == i]
        expected = expected - presence[i, there].log_softmax(0)[there.index(i)] / 3
        expected = expected - presence[there, i].log_softmax(0)[there.index(i)] / 3
    without = replace(config, grounding_weight=0.0)
    close(model.loss(scores, given) - made(without).loss(scores, given), expected)
    (slope,) = torch.autograd.grad(expected, model.spatial.score.weight)
    assert slope.abs().sum() > 0


def test_presence_is_what_the_scores_of_the_regions_add_up_to() -> None:
    batch = asked(queries=2, candidates=2)
    with torch.no_grad():
        model = made()
        whole = model(batch).presence
        for number, (query, candidate) in enumerate(batch.pairs.tolist()):
            close(whole[number], slow.presence(model, batch, query, candidate))


def test_drawn_negatives_count_together_as_much_as_all_of_them() -> None:
    batch = asked(queries=3, candidates=3)
    some = torch.tensor([0, 1, 4, 5, 8, 6])
    relevance = torch.full((9,), 0.7)
    everything = alignment_loss(relevance, training_batch(batch))
    drawn = alignment_loss(
        relevance[some], training_batch(replace(batch, pairs=batch.pairs[some]))
    )
    close(drawn, everything)


def test_gated_scores_have_the_gradients_of_what_they_say() -> None:
    torch.manual_seed(0)
    a, c = (torch.randn(2, 5, 3, 7, requires_grad=True) for _ in "ac")
    b, d = (torch.randn(4, 7, requires_grad=True) for _ in "bd")
    w = torch.randn(7, requires_grad=True)
    looks = Looks.of(torch.tensor([[0, 0, 0, 5], [1, 1, 2, 4], [3, 0, 1, 5]]))
    expected = torch.cat(
        [
            (torch.tanh(a[v] + b[q]) * torch.sigmoid(c[v] + d[q]))[first:end] @ w
            for q, v, first, end in looks.pairs.tolist()
        ]
    )
    found = GatedScores.apply(a, c, b, d, w, looks)  # type: ignore[no-untyped-call]
    close(found, expected)
    back = torch.randn_like(expected)
    for one, other in zip(
        torch.autograd.grad(found, (a, c, b, d, w), back),
        torch.autograd.grad(expected, (a, c, b, d, w), back),
        strict=True,
    ):
        close(one, other)


@pytest.mark.parametrize(
    ("field", "value"),
    [("attention_size", 0), ("dropout", 1.0), ("offset_weight", -1.0)],
)
def test_a_value_out_of_range_is_named(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"model.{field}.*{value}"):
        replace(SMALL, **{field: value})  # type: ignore[arg-type]


def test_the_sizes_default_to_the_papers() -> None:
    sizes = {f.name: f.default for f in fields(SLTAConfig) if f.name.endswith("_size")}
    assert sizes == {
        "attention_size": 512,
        "interaction_size": 512,
        "word_size": 1000,
        "language_size": 1024,
        "fusion_size": 1000,
    }


def test_the_papers_sizes_agree_with_the_paper_spelled_out_and_learn() -> None:
    sizes = Sizes(region=2048, frame=4096, word=300, sentence=300)
    model = batches.made(SLTAConfig(), sizes=sizes)
    assert isinstance(model, SLTA)
    counts = {"videos": 1, "frames": 64, "regions": 36, "words": 12}
    batch = asked(0, sizes, queries=2, candidates=2, **counts)
    scores = model(batch)
    model.loss(scores, training_batch(batch)).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), name
    row = int(batch.candidate_count[batch.pairs[:, 1]].argmin())
    query, candidate = batch.pairs[row].tolist()
    with torch.no_grad():
        expected = slow.answer(model, batch, query, candidate)
    close(scores.relevance[row], expected.relevance)


def test_numbers_are_left_out_alike_along_a_stretch_and_in_training_only() -> None:
    model = made(changed(feature_dropout=0.25)).train()
    torch.manual_seed(0)
    rows = torch.ones(50, 7, 40)
    thinned = model._feature_dropout(rows)
    assert torch.equal(thinned, thinned[:, :1].expand_as(rows))
    left_out = thinned[:, 0] == 0
    assert left_out.float().mean() == pytest.approx(0.25, abs=0.03)
    close(
        thinned[:, 0][~left_out], torch.tensor(1 / 0.75).expand(int((~left_out).sum()))
    )
    owners = torch.tensor([0, 0, 1])
    one, same, other = model._feature_dropout(rows[:3], owners)
    assert torch.equal(one, same) and not torch.equal(one, other)
    assert torch.equal(model.eval()._feature_dropout(rows), rows)
