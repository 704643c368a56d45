"""Checkpoints of other programs, against the outputs of the program that made them."""

import json
import re
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from slta.batches.video_batch import VideoBatch
from slta.errors import InputError
from slta.features.networks.tensors import load_checkpoint
from slta.models.parts.detr import DETRAnswers
from slta.models.qd_detr import QDDETR
from slta.runs.importing import import_run
from slta.runs.run import Run
from slta.search import Searcher
from tests.support.commands import call
from tests.support.dual_encoders import save_clip
from tests.support.pickles import Runs
from tests.support.videos import film

Golden = Callable[[str], dict[str, Any]]
Content = tuple[dict[str, Tensor], dict[str, Any]]
FULL = ("moment_detr", "qd_detr")
WIDTHS = {"projection": 16, "words": 12}
"""Of the CLIP for the small checkpoint."""


def weights(golden: dict[str, Any]) -> dict[str, Tensor]:
    """The seeded numbers of which the outputs were made."""
    rng = np.random.default_rng(golden["seed"])
    found = {}
    for name, shape in golden["keys"]:
        numbers = rng.standard_normal(shape).astype(np.float32) * np.float32(0.1)
        found[name] = torch.from_numpy(
            numbers + 1 if re.search(golden["pattern"], name) else numbers
        )
    return found


@pytest.fixture
def golden(shared: Path) -> Golden:
    def of(name: str) -> dict[str, Any]:
        path = shared / "golden" / f"lighthouse_{name}_full.json"
        found: dict[str, Any] = json.loads(path.read_text())
        return found

    return of


@pytest.fixture
def small(shared: Path) -> Path:
    return shared / "golden" / "lighthouse_moment_detr.ckpt"


@pytest.fixture
def content(small: Path) -> Content:
    """Of the small checkpoint: its weights and its options."""
    arrays, rest = load_checkpoint(small, "model")
    tensors = {name: torch.tensor(array.copy()) for name, array in arrays.items()}
    return tensors, dict(rest["opt"])


def written(path: Path, model: Any, options: Any) -> Path:
    """As the programs save them, with an optimizer's state."""
    step = {"step": torch.tensor(3.0), "exp_avg": torch.zeros(2)}
    optimizer = {"state": {0: step}, "param_groups": [{"lr": 1e-4, "params": [0]}]}
    torch.save(
        {
            "model": model,
            "optimizer": optimizer,
            "lr_scheduler": {"last_epoch": 2, "base_lrs": [1e-4]},
            "epoch": 2,
            "opt": options,
        },
        path,
    )
    return path


def asked(arrays: Any) -> VideoBatch:
    given = {name: torch.from_numpy(arrays[name]) for name in arrays}
    count, clips = given["src_vid_mask"].shape
    return VideoBatch(
        clips=given["src_vid"][..., :-2],  # the place in time is the model's to add
        video=torch.arange(count),
        clip_mask=given["src_vid_mask"] > 0,
        duration_s=torch.ones(count),
        words=given["src_txt"],
        word_mask=given["src_txt_mask"] > 0,
        noun_mask=given["src_txt_mask"] > 0,
        sentences=torch.zeros(count, 1),
        regions=torch.zeros(count, clips, 0, 1),
        boxes=torch.zeros(count, clips, 0, 4),
        region_mask=torch.zeros(count, clips, 0) > 0,
    )


def answered(run: Run, arrays: Any) -> tuple[DETRAnswers, Tensor]:
    """The answers, and the logits of foreground and background of the last layer."""
    model: Any = run.load()[0]
    batch = asked(arrays)
    logits: list[Tensor] = []
    head = (model.decoder if isinstance(model, QDDETR) else model).class_head
    head.register_forward_hook(lambda _, __, out: logits.append(out))
    if isinstance(model, QDDETR):
        as_authors_mask(model, batch)
    with torch.no_grad():
        answers = model(batch)
    # One call a layer, or one for all layers.
    last = logits[-1]
    return answers, last[-1] if last.dim() == 4 else last


def as_authors_mask(model: QDDETR, batch: VideoBatch) -> None:
    """In the authors' code, the mask of a head is that of another query of the batch,
    where both a clip and a word are padding."""
    padding = ~batch.clip_mask[:, :, None] & ~batch.word_mask[:, None]
    mask = padding.repeat(model.config.heads, 1, 1)
    layers: Any = model.reading
    for layer in layers:
        layer.attention.register_forward_pre_hook(
            lambda _, positional, named: (positional, {**named, "attn_mask": mask}),
            with_kwargs=True,
        )


def agree(run: Run, arrays: Any) -> None:
    answers, logits = answered(run, arrays)
    mask = arrays["src_vid_mask"] > 0
    for found, expected in (
        (logits, arrays["pred_logits"]),
        (answers.layer_spans[-1], arrays["pred_spans"]),
        (answers.saliency[mask], arrays["saliency_scores"][mask]),
    ):
        np.testing.assert_allclose(found.numpy(), expected, atol=1e-5, rtol=1e-5)


def test_the_small_checkpoint_answers_as_in_lighthouse(
    shared: Path, small: Path, tmp_path: Path
) -> None:
    run = import_run(small, "lighthouse", tmp_path / "run")
    agree(run, np.load(small.with_name("lighthouse_moment_detr_io.npz")))
    assert run.experiment.features.rate_hz == 0.5
    assert run.read("provenance")["imported"]["file"] == small.name


@pytest.mark.parametrize("name", FULL)
@pytest.mark.parametrize("whose", ["lighthouse", "the authors"])
def test_checkpoints_of_the_usual_sizes_answer_as_in_lighthouse(
    golden: Golden, shared: Path, tmp_path: Path, name: str, whose: str
) -> None:
    """The authors' programs, of the same networks, save an argparse.Namespace, and the
    device."""
    known = golden(name)
    options, program = known["opt"], "lighthouse"
    if whose == "the authors":
        del options["model_name"]
        options = Namespace(**{**options, "device": torch.device("cuda", 0)})
        program = name
    file = written(tmp_path / "best.ckpt", weights(known), options)
    run = import_run(file, program, tmp_path / "run")
    agree(run, np.load(shared / "golden" / f"lighthouse_{name}_full.npz"))


def test_a_query_of_qd_detr_does_not_depend_on_others(
    golden: Golden, shared: Path, tmp_path: Path
) -> None:
    """The last query has the most padding, and its own mask in every head."""
    file = written(
        tmp_path / "best.ckpt", weights(golden("qd_detr")), golden("qd_detr")["opt"]
    )
    model, _ = import_run(file, "lighthouse", tmp_path / "run").load()
    arrays = np.load(shared / "golden" / "lighthouse_qd_detr_full.npz")
    with torch.no_grad():
        answers = model(asked(arrays))
    np.testing.assert_allclose(
        answers.layer_spans[-1, -1].numpy(), arrays["pred_spans"][-1], atol=1e-5
    )


Change = Callable[[dict[str, Tensor], dict[str, Any]], object]
REFUSED: dict[str, tuple[Change, str]] = {
    "another model": (
        lambda _, options: options.update(model_name="cg_detr"),
        r"holds the model 'cg_detr'; only moment_detr and qd_detr can be imported",
    ),
    "another network": (
        lambda _, options: options.update(model_name="qd_detr"),
        r"lacks weights of the decoder \(.*sa_v_proj\.bias.*\)",
    ),
    "other sizes": (
        lambda _, options: options.update(hidden_dim=64),
        r"wrong shape of .*from_clips\.2\.weight \(32 x 18, not 64 x 18\)",
    ),
    "another number of layers": (
        lambda _, options: options.update(enc_layers=1),
        r"has unexpected encoder\.1\.attend",
    ),
    "a size that is none": (
        lambda _, options: options.update(nheads="4"),
        r"model\.heads is \"4\": input should be a valid integer",
    ),
    "heads that do not divide": (
        lambda _, options: options.update(nheads=5),
        r"multiple of model\.heads, 5, got 32",
    ),
    "no option": (
        lambda _, options: options.pop("nheads"),
        r"lacks the options nheads; give another checkpoint",
    ),
    "no clips": (
        lambda _, options: options.update(clip_length=0),
        r"has the clip_length 0, not one in seconds",
    ),
    "classes of edges": (
        lambda _, options: options.update(span_loss_type="ce"),
        r"was trained with span_loss_type='ce'; only 'l1' can be imported",
    ),
    "other features": (
        lambda _, options: options.update(v_feat_types="clip_slowfast"),
        r"frames of 16 numbers, of clip_slowfast features",
    ),
    "SlowFast by its size": (
        lambda tensors, _: tensors.update(
            {"input_vid_proj.0.LayerNorm.weight": torch.ones(2818)}
        ),
        r"frames of 2816 numbers, .*; give a checkpoint of CLIP's alone",
    ),
    "other weights": (
        lambda tensors, _: tensors.clear(),
        r"has no weights input_vid_proj\..* give a checkpoint of moment_detr or qd_detr",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_imported_is_told_in_a_line(
    content: Content, tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    tensors, options = content
    change, says = REFUSED[kind]
    change(tensors, options)
    file = written(tmp_path / "best.ckpt", tensors, Namespace(**options))
    called = call(
        capsys, "import", file, "--as", "lighthouse", "--to", tmp_path / "run"
    )
    assert called.code == 2 and len(called.err.splitlines()) == 1
    assert called.err.startswith(f"slta: {file} ") and re.search(says, called.err)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_a_file_that_is_cut_is_told(small: Path, tmp_path: Path, share: float) -> None:
    data, file = small.read_bytes(), tmp_path / "cut.ckpt"
    file.write_bytes(data[: int(share * len(data))])
    with pytest.raises(
        InputError, match=r"cut\.ckpt is damaged .*; get the file again"
    ):
        import_run(file, "lighthouse", tmp_path / "run")


def test_a_file_of_another_program_is_told(shared: Path, tmp_path: Path) -> None:
    file = shared / "golden" / "lighthouse_moment_detr_io.npz"
    with pytest.raises(InputError, match=r"is damaged \(not a file of torch\.save"):
        import_run(file, "lighthouse", tmp_path / "run")


@pytest.mark.parametrize("place", ["model", "opt"])
def test_nothing_in_a_checkpoint_is_run(
    content: Content, tmp_path: Path, place: str
) -> None:
    target = tmp_path / "ran"
    parts: dict[str, Any] = dict(zip(("model", "opt"), content, strict=True))
    parts[place]["more"] = Runs(target)
    file = written(tmp_path / "evil.ckpt", parts["model"], Namespace(**parts["opt"]))
    with pytest.raises(
        InputError, match=r"refused \(\w+ getattr at .* could run code\)"
    ):
        import_run(file, "lighthouse", tmp_path / "run")
    assert not target.exists()


def test_a_run_is_not_overwritten(small: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="exists already; give a new folder"):
        import_run(small, "lighthouse", tmp_path)


def test_an_imported_model_searches_any_video(
    small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its CLIP is given when it is imported, or later."""
    clip, path = save_clip(tmp_path / "clip", **WIDTHS), tmp_path / "film.mp4"
    film(path, range(0, 300, 3))
    run = tmp_path / "run"
    chosen = ("--extractor", f"clip-frames:{clip}")
    call(capsys, "import", small, "--as", "lighthouse", "--to", run, *chosen)
    called = call(capsys, "search", path, "a man", "--checkpoint", run, "--json")
    assert called.code == 1, "a model of random weights is sure of nothing"
    (found,) = [json.loads(line) for line in called.out.splitlines()]
    assert found["moments"]
    import_run(small, "lighthouse", tmp_path / "other")
    again = call(
        capsys,
        "search",
        path,
        "a man",
        "--checkpoint",
        tmp_path / "other",
        *chosen,
        "--json",
    )
    assert json.loads(again.out)["moments"] == found["moments"]


def test_features_of_other_sizes_are_told(small: Path, tmp_path: Path) -> None:
    clip, path = save_clip(tmp_path / "clip"), tmp_path / "film.mp4"
    film(path)
    import_run(small, "lighthouse", tmp_path / "run", f"clip-frames:{clip}")
    searcher = Searcher(checkpoint=tmp_path / "run", store=tmp_path / "store")
    with pytest.raises(InputError, match=r"trained with frames of 16 .* has 12"):
        searcher.search(path, "a man")


def test_the_python_of_the_docs_runs(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = Path(__file__).parents[2] / "docs" / "how-to" / "other-checkpoints.md"
    (code,) = re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    save_clip(Path("clip"), **WIDTHS)
    film(Path("film.mp4"))
    Path("best.ckpt").write_bytes(small.read_bytes())
    found: dict[str, Any] = {}
    exec(compile(code, page.name, "exec"), found)
    assert found["answer"].moments
