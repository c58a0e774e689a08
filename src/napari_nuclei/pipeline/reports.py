"""What a training shows of itself: a picture an epoch, curves, TensorBoard logs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from napari_nuclei import files
from napari_nuclei.core import images
from napari_nuclei.core.instances import label_nuclei
from napari_nuclei.pipeline.figures import draw_triptych
from napari_nuclei.pipeline.scale import predict_known

if TYPE_CHECKING:
    import numpy as np

    from napari_nuclei.core.diameter import DiameterRange
    from napari_nuclei.pipeline.datasets import Item
    from napari_nuclei.pipeline.loop import Epoch

_CURVES = {
    "loss": "loss",
    "pixel_crossentropy": "cross-entropy of the nucleus mask",
    "pixel_accuracy": "pixel accuracy",
    "pixel_iou": "IoU of the nucleus mask",
}


def draw_epoch(epoch: Epoch, item: Item, diameters: DiameterRange | None, path: Path) -> None:
    """Write a picture of one held-out image: image, truth, and what the network finds by now.

    Parameters
    ----------
    epoch : Epoch
        With the network.
    item : Item
        The image and its nuclei.
    diameters : DiameterRange or None
        The sizes in which the network is trained, as for
        `napari_nuclei.pipeline.scale.predict_known`.
    path : Path
        Ends in ``.png``.
    """
    image, truth = item.read_image(), item.read_labels()
    maps = predict_known(images.prepare(image), truth, epoch.network, diameters)
    draw_prediction(epoch.number, image, truth, label_nuclei(maps), path)


def draw_prediction(
    epoch: int,
    image: NDArray[Any],
    truth: NDArray[np.int32],
    found: NDArray[np.int32],
    path: Path,
) -> None:
    """Write a picture of an image, its nuclei, and those that were found after an epoch."""
    when = f"after epoch {epoch}" if epoch else "before training"
    draw_triptych(image, truth, found, path, titles=("image", "truth", f"prediction {when}"))


def draw_curves(epochs: Sequence[dict[str, float]], path: Path) -> None:
    """Write the courses of loss and metrics, training and validation, as one picture.

    Parameters
    ----------
    epochs : sequence of dict
        Rows of a run's history.
    path : Path
        Ends in ``.png``.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 7), layout="constrained")
    numbers = [row["epoch"] for row in epochs]
    for axes, (name, title) in zip(figure.subplots(2, 2).flat, _CURVES.items(), strict=True):
        axes.plot(numbers, [row[name] for row in epochs], ".-", label="training")
        axes.plot(numbers, [row[f"val_{name}"] for row in epochs], ".-", label="validation")
        axes.set(title=title, xlabel="epoch")
        axes.grid(alpha=0.3)
    figure.axes[0].legend()
    files.replace_file(path, lambda temporary: figure.savefig(temporary, dpi=100))


class TensorBoard:
    """Writes each epoch's figures for TensorBoard.

    Parameters
    ----------
    folder : Path
        ``tensorboard --logdir`` of this folder shows the curves.
    """

    def __init__(self, folder: Path) -> None:
        # Needs no TensorFlow, so that training logs with every Keras backend.
        from tensorboard.summary import Writer

        self._writer = Writer(str(folder))

    def add(self, epoch: Epoch) -> None:
        """Log one epoch; it is on disk when this returns."""
        for name, value in epoch.row.items():
            tag = f"validation/{name.removeprefix('val_')}" if name.startswith("val_") else name
            self._writer.add_scalar(tag, value, epoch.number)
        self._writer.flush()
