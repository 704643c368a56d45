"""C3D, the clip features of SLTA's paper, from weights that the user provides.

Tran et al., Learning Spatiotemporal Features with 3D Convolutional Networks (ICCV
2015). A sample's vector is the output of fc6, after its ReLU, for the 16 frames that begin
at the sample's time, 1/25 s apart. At 25/16 Hz the clips are consecutive, as in common
features of videos with 25 frames per second; at twice that rate they overlap by half, as in
the paper. The whole frame is the only region.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import max_pool3d, relu

from slta import video
from slta.errors import InputError
from slta.features.base import QueryFeatures, VideoFeatures
from slta.features.extractors import weights
from slta.features.text.minilm import MiniLM
from slta.features.text.reading import read
from slta.video.reading import Clips

LENGTH, FRAMES_HZ = 16, 25
"""Frames of a clip, and frames per second."""
SIZE = (171, 128)
"""Width and height to which frames are resized."""
SIDE = 112
"""Side of the centre crop, the network's input."""
BATCH = 4
"""Clips a batch."""
LAYERS = "conv1a conv2a conv3a conv3b conv4a conv4b conv5a conv5b fc6".split()
CHANNELS = (64, 128, 256, 256, 512, 512, 512, 512, 4096)
"""Output size of each layer."""


@dataclass(frozen=True, slots=True)
class WeightsLayout:
    """Names of the layers in a published file, and the preprocessing of its weights."""

    file: str
    project: str
    names: tuple[str, ...]
    """Names of ``LAYERS`` there."""
    unused: tuple[str, ...]
    """Prefixes of the layers after fc6."""
    mean: tuple[float, float, float]
    """Mean that is subtracted from the channels, in their order there."""
    blue_first: bool


LAYOUTS = (
    WeightsLayout(
        file="c3d.pickle",
        project="DavideA/c3d-pytorch",
        names=("conv1", "conv2", *LAYERS[2:]),
        unused=("fc7.", "fc8."),
        mean=(0.0, 0.0, 0.0),
        blue_first=False,
    ),
    WeightsLayout(
        file="c3d-pretrained.pth",
        project="jfzhang95/pytorch-video-recognition",
        names=(
            *(f"features.{i}" for i in (0, 3, 6, 8, 11, 13, 16, 18)),
            "classifier.0",
        ),
        unused=("classifier.",),
        mean=(90.0, 98.0, 102.0),
        blue_first=True,
    ),
    WeightsLayout(
        file="c3d_sports1m_pretrain_20201016-dcc47ddc.pth",
        project="open-mmlab/mmaction2",
        names=(*(f"{layer}.conv" for layer in LAYERS[:-1]), "fc6"),
        unused=("fc7.", "cls_head."),
        mean=(104.0, 117.0, 128.0),
        blue_first=False,
    ),
    WeightsLayout(
        file="a file with the layers' names of the paper's own Caffe network",
        project="facebookarchive/C3D",
        names=tuple(LAYERS),
        unused=("fc7.", "fc8."),
        mean=(90.0, 98.0, 102.0),
        blue_first=True,
    ),
)
PREFIXES = ("", "module.", "backbone.", "module.backbone.")
"""Prefixes of all names, from networks saved inside others."""


class C3DNetwork(nn.Module):
    """Figure 3 of the paper, up to fc6."""

    def __init__(self) -> None:
        super().__init__()
        made = zip((3, *CHANNELS), CHANNELS[:-1], strict=False)
        self.convolutions = nn.ModuleDict(
            {
                name: nn.Conv3d(before, after, kernel_size=3, padding=1)
                for name, (before, after) in zip(LAYERS[:-1], made, strict=True)
            }
        )
        # Pooling reduces 16 x 112 x 112 to 1 x 4 x 4.
        self.fc6 = nn.Linear(CHANNELS[-2] * 4 * 4, CHANNELS[-1])

    def forward(self, clips: Float[Tensor, "c 3 16 112 112"]) -> Float[Tensor, "c d"]:
        x = max_pool3d(self._convolved(clips, "conv1a"), (1, 2, 2))
        x = max_pool3d(self._convolved(x, "conv2a"), 2)
        x = max_pool3d(self._convolved(x, "conv3a", "conv3b"), 2)
        x = max_pool3d(self._convolved(x, "conv4a", "conv4b"), 2)
        x = max_pool3d(self._convolved(x, "conv5a", "conv5b"), 2, padding=(0, 1, 1))
        return relu(self.fc6(x.flatten(1)))

    def _convolved(self, x: Tensor, *names: str) -> Tensor:
        for name in names:
            x = relu(self.convolutions[name](x))
        return x

    @property
    def layers(self) -> dict[str, nn.Module]:
        return {**dict(self.convolutions.items()), "fc6": self.fc6}


class C3D:
    common_space = False

    def __init__(self, file: str) -> None:
        if not file:
            raise InputError(f"c3d needs weights: c3d:FILE, such as {_published()}")
        self._path = Path(file).expanduser()
        if not self._path.is_file():
            raise InputError(
                f"there is no file of weights {file}; get one, such as {_published()}"
            )
        self.id = f"c3d:{self._path.name}"
        self._minilm = MiniLM()

    @cached_property
    def version(self) -> str:
        """Version of this extractor, and a digest of the weights."""
        with self._path.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        return f"1-{digest[:12]}"

    def watch(self, path: Path, *, rate_hz: float) -> Iterator[VideoFeatures]:
        clips = video.clips(
            path,
            rate_hz=rate_hz,
            length=LENGTH,
            frames_hz=FRAMES_HZ,
            size=SIZE,
            batch=BATCH,
        )
        return map(self.video, clips)

    def video(self, clips: Clips) -> VideoFeatures:
        """Features of clips of 16 frames of ``SIZE``."""
        network, layout = self._network
        left, top = ((side - SIDE) // 2 for side in SIZE)
        seen = clips.images[:, :, top : top + SIDE, left : left + SIDE]
        if layout.blue_first:
            seen = seen[..., ::-1]
        pixels = torch.from_numpy(seen.astype(np.float32)) - torch.tensor(layout.mean)
        device = next(network.parameters()).device
        with torch.inference_mode():
            vectors = network(pixels.to(device).permute(0, 4, 1, 2, 3)).cpu().numpy()
        whole = np.array([0, 0, 1, 1], np.float32)
        return VideoFeatures(
            times_s=clips.times_s,
            frames=vectors,
            regions=vectors[:, None],
            boxes=np.tile(whole, (len(vectors), 1, 1)),
        )

    def text(self, query: str) -> QueryFeatures:
        return read(query, self._minilm)

    @cached_property
    def _network(self) -> tuple[C3DNetwork, WeightsLayout]:
        """The network with the file's weights, and the file's layout."""
        found = weights.tensors(self._path)
        layout, prefix = _layout(self._path, found)
        network = C3DNetwork()
        ours = {
            f"{prefix}{theirs}.{part}": parameter
            for name, theirs in zip(LAYERS, layout.names, strict=True)
            for part, parameter in network.layers[name].named_parameters()
        }
        shapes = {name: tuple(parameter.shape) for name, parameter in ours.items()}
        unused = [f"{p}{name}" for p in {prefix, ""} for name in layout.unused]
        weights.check(self._path, found, shapes, unused)
        with torch.no_grad():
            for name, parameter in ours.items():
                parameter.copy_(found[name])
        device = "cuda" if torch.cuda.is_available() else "cpu"
        return network.eval().to(device), layout


def _layout(path: Path, found: dict[str, Tensor]) -> tuple[WeightsLayout, str]:
    """The file's layout, recognised by the name of the first layer, and the prefix."""
    for layout in LAYOUTS:
        for prefix in PREFIXES:
            if f"{prefix}{layout.names[0]}.weight" in found:
                return layout, prefix
    firsts = ", ".join(f"{layout.names[0]}.weight" for layout in LAYOUTS)
    some = ", ".join(list(found)[:3]) or "nothing"
    raise InputError(
        f"{path} does not name its layers in a known way: it has {some}, and the first "
        f"of C3D would be one of {firsts}; give a file such as {_published()}"
    )


def _published() -> str:
    """Published files of weights, for errors."""
    *others, own = [
        f"{layout.file} of the project {layout.project}" for layout in LAYOUTS
    ]
    return f"{', '.join(others)}, or {own}"
