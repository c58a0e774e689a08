from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from napari_nuclei.core.diameter import DiameterRange
from napari_nuclei.core.instances import InstanceOptions
from napari_nuclei.core.targets import make_targets
from napari_nuclei.pipeline.thresholds import choose_thresholds


@dataclass
class Discs:
    """An image of two discs, which the network below sees as bright as `probability`."""

    probability: float

    def read_labels(self):
        y, x = np.indices((64, 96))
        labels = np.zeros((64, 96), np.int32)
        for index, centre in enumerate((24, 70), 1):
            labels[(y - 30) ** 2 + (x - centre) ** 2 < 200] = index
        return labels

    def read_image(self):
        maps = make_targets(self.read_labels())[..., :3]
        maps[..., 0] *= self.probability
        # Enough ones, far from the discs, that normalising leaves the values as they are.
        maps[:4, :, 1] = 1
        return np.round(maps * 1000).astype(np.uint16)


class Same:
    """Sees in an image the maps that it is."""

    def predict(self, tiles):
        return tiles


@pytest.mark.parametrize(("probability", "expected"), [(1.0, 0.5), (0.45, 0.4)])
def test_the_most_ordinary_of_the_best_thresholds_is_chosen(probability, expected):
    chosen = choose_thresholds(Same(), [Discs(probability)], DiameterRange(1, 1000))
    assert chosen == InstanceOptions(expected, InstanceOptions().separation)
