"""What has to be measured in a process of its own: start-up, peak memory, matrix products.

Each probe is ``python -m benchmarks.fresh NAME [ARGUMENT]`` and prints one line of JSON.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

_MATRIX_PX = 2048
_MATRIX_REPEATS = 12
_TIMEOUT_S = 600
_RUNS = 100
_SMALL_PX, _LARGE_PX = 256, 2048
_TICK_MS = 5
# Whichever library numpy was built with.
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def matrix_gflops() -> float:
    """Return the GFLOP/s of float32 matrix products with as many threads as the network has."""
    from napari_nuclei.model.network import threads

    return float(run("matrix", environment=dict.fromkeys(_THREAD_VARIABLES, str(threads())))[0])


def run(
    probe: str, *arguments: str, environment: dict[str, str] | None = None, screen: bool = False
) -> tuple[Any, float]:
    """Run a probe in a new process; return its answer, and the seconds from start to answer.

    Parameters
    ----------
    probe, *arguments : str
        Name of the probe, and what it is given.
    environment : dict, optional
        Variables besides those of this process.
    screen : bool
        Give it a virtual screen.
    """
    command = [sys.executable, "-m", "benchmarks.fresh", probe, *arguments]
    if screen and shutil.which("xvfb-run"):
        command = ["xvfb-run", "-a", "-s", "-screen 0 1400x900x24", *command]
    started = time.perf_counter()
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=Path(__file__).parents[1],
        env=os.environ | (environment or {}),
        text=True,
    ) as process:
        line = process.stdout.readline() if process.stdout else ""
        seconds = time.perf_counter() - started
        process.wait(_TIMEOUT_S)
    return json.loads(line), seconds


def peak_mb() -> float:
    """Return the most memory that this process has had so far, in MB."""
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6


def _matrix() -> float:
    import numpy as np

    matrix = np.random.default_rng(0).random((_MATRIX_PX, _MATRIX_PX), np.float32)
    fastest_s = min(_seconds(lambda: matrix @ matrix) for _ in range(_MATRIX_REPEATS))
    return 2 * _MATRIX_PX**3 / fastest_s / 1e9


def _import() -> float:
    def load() -> None:
        import napari_nuclei  # noqa: F401

    return _seconds(load)


def _labels() -> int:
    """Segment 256 x 256 px, as the first thing that the process does."""
    import napari_nuclei
    from benchmarks.images import mosaic

    return int(napari_nuclei.segment(mosaic(_SMALL_PX)).labels.max())


def _peak(side_px: str) -> float:
    """Return the peak of the process's memory in MB after segmenting one image."""
    import napari_nuclei
    from benchmarks.images import mosaic

    napari_nuclei.segment(mosaic(int(side_px)), diameter_px=None)
    return peak_mb()


def _growth() -> float:
    """Return by how many kB the process grows with each run, once it has settled."""
    import psutil
    from scipy.stats import theilslopes

    import napari_nuclei
    from benchmarks.images import mosaic

    model, image, process = napari_nuclei.load_model(), mosaic(_SMALL_PX), psutil.Process()
    kilobytes = []
    for _ in range(_RUNS):
        napari_nuclei.segment(image, model, diameter_px=None)
        kilobytes.append(process.memory_info().rss / 1e3)
    # A slope that single steps, such as those of an allocator, do not change.
    return float(theilslopes(kilobytes[len(kilobytes) // 2 :]).slope)


def _widget() -> dict[str, float]:
    """Open the widget in a napari that has just been started, and press Run at once."""
    widget, opened_s = _open_window(_SMALL_PX)
    return {"open_s": opened_s, "labels_s": _seconds(lambda: _press_run(widget))}


def _pace() -> float:
    """Return for how many seconds the window did not answer at most while an image is segmented."""
    from qtpy.QtCore import QTimer

    widget, _ = _open_window(_LARGE_PX)
    # What is loaded once belongs to the other probe, and what follows a run to that run.
    _press_run(widget)
    _process_events(lambda: not widget.results.recount.idle)
    timer = QTimer(interval=_TICK_MS)
    ticks = [time.perf_counter()]
    timer.timeout.connect(lambda: ticks.append(time.perf_counter()))
    # How long napari takes to draw a new layer is its own affair.
    widget.job.succeeded.connect(timer.stop)
    timer.start()
    _press_run(widget)
    return max(later - earlier for earlier, later in pairwise(ticks))


def _open_window(side_px: int) -> tuple[Any, float]:
    """Return the widget in a viewer with an image, and the seconds that it took to open."""
    import napari
    from qtpy.QtWidgets import QApplication

    from benchmarks.images import mosaic

    viewer = napari.Viewer(show=True)
    viewer.add_image(mosaic(side_px))
    QApplication.processEvents()
    started = time.perf_counter()
    _, widget = viewer.window.add_plugin_dock_widget("napari-nuclei", "Segment nuclei")
    QApplication.processEvents()
    return widget, time.perf_counter() - started


def _press_run(widget: Any) -> None:
    """Press Run and come back when the labels are there."""
    before = widget.results.current
    widget.panel.button.click()
    _process_events(lambda: widget.job.running)
    if widget.results.current is before:
        raise RuntimeError(widget.panel.status.text())


def _process_events(is_busy: Callable[[], bool]) -> None:
    from qtpy.QtWidgets import QApplication

    started = time.perf_counter()
    while is_busy() and time.perf_counter() - started < _TIMEOUT_S:
        QApplication.processEvents()
        time.sleep(0.002)


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


_PROBES: dict[str, Callable[..., Any]] = {
    "matrix": _matrix,
    "import": _import,
    "labels": _labels,
    "peak": _peak,
    "growth": _growth,
    "widget": _widget,
    "pace": _pace,
}


if __name__ == "__main__":
    print(json.dumps(_PROBES[sys.argv[1]](*sys.argv[2:])), flush=True)
    # At once: what a window does when it is torn down is not measured.
    os._exit(0)
