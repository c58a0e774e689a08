"""Segment the bundled DSB2018 image, score it against its mask, draw it, and show it in napari.

Run by ``make demo``. The window opens only where there is a screen and a Qt binding. It belongs to
another process, ``python tools/demo.py --show``: Qt ends a process in which it cannot start.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import tifffile

import napari_nuclei
from napari_nuclei.core.metrics import score
from napari_nuclei.pipeline import figures
from napari_nuclei.pipeline.samples import read_sample

OUT = Path("demo")
OVERLAY = OUT / "overlay.png"
LABELS = OUT / "labels.tif"


def main() -> None:
    """Run the demo from start to end, or only show what it found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--show", action="store_true", help="only show what the last demo found")
    if parser.parse_args().show:
        show()
        return
    segment_sample()
    if can_show():
        open_window()
    else:
        print("No window: this needs a screen and napari with Qt (pip install 'napari[all]').")


def segment_sample() -> None:
    """Segment the sample, print the scores, and write the labels and a picture."""
    print("Segmenting the bundled DSB2018 image ...", flush=True)
    sample = read_sample("dsb2018")
    found = napari_nuclei.segment(sample.image).labels
    scores = score(sample.labels, found)
    print(f"nuclei found: {scores.n_predicted} (the mask has {scores.n_true})")
    print(f"AP50: {scores.ap50:.3f}")
    titles = ("DSB2018", f"mask: {scores.n_true} nuclei", f"found: {scores.n_predicted} nuclei")
    figures.draw_triptych(sample.image, sample.labels, found, OVERLAY, titles=titles)
    print(f"overlay: {OVERLAY} (image, outlines of the mask, outlines found)")
    tifffile.imwrite(LABELS, found, compression="zlib")


def can_show() -> bool:
    """Return whether there is a screen and a Qt binding to draw on it."""
    screen = sys.platform in {"darwin", "win32"} or {"DISPLAY", "WAYLAND_DISPLAY"} & set(os.environ)
    return bool(screen) and any(map(importlib.util.find_spec, ("PyQt6", "PySide6")))


def open_window() -> None:
    """Show what was found in another process, until its window is closed; it may fail."""
    print("Close the window to end the demo.", flush=True)
    shown = subprocess.run([sys.executable, __file__, "--show"], capture_output=True, check=False)
    if shown.returncode:
        print("No window: napari could not open it (python tools/demo.py --show tells why).")


def show() -> None:
    """Open napari with the image, its mask and the nuclei found, until the window is closed."""
    import napari

    sample = read_sample("dsb2018")
    viewer = napari.Viewer(title="napari-nuclei demo")
    viewer.add_image(sample.image, name="DSB2018")
    viewer.add_labels(sample.labels, name="mask", visible=False)
    viewer.add_labels(tifffile.imread(LABELS), name="nuclei found")
    napari.run()


if __name__ == "__main__":
    main()
