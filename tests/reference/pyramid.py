"""SnAG and SLTA on a pyramid, a point and a clip at a time. It reads the weights of a model
and shares no code with it; of torch's parts it uses the transformer over words only."""

from math import exp, inf, log, sqrt, tanh
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import gelu

from slta.batches.video_batch import TrainingVideoBatch, VideoBatch
from slta.models.slta_pyramid import SLTAPyramid
from slta.models.snag import SnAG

Weights = dict[str, Tensor]
Level = list[Tensor]
"""A vector for each real point."""


def linear(weights: Weights, name: str, vector: Tensor) -> Tensor:
    product = weights[f"{name}.weight"] @ vector
    bias = weights.get(f"{name}.bias")
    return product if bias is None else product + bias


def norm(weights: Weights, name: str, vector: Tensor) -> Tensor:
    mean = vector.mean()
    spread = (vector - mean).square().mean().add(1e-5).sqrt()
    scaled = (vector - mean) / spread
    return scaled * weights[f"{name}.weight"] + weights[f"{name}.bias"]


def feedforward(weights: Weights, name: str, vector: Tensor) -> Tensor:
    return linear(weights, f"{name}.3", gelu(linear(weights, f"{name}.0", vector)))


def convolved(weights: Weights, name: str, level: Level, stride: int = 1) -> Level:
    """A convolution of three clips; with one weight a component if it is depthwise."""
    kernel, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
    found = []
    for centre in range(0, len(level), stride):
        total = bias.clone()
        for place in range(3):
            at = centre + place - 1
            if 0 <= at < len(level):
                one = kernel[:, :, place]
                depthwise = one.shape[1] == 1
                total = total + (
                    one[:, 0] * level[at] if depthwise else one @ level[at]
                )
        found.append(total)
    return found


def attended(
    weights: Weights, name: str, level: Level, heads: int, window: int, stride: int
) -> Level:
    """Eq. S2."""
    normed = [norm(weights, f"{name}.before", clip) for clip in level]
    rows = []
    for part in range(3):
        local = convolved(weights, f"{name}.local.{part}", normed, stride)
        rows.append(
            [
                linear(
                    weights,
                    f"{name}.project.{part}",
                    norm(weights, f"{name}.norms.{part}", clip),
                )
                for clip in local
            ]
        )
    if stride == 2:
        level = [
            torch.stack(level[at : at + 2]).amax(dim=0)
            for at in range(0, len(level), 2)
        ]
    found = []
    for at, clip in enumerate(level):
        near = [i for i in range(len(level)) if abs(i - at) <= window]
        output = mixed(
            rows[0][at], [rows[1][i] for i in near], [rows[2][i] for i in near], heads
        )
        output = linear(weights, f"{name}.output", output)
        clip = clip + weights[f"{name}.attention_scale"] * output
        seen = feedforward(
            weights, f"{name}.feedforward", norm(weights, f"{name}.after", clip)
        )
        found.append(clip + weights[f"{name}.feedforward_scale"] * seen)
    return found


def mixed(asked: Tensor, keys: Level, values: Level, heads: int) -> Tensor:
    """Attention of one vector, a head at a time."""
    size = len(asked) // heads
    parts = []
    for head in range(heads):
        here = slice(head * size, (head + 1) * size)
        scores = [float(asked[here] @ key[here]) / sqrt(size) for key in keys]
        highest = max(scores)
        shares = [exp(score - highest) for score in scores]
        weighed = [
            share / sum(shares) * value[here]
            for share, value in zip(shares, values, strict=True)
        ]
        parts.append(torch.stack(weighed).sum(dim=0))
    return torch.cat(parts)


def words_of(model: SnAG, batch: VideoBatch, row: int) -> Level:
    """The background word, then those of the sentence."""
    weights = dict(model.state_dict())
    size = model.config.size
    said = []
    for place in range(int(batch.word_mask[row].sum())):
        word = (batch.words[row, place] - weights["words.mean"]) / weights[
            "words.spread"
        ]
        angles = [place / 10_000 ** (i / size) for i in range(0, size, 2)]
        turned = torch.tensor(angles)
        at = torch.cat([turned.sin(), turned.cos()])
        said.append(linear(weights, "from_words.1", word) + 0.1 * at)
    read = model.read(torch.stack(said)[None])[0]
    return [weights["background"], *read]


def fused(
    weights: Weights, name: str, point: Tensor, words: Level, heads: int
) -> Tensor:
    """Eq. S3."""
    size = len(point)
    inner, bias = (
        weights[f"{name}.attention.in_proj_{part}"] for part in ("weight", "bias")
    )

    def projected(part: int, vector: Tensor) -> Tensor:
        here = slice(part * size, (part + 1) * size)
        return inner[here] @ vector + bias[here]

    asked = projected(0, norm(weights, f"{name}.before", point))
    keys, values = ([projected(part, word) for word in words] for part in (1, 2))
    read = linear(
        weights, f"{name}.attention.out_proj", mixed(asked, keys, values, heads)
    )
    point = linear(weights, f"{name}.scale", read) * point
    point = point + linear(weights, f"{name}.shift", read)
    after = norm(weights, f"{name}.after", point)
    return point + feedforward(weights, f"{name}.feedforward", after)


def head(weights: Weights, name: str, level: Level) -> Level:
    for part in range(2):
        rows = convolved(weights, f"{name}.convolutions.{part}", level)
        level = [
            norm(weights, f"{name}.norms.{part}", row).clamp(min=0) for row in rows
        ]
    return convolved(weights, f"{name}.output", level)


def levels_of(model: SnAG, batch: VideoBatch, row: int) -> list[Level]:
    weights, config = dict(model.state_dict()), model.config
    clips = [
        linear(weights, "from_clips.1", clip) for clip in clips_of(model, batch, row)
    ]
    level = [
        norm(weights, "stem_norm", clip).clamp(min=0)
        for clip in convolved(weights, "stem", clips)
    ]
    levels = []
    for number in range(config.levels + 1):
        shape = config.heads, config.window, 2 if number > 1 else 1
        level = attended(weights, f"levels.{number}", level, *shape)
        levels.append(level)
    return levels[1:]


def clips_of(model: SnAG, batch: VideoBatch, row: int) -> Level:
    weights, video = model.state_dict(), int(batch.video[row])
    shown = batch.clips[video, : int(batch.clip_mask[row].sum())]
    return [
        (clip - weights["frames.mean"]) / weights["frames.spread"] for clip in shown
    ]


class Answer(NamedTuple):
    """Of one point."""

    centre: float
    stride: int
    logit: float
    distances: tuple[float, float]


class Slow(NamedTuple):
    answers: list[Answer]
    existence: float | None


def answers(model: SnAG, batch: VideoBatch, row: int) -> Slow:
    """Every point's answer to a query, the finest level first."""
    weights, config = dict(model.state_dict()), model.config
    words = words_of(model, batch, row)
    levels = levels_of(model, batch, row)
    for number in range(config.fusion_layers):
        levels = [
            [fused(weights, f"fusions.{number}", p, words, config.heads) for p in level]
            for level in levels
        ]
    ours = model if isinstance(model, SLTAPyramid) else None
    if ours and ours.config.spatial_attention:
        levels = [
            [point + seen for point, seen in zip(level, objects, strict=True)]
            for level, objects in zip(levels, objects_of(ours, batch, row), strict=True)
        ]
    aligned = [[0.0] * len(level) for level in levels]
    if ours and ours.config.alignment:
        aligned = alignment(ours, batch, row)
    found = []
    for number, level in enumerate(levels):
        logits = head(weights, "relevance", level)
        far = head(weights, "distances", level)
        scale = float(weights["distance_scale"][number])
        for at, (logit, two) in enumerate(zip(logits, far, strict=True)):
            start, end = (log(1 + exp(scale * float(each))) for each in two)
            score = float(logit) + aligned[number][at]
            stride = 2**number
            found.append(Answer((at + 0.5) * stride, stride, score, (start, end)))
    existence = None
    if ours and ours.config.existence_weight:
        points = [point for level in levels for point in level]
        existence = exists(weights, points, found, [a for lev in aligned for a in lev])
    return Slow(found, existence)


def alignment(model: SLTAPyramid, batch: VideoBatch, row: int) -> list[list[float]]:
    """Eq. P1."""
    weights = dict(model.state_dict())
    read = batch.sentences[row] - weights["alignment.sentences.mean"]
    read = read / weights["alignment.sentences.spread"]
    said = linear(weights, "alignment.from_sentence.1", read)
    level = []
    for clip in clips_of(model, batch, row):
        shown = linear(weights, "alignment.from_clips.1", clip)
        lengths = shown.square().sum().sqrt() * said.square().sum().sqrt()
        level.append(float(weights["alignment.sharpness"] * shown @ said / lengths))
    levels = [level]
    for _ in range(model.config.levels - 1):
        padded = [*level, 0.0]
        level = [sum(padded[i : i + 2]) / 2 for i in range(0, len(level), 2)]
        levels.append(level)
    return levels


def objects_of(model: SLTAPyramid, batch: VideoBatch, row: int) -> list[Level]:
    """Eq. P2 and P3."""
    weights, video = dict(model.state_dict()), int(batch.video[row])
    nouns = torch.zeros_like(batch.words[row, 0])
    for word, is_noun in zip(batch.words[row], batch.noun_mask[row], strict=True):
        if is_noun:
            nouns += (word - weights["words.mean"]) / weights["words.spread"] / 10
    level = []
    for clip in range(int(batch.clip_mask[row].sum())):
        regions, scores = [], []
        for number, box in enumerate(batch.boxes[video, clip]):
            if not batch.region_mask[video, clip, number]:
                continue
            x0, y0, x1, y1 = box.tolist()
            place = torch.tensor([x0, y0, x1, y1, (x1 - x0) * (y1 - y0)])
            region = torch.cat([batch.regions[video, clip, number], place])
            region = (region - weights["regions.mean"]) / weights["regions.spread"]
            content = linear(weights, "spatial.region_content", region)
            content = content + linear(weights, "spatial.noun_content", nouns)
            gate = linear(weights, "spatial.region_gate", region)
            gate = gate + linear(weights, "spatial.noun_gate", nouns)
            hidden = torch.tensor(
                [tanh(c) / (1 + exp(-g)) for c, g in zip(content, gate, strict=True)]
            )
            regions.append(region)
            scores.append(float(linear(weights, "spatial.score", hidden)))
        highest = max(scores)
        shares = [exp(score - highest) for score in scores]
        attended = sum(
            share / sum(shares) * region
            for share, region in zip(shares, regions, strict=True)
        )
        assert isinstance(attended, Tensor)
        level.append(linear(weights, "from_object", attended))
    levels = []
    for number in range(model.config.levels):
        rows = convolved(weights, f"object_levels.{number}", level, 2 if number else 1)
        level = [
            norm(weights, f"object_norms.{number}", row).clamp(min=0) for row in rows
        ]
        levels.append(level)
    return levels


def exists(
    weights: Weights, points: Level, found: list[Answer], aligned: list[float]
) -> float:
    """Eq. P4."""
    highest = max(each.logit for each in found)
    shares = [exp(each.logit - highest) for each in found]
    best = sum(
        share / sum(shares) * point for share, point in zip(shares, points, strict=True)
    )
    assert isinstance(best, Tensor)
    mean = torch.stack(points).mean(dim=0)
    last = torch.tensor([highest, max(aligned)])
    return float(linear(weights, "exists", torch.cat([best, mean, last])))


def loss(model: SnAG, targets: TrainingVideoBatch) -> float:
    """Eq. S4 to S6, and P5."""
    batch, total, positives, sure = targets.batch, 0.0, 0, 0.0
    alone, shown = 0.0, 0
    ours = model if isinstance(model, SLTAPyramid) else None
    for row in range(len(batch.words)):
        slow = answers(model, batch, row)
        clips = int(batch.clip_mask[row].sum())
        clip_s = float(batch.duration_s[row]) / clips
        spans = [
            (float(start) / clip_s, float(end) / clip_s)
            for start, end in targets.truth_s[row][targets.truth_mask[row]]
        ]
        for answer in slow.answers:
            true = target(answer, spans, model.config.levels)
            total += focal(answer.logit, true is not None)
            if true:
                positives += 1
                at, (a, b) = answer.centre / answer.stride, answer.distances
                total += 1 - diou(
                    (at - a, at + b), tuple(end / answer.stride for end in true)
                )
        if ours and ours.config.alignment:
            bias = float(model.state_dict()["alignment.bias"])
            for at, logit in enumerate(alignment(ours, batch, row)[0]):
                middles = [(start + end) / 2 for start, end in spans]
                here = any(start <= at + 0.5 < end for start, end in spans)
                here = here or any(at <= middle < at + 1 for middle in middles)
                alone += focal(logit + bias, here)
                shown += here
        if slow.existence is not None:
            signed = -slow.existence if spans else slow.existence
            sure += log(1 + exp(signed)) / len(batch.words)
    total /= max(1, positives)
    if ours:
        total += ours.config.alignment_weight * alone / max(1, shown)
        total += ours.config.existence_weight * sure
    return float(total)


def focal(logit: float, positive: bool) -> float:
    wanted = 0.95 if positive else 0.05
    p = 1 / (1 + exp(-logit))
    cross = -wanted * log(p) - (1 - wanted) * log(1 - p)
    return 0.5 * (1 - p if positive else p) ** 2 * cross


def target(
    answer: Answer, spans: list[tuple[float, float]], levels: int
) -> tuple[float, float] | None:
    """The shortest span for which a point answers."""
    level = int(log(answer.stride, 2))
    low = 0.0 if level == 0 else 3.0 * 2 ** (level - 1)
    high = inf if level == levels - 1 else 4.0 * 2**level
    mine = []
    for start, end in spans:
        left, right = answer.centre - start, end - answer.centre
        near = abs(answer.centre - (start + end) / 2) <= 1.5 * answer.stride
        if left > 0 and right > 0 and near and low <= max(left, right) < high:
            mine.append((start, end))
    return min(mine, key=lambda span: span[1] - span[0]) if mine else None


def diou(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    """Zheng et al., AAAI 2020."""
    shared = min(a[1], b[1]) - max(a[0], b[0])
    hull = max(a[1], b[1]) - min(a[0], b[0])
    union = (a[1] - a[0]) + (b[1] - b[0]) - shared
    apart = (a[0] + a[1] - b[0] - b[1]) / 2
    return shared / union - (apart / hull) ** 2
