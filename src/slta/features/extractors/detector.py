"""Object regions of DETR or RT-DETR, run by transformers.

Carion et al., End-to-End Object Detection with Transformers (ECCV 2020); Zhao et al.,
DETRs Beat YOLOs on Real-time Object Detection (RT-DETR, CVPR 2024). A frame's regions are
the 36 detections with the highest class probability, in that order, without a threshold;
SLTA's paper takes 36 of a Faster R-CNN. A region's vector is the decoder's state or, nearer
to the paper, the backbone's features pooled over the box.
"""

from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from slta import video
from slta.errors import InputError
from slta.features.base import QueryFeatures, VideoFeatures
from slta.features.extractors.saved import Saved, pixel_scale
from slta.features.text.minilm import MiniLM
from slta.features.text.reading import read
from slta.video.reading import Frames

REGIONS = 36
"""Maximum regions of a frame."""
BATCH = 4
"""Frames per batch."""
PUBLISHED = "PekingU/rtdetr_r50vd"
"""Weights suggested in errors."""
THINNEST = 1e-4
"""Minimum side of a box for pooling, as a fraction of the frame's."""


class DetectorNetwork(NamedTuple):
    """Classes of transformers for a kind of detector."""

    name: str
    processor: str
    sureness: Callable[[Float[Tensor, "t r c"]], Float[Tensor, "t r"]]
    """Probability of the likeliest class, from the logits."""


def _but_the_last(logits: Float[Tensor, "t r c"]) -> Float[Tensor, "t r"]:
    """Without the last class, "no object"."""
    return logits.softmax(dim=-1)[..., :-1].amax(dim=-1)


def _each_by_itself(logits: Float[Tensor, "t r c"]) -> Float[Tensor, "t r"]:
    return logits.sigmoid().amax(dim=-1)


RT_DETR = DetectorNetwork(
    "RTDetrForObjectDetection", "RTDetrImageProcessorPil", _each_by_itself
)
NETWORKS = {
    "detr": DetectorNetwork(
        "DetrForObjectDetection", "DetrImageProcessorPil", _but_the_last
    ),
    "rt_detr": RT_DETR,
    "rt_detr_v2": RT_DETR._replace(name="RTDetrV2ForObjectDetection"),
}
"""By ``model_type`` in a folder's config.json."""


class Detector:
    common_space = False

    def __init__(self, word: str, weights: str, *, pooled: bool) -> None:
        """``word`` is the extractor's name; with ``pooled``, regions are backbone features
        pooled over the boxes instead of decoder states."""
        if not weights:
            raise InputError(
                f"{word} needs weights: {word}:FOLDER for a folder saved with "
                f"save_pretrained, or {word}:NAME for a model of the Hugging Face hub, "
                f"such as {PUBLISHED} or facebook/detr-resnet-50@no_timm"
            )
        network = NETWORKS["detr"].name
        self._saved = Saved.find(word, weights, "DETR", NETWORKS, network, PUBLISHED)
        self.id, self.pinned_name = self._saved.id, self._saved.name
        self._kind = NETWORKS[self._saved.kind]
        self._pooled = pooled
        self._minilm = MiniLM()
        _check_backbone(self._saved)

    @cached_property
    def version(self) -> str:
        """Version of this extractor, and a digest of the folder."""
        return f"1-{self._saved.digest}"

    def watch(self, path: Path, *, rate_hz: float) -> Iterator[VideoFeatures]:
        info = video.probe(path)
        size = self.size(info.width, info.height)
        frames = video.sample(path, rate_hz=rate_hz, size=size, batch=BATCH)
        return map(self.video, frames)

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Width and height to which a frame of that size is resized."""
        from transformers.image_transforms import get_size_with_aspect_ratio

        wanted = self._processor.size
        if wanted.height and wanted.width:
            return wanted.width, wanted.height
        with self._saved.loading():
            shape = get_size_with_aspect_ratio(
                (height, width), wanted.shortest_edge, wanted.longest_edge
            )
        return int(shape[1]), int(shape[0])

    def video(self, frames: Frames) -> VideoFeatures:
        batches = range(0, len(frames.images), BATCH)
        looked = [self._look(frames.images[i : i + BATCH]) for i in batches]
        regions = np.concatenate([regions for regions, _ in looked])
        return VideoFeatures(
            times_s=frames.times_s,
            frames=regions.mean(axis=1),
            regions=regions,
            boxes=np.concatenate([boxes for _, boxes in looked]),
        )

    def text(self, query: str) -> QueryFeatures:
        return read(query, self._minilm)

    def _look(
        self, images: np.ndarray
    ) -> tuple[Float[np.ndarray, "t r e"], Float[np.ndarray, "t r 4"]]:
        network, seen = self._network
        device = network.device
        scale, mean, spread = (
            torch.tensor(values, device=device)
            for values in pixel_scale(self._processor)
        )
        with torch.inference_mode():
            pixels = (torch.tensor(images, device=device) * scale - mean) / spread
            found = network(pixel_values=pixels.permute(0, 3, 1, 2))
            sureness = self._kind.sureness(found.logits)
            best = sureness.topk(min(REGIONS, sureness.shape[1]), dim=1).indices
            boxes = _corners(_of(found.pred_boxes, best))
            if self._pooled:
                regions = in_boxes(seen.pop(), boxes)
            else:
                regions = _of(found.last_hidden_state, best)
        seen.clear()
        return regions.cpu().numpy(), boxes.cpu().numpy()

    @cached_property
    def _network(self) -> tuple[Any, list[Tensor]]:
        """The network, and a list that receives its backbone's last feature map."""
        import transformers

        network = self._saved.network(getattr(transformers, self._kind.name))
        seen: list[Tensor] = []

        def keep(_: object, __: object, maps: list[tuple[Tensor, Tensor]]) -> None:
            seen[:] = [maps[-1][0]]

        network.model.backbone.register_forward_hook(keep)
        return network, seen

    @cached_property
    def _processor(self) -> Any:
        import transformers

        with self._saved.loading():
            processor = self._saved.processor(
                getattr(transformers, self._kind.processor)
            )
            pixel_scale(processor)
            if not (processor.size.height or processor.size.shortest_edge):
                raise ValueError("it does not say the size of its input")
        return processor


def in_boxes(
    cells: Float[Tensor, "t e h w"], boxes: Float[Tensor, "t r 4"]
) -> Float[Tensor, "t r e"]:
    """Mean of the cells in each box, weighted by the share of each cell inside."""
    rows = _inside(boxes[..., 1], boxes[..., 3], cells.shape[2])
    columns = _inside(boxes[..., 0], boxes[..., 2], cells.shape[3])
    return torch.einsum("trh,trw,tehw->tre", rows, columns, cells)


def _inside(
    start: Float[Tensor, "t r"], end: Float[Tensor, "t r"], cells: int
) -> Float[Tensor, "t r n"]:
    """Share of each cell between start and end; sums to 1 over the cells."""
    edges = torch.arange(cells + 1, device=start.device) / cells
    # An empty box gets the cell that it lies in.
    start = start.clamp(max=1 - THINNEST)
    end = end.maximum(start + THINNEST)
    covered = edges[1:].minimum(end[..., None]) - edges[:-1].maximum(start[..., None])
    covered = covered.clamp(min=0)
    return covered / covered.sum(dim=-1, keepdim=True)


def _corners(boxes: Float[Tensor, "t r 4"]) -> Float[Tensor, "t r 4"]:
    """From centre, width and height to x0, y0, x1, y1, clipped to the frame."""
    centre, sides = boxes[..., :2], boxes[..., 2:]
    return torch.cat([centre - sides / 2, centre + sides / 2], dim=-1).clamp(0, 1)


def _of(values: Float[Tensor, "t q e"], chosen: Tensor) -> Float[Tensor, "t r e"]:
    """The chosen rows of each frame."""
    return values.gather(1, chosen[..., None].expand(-1, -1, values.shape[-1]))


def _check_backbone(saved: Saved) -> None:
    """Raises ``InputError`` for a model that needs timm."""
    backbone = saved.config.get("backbone_config") or {}
    needs = saved.config.get("use_timm_backbone", not backbone)
    if needs or backbone.get("model_type") == "timm_backbone":
        raise InputError(
            f"{saved.folder} needs timm for its backbone, which is not used here; get "
            "the same weights without it, such as facebook/detr-resnet-50@no_timm"
        )
