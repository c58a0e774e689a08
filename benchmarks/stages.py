"""Where the time of one image goes: the steps of a segmentation, each on its own clock."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from benchmarks.tables import aligned
from napari_nuclei.core import images
from napari_nuclei.core.instances import NUCLEUS, label_nuclei
from napari_nuclei.core.measure import measure
from napari_nuclei.core.tiling import Grid, Stitcher
from napari_nuclei.model.unet import OUTPUTS
from napari_nuclei.pipeline.prediction import TileOptions

if TYPE_CHECKING:
    from napari_nuclei.model.store import Model

NETWORK = "network"


class Stages:
    """Seconds by stage; of a stage that comes several times, all together."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)

    @contextmanager
    def time(self, stage: str) -> Iterator[None]:
        """Add what happens inside to a stage."""
        started = time.perf_counter()
        yield
        self.seconds[stage] += time.perf_counter() - started


def time_stages(image: NDArray[Any], model: Model) -> dict[str, float]:
    """Return the seconds of each stage from an array to labels and table, without resizing."""
    stages, options = Stages(), TileOptions()
    with stages.time("normalise"):
        prepared = images.prepare(image)
    grid = Grid((image.shape[0], image.shape[1]), options.tile_px, options.halo_px)
    stitcher, tiles = Stitcher(grid, len(OUTPUTS)), list(grid)
    for start in range(0, len(tiles), options.batch_size):
        batch = tiles[start : start + options.batch_size]
        with stages.time("tile"):
            pixels = grid.cut(prepared, batch)
        with stages.time(NETWORK):
            predicted = model.network.predict(pixels)
        with stages.time("stitch"):
            stitcher.add(batch, predicted)
    with stages.time("instances"):
        labels = label_nuclei(stitcher.maps, model.thresholds)
    with stages.time("table"):
        measure(labels, stitcher.maps[..., NUCLEUS])
    return dict(stages.seconds)


def shares(seconds: Mapping[str, float]) -> dict[str, float]:
    """Return what share of the sum each stage has."""
    total = sum(seconds.values())
    return {stage: taken / total for stage, taken in seconds.items()}


def format_stages(seconds: Mapping[str, float]) -> str:
    """Return the table of the stages."""
    rows = [
        (stage, f"{seconds[stage]:.2f}", f"{share:.0%}") for stage, share in shares(seconds).items()
    ]
    return aligned([("stage", "seconds", "share"), *rows])
