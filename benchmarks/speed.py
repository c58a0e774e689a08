"""How fast it is, alone and against its peers, as tables and as JSON: run by ``make bench``.

Takes some minutes. The machine should do nothing else meanwhile; what it does is told at the top.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import shutil
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

from benchmarks import end_to_end, engines, fresh, relabel, stages
from benchmarks.command import add_model
from benchmarks.images import mosaic, real_images
from benchmarks.tables import aligned
from napari_nuclei import files
from napari_nuclei.model import layout, store
from napari_nuclei.model.device import device_name
from napari_nuclei.model.network import threads

OUT = Path("runs", "bench", "speed.json")
PACKAGES = ("napari-nuclei", "numpy", "scipy", "scikit-image", "onnxruntime", "tensorflow")
N_REAL = 20
PEAK_SIDES_PX = (256, 1024, 2048, 4096)
STAGES_PX = 4096
_FRESH_REPEATS = 3
_NO_WINDOW = "not measured: it needs napari, and a screen or xvfb-run"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure everything, print the tables and write the figures."""
    parser = argparse.ArgumentParser("benchmarks.speed", description=(__doc__ or "").split("\n")[0])
    parser.add_argument(
        "dataset", type=Path, nargs="?", help=f"take {N_REAL} images of this data set, too"
    )
    add_model(parser)
    parser.add_argument(
        "-o", "--out", type=Path, default=OUT, help=f"where the figures go (default: {OUT})"
    )
    args = parser.parse_args(arguments)
    model = store.load_model(args.model)
    figures = _measure(model, args.dataset)
    files.write_text(args.out, json.dumps(figures, indent=1) + "\n")
    print(f"\nall figures: {args.out}")


def _measure(model: store.Model, dataset: Path | None) -> dict[str, Any]:
    """Measure part by part; each one is printed as soon as it is there."""
    machine = _machine(model)
    _show("Machine", aligned([(name, str(value)) for name, value in machine.items()]))
    # First of all, while this process is small.
    start_up, window, memory = _start_up(), _window(), _memory()
    _show("From the start of the process", aligned(_as_rows(start_up, "seconds", 3)))
    _show("In napari's window", aligned(_as_rows(window, "seconds", 3)) if window else _NO_WINDOW)
    _show("Memory", aligned(_as_rows(memory, "", 0)))
    slider = relabel.measure_slider()
    _show("A threshold slider moves, 1024 x 1024 px", relabel.format_slider(slider))
    speeds = engines.measure_engines(model)
    _show("The network alone, 128 x 128 px", engines.format_engines(speeds))
    cases = end_to_end.measure_cases(model, real_images(dataset, N_REAL), _stardist())
    bare = engines.best(speeds)
    _show("From array to labels and table", end_to_end.format_cases(cases, bare))
    taken = stages.time_stages(mosaic(STAGES_PX), model)
    _show(f"Stages, {STAGES_PX} x {STAGES_PX} px", stages.format_stages(taken))
    return {
        "machine": machine,
        "versions": {name: version(name) for name in PACKAGES},
        "start_up_s": start_up,
        "window_s": window,
        "memory": memory,
        "slider": relabel.to_json(slider),
        "network": engines.to_json(speeds),
        "images": end_to_end.to_json(cases),
        "stages_s": taken,
    }


def _machine(model: store.Model) -> dict[str, Any]:
    busy = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
    multiply_adds = layout.multiply_adds(model.network.config, engines.TILE_PX)
    return {
        "device": device_name(),
        "threads": threads(),
        "memory GB": round(psutil.virtual_memory().total / 1e9),
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "load before": busy,
        "model": f"{model.name}, {multiply_adds / 1e6:.0f} million multiply-adds a tile",
    }


def _start_up() -> dict[str, float]:
    labels = (fresh.run("labels")[1] for _ in range(_FRESH_REPEATS))
    return {
        "import napari_nuclei": min(fresh.run("import")[0] for _ in range(_FRESH_REPEATS)),
        "process to labels of 256 x 256 px": min(labels),
    }


def _window() -> dict[str, float]:
    """Return what napari's window is measured by; nothing without napari or a screen."""
    if importlib.util.find_spec("napari") is None or not _has_screen():
        return {}
    widgets = [fresh.run("widget", screen=True)[0] for _ in range(_FRESH_REPEATS)]
    longest_wait_s = fresh.run("pace", screen=True)[0]
    fastest = min(widgets, key=lambda widget: sum(widget.values()))
    return {
        "opening the widget": fastest["open_s"],
        "Run to labels of 256 x 256 px, at once": fastest["labels_s"],
        "longest wait while 2048 x 2048 px are segmented": longest_wait_s,
    }


def _has_screen() -> bool:
    screens = (os.environ.get("DISPLAY"), os.environ.get("WAYLAND_DISPLAY"))
    return sys.platform != "linux" or any(screens) or shutil.which("xvfb-run") is not None


def _memory() -> dict[str, float]:
    sides = {f"peak MB, {side_px} x {side_px} px": side_px for side_px in PEAK_SIDES_PX}
    peaks = {name: fresh.run("peak", str(side_px))[0] for name, side_px in sides.items()}
    return {**peaks, "kB more with each of 100 runs": fresh.run("growth")[0]}


def _stardist() -> end_to_end.Segment | None:
    if importlib.util.find_spec("stardist") is None:
        return None
    from benchmarks.stardist_speed import StarDist

    return StarDist()


def _as_rows(figures: dict[str, Any], unit: str, decimals: int) -> list[tuple[str, str]]:
    rows = [("", unit)]
    for name, value in figures.items():
        rows.append((name, f"{value:.{decimals}f}"))
    return rows


def _show(title: str, table: str) -> None:
    print(f"\n{title}\n\n{table}", flush=True)


if __name__ == "__main__":
    main()
