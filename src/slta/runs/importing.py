"""Runs from the checkpoints of other programs: their weights under this program's names.

lighthouse (github.com/line/lighthouse) and the authors of Moment-DETR
(github.com/jayleicn/moment_detr) and QD-DETR (github.com/wjun0830/QD-DETR) save the weights
under ``model`` and their options under ``opt``. Nothing in a file is executed.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import layer_norm

from slta.errors import InputError
from slta.experiments import experiment
from slta.experiments.config import Experiment, FeaturesConfig, changed
from slta.extensions import unknown
from slta.features.extractors.weights import check
from slta.features.networks.tensors import load_checkpoint
from slta.models import build
from slta.models.base import Sizes
from slta.runs.run import About, Run

EXTRACTOR = "clip-frames"
"""What the weights were trained with; the files do not tell which CLIP it was."""
CLIP = f"{EXTRACTOR}:openai/clip-vit-base-patch32"
CLIP_ALONE = "clip"
"""lighthouse's name of CLIP's features."""
SLOWFAST = 2304
"""Numbers of SlowFast's features, more than of any CLIP's."""
PLACE = 2
"""Numbers for the place in time, which the programs append to a clip's features."""
DATA = {
    "activitynet": "activitynet_captions",
    "charades": "charades_sta",
    "hl": "qvhighlights",
    "qvhighlight": "qvhighlights",
    "qvhighlight_pretrain": "qvhighlights",
    "tacos": "tacos",
}
FALLBACK = "qvhighlights"
"""Data sets by the programs' names, and that of another name."""
FIXED = {
    "ctx_mode": "video_tef",
    "n_input_proj": 2,
    "position_embedding": "sine",
    "pre_norm": False,
    "span_loss_type": "l1",
    "use_txt_pos": False,
}
"""Options of which only this value can be imported; some files lack some."""
FIELDS = {
    "max_clips": "max_v_l",
    "size": "hidden_dim",
    "heads": "nheads",
    "feedforward_size": "dim_feedforward",
    "encoder_layers": "enc_layers",
    "decoder_layers": "dec_layers",
    "moment_queries": "num_queries",
    "dropout": "dropout",
    "input_dropout": "input_dropout",
    "l1_weight": "span_loss_coef",
    "iou_weight": "giou_loss_coef",
    "foreground_weight": "label_loss_coef",
    "background_share": "eos_coef",
    "saliency_weight": "lw_saliency",
    "margin": "saliency_margin",
}
"""Options by the fields of the models' configuration."""
Weights = dict[str, Float[Tensor, "..."]]


def _feedforward(theirs: str, ours: str, norm: str) -> dict[str, str]:
    return {
        rf"{theirs}\.linear1": rf"{ours}.feedforward.layers.0",
        rf"{theirs}\.activation": rf"{ours}.feedforward.layers.1",
        rf"{theirs}\.linear2": rf"{ours}.feedforward.layers.3",
        rf"{theirs}\.{norm}": rf"{ours}.feedforward.norm",
    }


def _mlp(theirs: str, ours: str) -> dict[str, str]:
    return {rf"{theirs}\.layers\.{i}": f"{ours}.{2 * i}" for i in range(3)}


def _projection(theirs: str, ours: str) -> dict[str, str]:
    return {
        rf"{theirs}\.{i}\.{part}": f"{ours}.{4 * i + at}"
        for i in range(2)
        for part, at in ((r"LayerNorm", 0), (r"net\.1", 2))
    }


ENCODER, DECODER = (
    rf"transformer\.{part}\.layers\.(\d+)" for part in ("encoder", "decoder")
)
UNUSED = "|".join(
    (
        r"txt_position_embed\.",
        r"contrastive_align_projection_",
        r"transformer\.decoder\.layers\.0\.(self_attn|sa_|norm1)",
        rf"{DECODER}\.[sc]a_k\w+_proj\.bias",
    )
)
"""Weights that do not affect the answers, or only through the first content."""
BOTH = {
    rf"{ENCODER}\.self_attn": r"encoder.\1.attend.attention",
    rf"{ENCODER}\.norm1": r"encoder.\1.attend.norm",
    **_feedforward(ENCODER, r"encoder.\1", "norm2"),
    **_projection("input_vid_proj", "from_clips"),
    **_projection("input_txt_proj", "from_words"),
}
MOMENT_DETR = {
    **BOTH,
    rf"{DECODER}\.self_attn": r"decoder.\1.among.attention",
    rf"{DECODER}\.norm1": r"decoder.\1.among.norm",
    rf"{DECODER}\.multihead_attn": r"decoder.\1.attend.attention",
    rf"{DECODER}\.norm2": r"decoder.\1.attend.norm",
    **_feedforward(DECODER, r"decoder.\1", "norm3"),
    r"transformer\.decoder\.norm": "norm",
    r"query_embed\.weight": "moment_queries",
    r"class_embed": "class_head",
    **_mlp("span_embed", "span"),
    r"saliency_proj\.weight": "saliency.weight",
    r"saliency_proj\.bias": "saliency_bias",
}
READING = r"transformer\.t2v_encoder\.layers\.(\d+)"
AROUND, AMONG = r"decoder.layers.\1.around", r"decoder.layers.\1.among"
QD_DETR = {
    **BOTH,
    r"global_rep_token": "token",
    r"global_rep_pos": "token_at",
    rf"{READING}\.self_attn": r"reading.\1.attention",
    rf"{READING}\.norm1": r"reading.\1.norm",
    **_feedforward(READING, r"reading.\1", "norm2"),
    rf"{DECODER}\.sa_qcontent_proj": f"{AMONG}.query",
    rf"{DECODER}\.sa_qpos_proj": f"{AMONG}.query_at",
    rf"{DECODER}\.sa_kcontent_proj": f"{AMONG}.key",
    rf"{DECODER}\.sa_kpos_proj": f"{AMONG}.key_at",
    rf"{DECODER}\.sa_v_proj": f"{AMONG}.value",
    rf"{DECODER}\.self_attn\.out_proj": f"{AMONG}.out",
    rf"{DECODER}\.norm1": f"{AMONG}.norm",
    rf"{DECODER}\.ca_qcontent_proj": f"{AROUND}.query",
    rf"{DECODER}\.ca_qpos_proj": f"{AROUND}.query_at",
    rf"{DECODER}\.ca_qpos_sine_proj": f"{AROUND}.place",
    rf"{DECODER}\.ca_kcontent_proj": f"{AROUND}.key",
    rf"{DECODER}\.ca_kpos_proj": f"{AROUND}.key_at",
    rf"{DECODER}\.ca_v_proj": f"{AROUND}.value",
    rf"{DECODER}\.cross_attn\.out_proj": f"{AROUND}.out",
    rf"{DECODER}\.norm2": f"{AROUND}.norm",
    **_feedforward(DECODER, r"decoder.layers.\1", "norm3"),
    r"transformer\.decoder\.norm": "decoder.norm",
    **_mlp(r"transformer\.decoder\.ref_point_head", "decoder.position"),
    **_mlp(r"transformer\.decoder\.query_scale", "decoder.stretch"),
    **_mlp(r"transformer\.decoder\.ref_anchor_head", "decoder.width"),
    **_mlp(r"transformer\.decoder\.bbox_embed", "decoder.move"),
    r"query_embed\.weight": "decoder.anchors",
    **_mlp("span_embed", "decoder.span"),
    r"class_embed": "decoder.class_head",
    r"saliency_proj1": "from_clip",
    r"saliency_proj2": "from_token",
}
FIRST = "transformer.decoder.layers.0."


def _moment_detr_start(weights: Weights) -> Float[Tensor, " h"]:
    return _start(weights, weights[f"{FIRST}self_attn.in_proj_bias"].chunk(3)[2])


def _qd_detr_start(weights: Weights) -> Float[Tensor, " h"]:
    return _start(weights, weights[f"{FIRST}sa_v_proj.bias"])


def _start(weights: Weights, value: Float[Tensor, " h"]) -> Float[Tensor, " h"]:
    """The result of the decoder's first self-attention, whose targets are zeros, so that
    all its values are the bias."""
    out, norm = f"{FIRST}self_attn.out_proj", f"{FIRST}norm1"
    attended = weights[f"{out}.weight"] @ value + weights[f"{out}.bias"]
    size = attended.shape
    return layer_norm(
        attended, size, weights[f"{norm}.weight"], weights[f"{norm}.bias"]
    )


class Network(NamedTuple):
    """How the programs name the weights of a model."""

    names: Mapping[str, str]
    """This program's beginnings of names, by theirs."""
    start: str
    """Name of the moment queries' first content."""
    first: Callable[[Weights], Float[Tensor, " h"]]
    """Computes that content."""


NETWORKS = {
    "moment_detr": Network(MOMENT_DETR, "start", _moment_detr_start),
    "qd_detr": Network(QD_DETR, "decoder.start", _qd_detr_start),
}
PROGRAMS: dict[str, Callable[[Mapping[str, Any]], Any]] = {
    "lighthouse": lambda options: options.get("model_name"),
    "moment_detr": lambda _: "moment_detr",
    "qd_detr": lambda _: "qd_detr",
}
"""Functions from the options in a file to its model, by program."""


def import_run(
    file: str | Path, program: str, folder: str | Path, extractor: str | None = None
) -> Run:
    """A run with the weights of another program's checkpoint.

    ``program`` is one of ``PROGRAMS``; ``extractor`` replaces the features' CLIP, such as
    ``"clip-frames:FOLDER"``.

    Raises ``InputError`` for a file of another kind, and for an existing folder.
    """
    file, folder = Path(file), Path(folder)
    if program not in PROGRAMS:
        remedy = f"known are {', '.join(PROGRAMS)}"
        raise InputError(unknown("program", program, PROGRAMS, remedy))
    if folder.exists():
        raise InputError(f"{folder} exists already; give a new folder for the run")
    arrays, rest = load_checkpoint(file, "model")
    options = rest.get("opt")
    if not isinstance(options, dict):
        raise InputError(f"{file} has no options (opt); give a checkpoint of {program}")
    name = PROGRAMS[program](options)
    if name not in NETWORKS:
        raise InputError(
            f"{file} holds the model {name!r}; only {' and '.join(NETWORKS)} can be "
            "imported"
        )
    # The arrays are read-only, which torch warns of.
    weights = {key: torch.tensor(array.copy()) for key, array in arrays.items()}
    sizes = _sizes(file, weights, options)
    configured = _experiment(file, name, options, extractor)
    model = build(configured.model, sizes)
    # Only training would standardise the features.
    kept = {k: v for k, v in model.state_dict().items() if re.match("frames|words", k)}
    shapes = {k: tuple(v.shape) for k, v in model.state_dict().items() if k not in kept}
    renamed = _renamed(file, weights, NETWORKS[name])
    check(file, renamed, shapes)
    model.load_state_dict({**kept, **renamed})
    run = Run.create(folder, file.stem, configured)
    run.save(model, About(EXTRACTOR, "", sizes, 0))
    with file.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").hexdigest()
    source = {"file": file.name, "sha256": digest, "program": program}
    run.write("provenance", {"imported": source, "seconds": 0.0})
    return run


def _sizes(file: Path, weights: Weights, options: Mapping[str, Any]) -> Sizes:
    """The sizes of the features. Raises ``InputError`` for those of other extractors."""
    norms = [f"input_{part}_proj.0.LayerNorm.weight" for part in ("vid", "txt")]
    if any(norm not in weights for norm in norms):
        raise InputError(
            f"{file} has no weights {' and '.join(norms)}; give a checkpoint of "
            f"{' or '.join(NETWORKS)}"
        )
    clip, word = (len(weights[norm]) for norm in norms)
    frame = clip - PLACE
    folders = options.get("v_feat_dirs") or []
    features = options.get("v_feat_types", CLIP_ALONE)
    if features != CLIP_ALONE or len(folders) > 1 or frame >= SLOWFAST:
        raise InputError(
            f"{file} was trained with frames of {frame} numbers, of {features} features in "
            f"{len(folders)} folders; give a checkpoint of CLIP's alone"
        )
    return Sizes(region=frame, frame=frame, word=word, sentence=frame)


def _experiment(
    file: Path, name: str, options: Mapping[str, Any], extractor: str | None
) -> Experiment:
    """The model on the data set that it was trained on."""
    for option, value in FIXED.items():
        if options.get(option, value) != value:
            raise InputError(
                f"{file} was trained with {option}={options[option]!r}; only {value!r} "
                "can be imported"
            )
    wanted = [*FIELDS.values(), "clip_length"]
    if missing := [option for option in wanted if option not in options]:
        raise InputError(
            f"{file} lacks the options {' '.join(missing)}; give another checkpoint"
        )
    clip_s = options["clip_length"]
    if type(clip_s) not in (int, float) or not 0 < clip_s < 1e3:
        raise InputError(f"{file} has the clip_length {clip_s!r}, not one in seconds")
    usual = experiment(name, DATA.get(str(options.get("dset_name")), FALLBACK))
    values = {field: options[option] for field, option in FIELDS.items()}
    try:
        config: Any = changed(usual.model, {**values, "windows": True}, "model.")
    except InputError as error:
        raise InputError(f"{file} cannot be imported: {error}") from error
    features = FeaturesConfig(extractor=extractor or CLIP, rate_hz=1 / clip_s)
    return replace(usual, model=config, features=features)


def _renamed(file: Path, weights: Weights, network: Network) -> Weights:
    """The weights with this program's names; those without effect are left out."""
    try:
        renamed = {network.start: network.first(weights)}
    except (KeyError, RuntimeError) as error:
        problem = " ".join(str(error).split())
        raise InputError(
            f"{file} lacks weights of the decoder ({problem}); give another checkpoint"
        ) from error
    for name, tensor in weights.items():
        if re.match(UNUSED, name):
            continue
        for theirs, ours in network.names.items():
            if found := re.match(rf"{theirs}(?=\.|$)", name):
                renamed[found.expand(ours) + name[found.end() :]] = tensor.float()
                break
        else:
            renamed[name] = tensor
    return renamed
