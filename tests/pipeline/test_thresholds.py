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


class Network:
    """Returns the image as logits of its own values."""

    def predict_on_batch(self, batch):
        inside = np.clip(batch, 1e-3, 1 - 1e-3)
        return np.log(inside / (1 - inside))


@pytest.mark.parametrize(("probability", "expected"), [(1.0, 0.5), (0.45, 0.4)])
def test_the_most_ordinary_of_the_best_thresholds_is_chosen(probability, expected):
    chosen = choose_thresholds(Network(), [Discs(probability)], DiameterRange(1, 1000))
    assert chosen == InstanceOptions(expected, InstanceOptions().separation)
