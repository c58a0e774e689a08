"""How long a threshold slider takes: maps of 1024 x 1024 px to labels and their table.

Needs no network and no data set::

    python -m benchmarks.relabel --json runs/bench/relabel.json
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median

import numpy as np
from numpy.typing import NDArray

from napari_nuclei import files
from napari_nuclei.core.instances import NUCLEUS, InstanceOptions, label_nuclei
from napari_nuclei.core.measure import measure
from napari_nuclei.core.targets import make_targets
from napari_nuclei.pipeline.samples import read_sample

SIDE_PX = 1024
REPEATS = 9


@dataclass(frozen=True)
class Timing:
    """Milliseconds that a step took.

    Attributes
    ----------
    step : str
    median_ms, best_ms : float
        On the clock; the best is nearest to what an idle machine takes.
    cpu_ms : float
        Of the processor, whatever else it did meanwhile; the least.
    """

    step: str
    median_ms: float
    best_ms: float
    cpu_ms: float


def main() -> None:
    """Print the table and write the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures, too")
    arguments = parser.parse_args()
    maps = crowded_maps()
    labels = label_nuclei(maps)
    timings = time_steps(maps, labels)
    print(f"{SIDE_PX} x {SIDE_PX} px, {labels.max()} nuclei\n")
    print(f"{'step':<10}{'median ms':>12}{'best ms':>12}{'CPU ms':>12}")
    for timing in timings:
        step, *figures_ms = asdict(timing).values()
        print(f"{step:<10}" + "".join(f"{figure_ms:>12.0f}" for figure_ms in figures_ms))
    if arguments.json:
        files.write_text(arguments.json, json.dumps(_record(timings, labels), indent=1) + "\n")


def crowded_maps() -> NDArray[np.float32]:
    """Return maps, (1024, 1024, 3), as a good network would give them for touching nuclei."""
    truth = read_sample("dsb2018").labels
    repeats = -(-SIDE_PX // min(truth.shape))
    labels = np.tile(truth, (repeats, repeats))[:SIDE_PX, :SIDE_PX]
    return np.asarray(make_targets(labels)[..., :3], np.float32)


def time_steps(maps: NDArray[np.float32], labels: NDArray[np.int32]) -> list[Timing]:
    """Time what follows when a slider moves."""
    options = InstanceOptions()
    probability = maps[..., NUCLEUS]
    return [
        _time("label", lambda: label_nuclei(maps, options)),
        _time("measure", lambda: measure(labels, probability)),
        _time("both", lambda: measure(label_nuclei(maps, options), probability)),
    ]


def _time(step: str, run: Callable[[], object]) -> Timing:
    taken_ms, cpu_ms = [], []
    for _ in range(REPEATS):
        started, cpu_started = time.perf_counter(), time.process_time()
        run()
        taken_ms.append((time.perf_counter() - started) * 1e3)
        cpu_ms.append((time.process_time() - cpu_started) * 1e3)
    return Timing(step, median(taken_ms), min(taken_ms), min(cpu_ms))


def _record(timings: list[Timing], labels: NDArray[np.int32]) -> dict[str, object]:
    return {
        "image": {"side_px": SIDE_PX, "nuclei": int(labels.max())},
        "timings": [asdict(timing) for timing in timings],
        "machine": {"processor": platform.machine(), "python": platform.python_version()},
        "versions": {name: version(name) for name in ("numpy", "scipy", "scikit-image")},
    }


if __name__ == "__main__":
    main()
