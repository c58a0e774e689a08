from __future__ import annotations

from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest

from napari_nuclei.core.diameter import DiameterRange
from napari_nuclei.pipeline.datasets import open_dataset
from napari_nuclei.pipeline.loop import Epoch
from napari_nuclei.pipeline.reports import draw_epoch


class CountsTiles:
    """Stands for a network that finds nothing."""

    count = 0

    def predict(self, tiles):
        self.count += len(tiles)
        return np.zeros_like(tiles)


@pytest.mark.parametrize(("diameters", "tiles"), [(None, 1), (DiameterRange(24, 40), 9)])
def test_the_picture_of_an_epoch_shows_nuclei_in_the_size_of_the_training(
    diameters: DiameterRange | None, tiles: int, tmp_path: Path
) -> None:
    labels = np.zeros((96, 96), np.uint8)
    labels[10:17, 10:17] = 1
    for kind, values in (("images", labels * 200), ("labels", labels)):
        (tmp_path / kind).mkdir()
        iio.imwrite(tmp_path / kind / "a.png", values)
    (item,) = open_dataset(tmp_path).items
    network = CountsTiles()
    draw_epoch(Epoch(1, {}, network), item, diameters, tmp_path / "epoch.png")
    assert network.count == tiles
    assert iio.imread(tmp_path / "epoch.png").ndim == 3
