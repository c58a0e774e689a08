"""Make the pictures of the documentation by driving the real program.

Needs a screen; without one::

    xvfb-run -a -s "-screen 0 1400x900x24" python tools/screenshots.py
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import imageio.v3 as iio
import napari
import numpy as np
from napari.settings import get_settings
from qtpy.QtCore import QEventLoop, QTimer
from qtpy.QtWidgets import QApplication

from napari_nuclei.pipeline.samples import read_sample
from napari_nuclei.ui.corrections import corrections_of

if TYPE_CHECKING:
    from qtpy.QtCore import SignalInstance

IMAGES = Path(__file__).parents[1] / "docs" / "images"
SIZE_PX = (1280, 800)
TIMEOUT_MS = 300_000
SETTLE_MS = 1000
TRAINING_S = 90


def main() -> None:
    """Write every picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=IMAGES)
    parser.add_argument("--theme", choices=["dark", "light"], default="dark")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    # Only this process: nothing of it is saved to the user's settings.
    get_settings()._save_on_change = False
    segment_widget(arguments.folder / "segment-widget.png", arguments.theme)
    batch_widget(arguments.folder / "batch-widget.png", arguments.theme)
    correct_widget(arguments.folder, arguments.theme)


def segment_widget(path: Path, theme: str) -> None:
    """Write the window with the bundled sample, the widget and the nuclei that it found."""
    viewer = napari.Viewer()
    viewer.theme = theme
    viewer.window.resize(*SIZE_PX)
    image, _ = viewer.open_sample("napari-nuclei", "dsb2018")
    image.gamma = 0.6  # on paper the dim nuclei would be black
    _, widget = viewer.window.add_plugin_dock_widget("napari-nuclei", "Segment nuclei")
    widget.panel.button.click()
    wait_for(widget.job.ended)
    viewer.layers.selection.active.contour = 2
    settle()
    viewer.reset_view()
    settle()
    save(viewer, path)
    viewer.close()


def batch_widget(path: Path, theme: str) -> None:
    """Write the window with the widget after a folder with a bad file was segmented."""
    viewer = napari.Viewer()
    viewer.theme = theme
    viewer.window.resize(*SIZE_PX)
    _, widget = viewer.window.add_plugin_dock_widget("napari-nuclei", "Batch")
    with TemporaryDirectory() as folder:
        images = Path(folder, "plate 1")
        write_images(images)
        widget.controls.images.set_path(images)
        widget.controls.results.set_path(Path(folder, "results"))
        wait_for(widget.lister.succeeded)
        widget.panel.button.click()
        wait_for(widget.job.ended)
        settle()
        save(viewer, path)
        viewer.close()


def correct_widget(folder: Path, theme: str) -> None:
    """Write the window before, during and after a training."""
    with TemporaryDirectory() as home:
        # No models and trainings of whoever makes the pictures.
        os.environ["NAPARI_NUCLEI_HOME"] = home
        viewer = napari.Viewer()
        viewer.theme = theme
        viewer.window.resize(*SIZE_PX)
        add_dark_nuclei(viewer)
        _, widget = viewer.window.add_plugin_dock_widget("napari-nuclei", "Correct and train")
        widget.chooser.button.click()
        corrections_of(viewer.layers["nuclei"]).mark_all_reviewed()
        settle()
        save(viewer, folder / "correct-before.png")
        widget.controls.seconds.setValue(TRAINING_S)
        widget.panel.button.click()
        while len(widget.course.curve.points) < 2 and widget.training.running:
            settle()
        save(viewer, folder / "correct-during.png")
        wait_for(widget.training.ended)
        widget.decision.compare.click()
        wait_for(widget.decision.comparer.ended)
        settle()
        save(viewer, folder / "correct-after.png")
        viewer.close()


def add_dark_nuclei(viewer: napari.Viewer) -> None:
    """Add a part of the bundled sample as a microscope shows it that the model does not know."""
    sample = read_sample("dsb2018")
    part = np.s_[:256, :256]
    image = sample.image[part].astype(np.float32)
    viewer.add_image(image.max() - image, name="dark nuclei", gamma=2)
    viewer.add_labels(sample.labels[part], name="nuclei").contour = 2


def write_images(folder: Path) -> None:
    """Write parts of the bundled sample, and a file that is no image."""
    folder.mkdir()
    image = read_sample("dsb2018").image
    for name, part in (
        ("A1", np.s_[:256, :256]),
        ("A2", np.s_[256:, :256]),
        ("B1", np.s_[:, 256:]),
    ):
        iio.imwrite(folder / f"well {name}.tif", image[part])
    (folder / "well B2.tif").write_text("no image")


def wait_for(signal: SignalInstance) -> None:
    """Let the program run until `signal`; end with an error when it does not come."""
    loop = QEventLoop()
    signal.connect(loop.quit)
    QTimer.singleShot(TIMEOUT_MS, lambda: loop.exit(1))
    if loop.exec():
        raise SystemExit(f"Nothing came after {TIMEOUT_MS} ms.")


def settle() -> None:
    """Let napari finish drawing."""
    loop = QEventLoop()
    QTimer.singleShot(SETTLE_MS, loop.quit)
    loop.exec()
    QApplication.processEvents()


def save(viewer: napari.Viewer, path: Path) -> None:
    """Write the whole window as a PNG."""
    pixels = viewer.screenshot(canvas_only=False, flash=False)
    iio.imwrite(path, pixels)
    print(f"{path}: {pixels.shape[1]} x {pixels.shape[0]} px")


if __name__ == "__main__":
    main()
