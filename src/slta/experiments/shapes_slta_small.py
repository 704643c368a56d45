"""SLTA on few films of few actions: what ``make demo`` trains in a minute or two.

    slta train shapes_slta_small

Four large objects move left, right, up or down, and each of these is asked for in one
short sentence. Steps as small as these gain little from a second thread, and wait for it
where other work keeps a core busy.
"""

from dataclasses import replace

from slta.datasets.shapes import ShapesConfig
from slta.experiments import shapes_slta

EXPERIMENT = replace(
    shapes_slta.EXPERIMENT,
    dataset=ShapesConfig(
        train=140,
        val=12,
        test=24,
        test_novel=0,
        rate_hz=8,
        width=128,
        height=96,
        actions=("left", "right", "up", "down"),
        objects=4,
        plain=True,
    ),
    features=replace(shapes_slta.EXPERIMENT.features, rate_hz=2.0),
    model=replace(shapes_slta.MODEL, interaction_size=128, fusion_size=256),
    training=replace(
        shapes_slta.EXPERIMENT.training,
        steps=420,
        evaluate_every=140,
        still_steps=100,
        threads=1,
    ),
)
