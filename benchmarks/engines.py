"""The bare network: ONNX Runtime and TensorFlow in turns, against matrix products on this machine.

A matrix product is the most that a processor makes of its multiply-adds; how near the network comes
to it is a figure that does not depend on the machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.clock import Timing, alternate
from benchmarks.fresh import matrix_gflops
from benchmarks.tables import aligned
from napari_nuclei.model import layout
from napari_nuclei.model.predictor import KerasPredictor

if TYPE_CHECKING:
    from napari_nuclei.model.store import Model

TILE_PX = 128
BATCHES = (1, 2, 4, 8, 16, 32)
ONNX, TENSORFLOW = "ONNX Runtime", "TensorFlow"
_TILES_PER_TIMING = 64
_LEAST_REPEATS = 5


@dataclass(frozen=True)
class Speed:
    """What an engine does with batches of one size.

    Attributes
    ----------
    engine : str
    batch_size : int
    tiles_per_s : float
        In the best of several runs.
    gflops : float
        Two for each multiply-add of the network's convolutions.
    share_of_matrix_product : float
        Of the GFLOP/s of a matrix product.
    cpu_ms_per_tile : float
        Of all cores together: hardly changed by what else the machine does.
    """

    engine: str
    batch_size: int
    tiles_per_s: float
    gflops: float
    share_of_matrix_product: float
    cpu_ms_per_tile: float


def measure_engines(model: Model, batches: Sequence[int] = BATCHES) -> list[Speed]:
    """Time both engines on random tiles, batch size by batch size."""
    keras_network = model.network.to_keras()
    flops = 2 * layout.multiply_adds(model.network.config, TILE_PX)
    ceiling = matrix_gflops()
    speeds = []
    for size in batches:
        tiles = np.random.default_rng(0).random((size, TILE_PX, TILE_PX, 3), np.float32)
        runs = {
            ONNX: lambda tiles=tiles: model.network.predict(tiles),
            TENSORFLOW: lambda tiles=tiles: KerasPredictor(keras_network, len(tiles)).predict(
                tiles
            ),
        }
        timings = alternate(runs, max(_LEAST_REPEATS, _TILES_PER_TIMING // size))
        # A quiet moment may come in between.
        ceiling = max(ceiling, matrix_gflops())
        speeds += [(engine, size, timing) for engine, timing in timings.items()]
    return [speed_of(*measured, flops, ceiling) for measured in speeds]


def speed_of(engine: str, size: int, timing: Timing, flops: float, ceiling: float) -> Speed:
    """Return the speed of an engine that took so long for a batch.

    Parameters
    ----------
    engine : str
        Its name.
    size : int
        Tiles of the batch.
    timing : Timing
        Of one batch.
    flops : float
        For one tile.
    ceiling : float
        GFLOP/s of a matrix product.
    """
    rate = size / timing.best_s
    gflops = rate * flops / 1e9
    return Speed(engine, size, rate, gflops, gflops / ceiling, timing.cpu_s / size * 1e3)


def best(speeds: Sequence[Speed], engine: str = ONNX) -> Speed:
    """Return the fastest of an engine's speeds."""
    return max((s for s in speeds if s.engine == engine), key=lambda speed: speed.tiles_per_s)


def format_engines(speeds: Sequence[Speed]) -> str:
    """Return the table of the bare network."""
    header = ("engine", "batch", "tiles/s", "GFLOP/s", "of matrix product", "CPU ms a tile")
    rows = [
        (
            speed.engine,
            str(speed.batch_size),
            f"{speed.tiles_per_s:.0f}",
            f"{speed.gflops:.0f}",
            f"{speed.share_of_matrix_product:.0%}",
            f"{speed.cpu_ms_per_tile:.1f}",
        )
        for speed in speeds
    ]
    return aligned([header, *rows])


def to_json(speeds: Sequence[Speed]) -> list[dict[str, Any]]:
    """Return all figures as JSON values."""
    return [asdict(speed) for speed in speeds]
