"""How long a threshold slider takes: maps of 1024 x 1024 px to labels and their table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.clock import Timing, alternate
from benchmarks.images import repeated
from benchmarks.tables import aligned
from napari_nuclei.core.instances import NUCLEUS, InstanceOptions, label_nuclei
from napari_nuclei.core.measure import measure
from napari_nuclei.core.targets import make_targets
from napari_nuclei.pipeline.samples import read_sample

SIDE_PX = 1024
REPEATS = 9


def crowded_maps() -> NDArray[np.float32]:
    """Return maps, (1024, 1024, 3), as a good network would give them for touching nuclei."""
    labels = repeated(read_sample("dsb2018").labels, SIDE_PX)
    return np.asarray(make_targets(labels)[..., :3], np.float32)


def measure_slider() -> dict[str, Timing]:
    """Time what follows when a slider moves."""
    maps, options = crowded_maps(), InstanceOptions()
    labels, probability = label_nuclei(maps), maps[..., NUCLEUS]
    runs = {
        "label": lambda: label_nuclei(maps, options),
        "measure": lambda: measure(labels, probability),
        "both": lambda: measure(label_nuclei(maps, options), probability),
    }
    return alternate(runs, REPEATS)


def format_slider(timings: Mapping[str, Timing]) -> str:
    """Return the table in milliseconds."""
    rows = [
        (step, *(f"{seconds * 1e3:.0f}" for seconds in asdict(timing).values()))
        for step, timing in timings.items()
    ]
    return aligned([("step", "median ms", "best ms", "CPU ms"), *rows])


def to_json(timings: Mapping[str, Timing]) -> dict[str, Any]:
    """Return all figures as JSON values."""
    return {step: asdict(timing) for step, timing in timings.items()}
