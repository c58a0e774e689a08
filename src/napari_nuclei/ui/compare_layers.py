"""Old and new labels of an image as layers, in which the nuclei that changed have a colour."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari.utils import DirectLabelColormap

from napari_nuclei.core.differences import Differences, find_differences
from napari_nuclei.model.store import load_model
from napari_nuclei.pipeline.prediction import Progress
from napari_nuclei.pipeline.segment import SegmentOptions, segment_steps
from napari_nuclei.ui.names import OWN

if TYPE_CHECKING:
    import numpy as np
    from napari.viewer import Viewer
    from numpy.typing import NDArray

    from napari_nuclei.model.device import Device
    from napari_nuclei.ui.planes import Planes

GONE, NEW, SAME = "magenta", "lime", "gray"
"""Colours of nuclei that only the old model finds, only the new one, and both."""

_CONTOUR_PX = 2
_NAME = "compared"


@dataclass(frozen=True)
class Compared:
    """An image, and what two models find in it.

    Attributes
    ----------
    before, after : numpy.ndarray
        Shape (Y, X), int32.
    differences : Differences
    """

    before: NDArray[np.int32]
    after: NDArray[np.int32]
    differences: Differences


def compare_steps(
    image: NDArray[Any], old: Path, new: Path, device: Device = "auto"
) -> Generator[Progress, None, Compared]:
    """Segment an image with two models, in a worker.

    Parameters
    ----------
    image : numpy.ndarray
        Shape (Y, X) or (Y, X, 3).
    old, new : Path
        Model folders.
    device : "auto" or "cpu"
        As for `napari_nuclei.pipeline.segment.SegmentOptions`.
    """
    found = []
    for folder in (old, new):
        yield Progress(0, 0)
        model = load_model(folder)
        options = SegmentOptions(device=device)
        segmentation = yield from segment_steps(image, model, options, rgb=image.ndim == 3)
        found.append(segmentation.labels)
    before, after = found
    return Compared(before, after, find_differences(before, after))


def add_compared(viewer: Viewer, name: str, compared: Compared, planes: Planes | None) -> None:
    """Add both labels as layers of outlines; what both models find is grey.

    They come in the place of those of an earlier comparison of the same name. `planes` are where
    the image lies; None: it is no layer of the viewer.
    """
    _remove_earlier(viewer, name)
    differences = compared.differences
    for labels, when, ids, colour in (
        (compared.before.copy(), "before", differences.before, GONE),
        (compared.after.copy(), "after", differences.after, NEW),
    ):
        colours: dict[int | None, str] = {
            None: SAME,
            0: "transparent",
            **dict.fromkeys(ids, colour),
        }
        layer = viewer.add_labels(
            labels if planes is None else planes.as_layer_data(labels),
            name=f"{name} {when}",
            colormap=DirectLabelColormap(color_dict=colours),
            metadata={OWN: {_NAME: name}},
            **({} if planes is None else planes.geometry),
        )
        layer.contour = _CONTOUR_PX
        # To look at: what is learnt from is painted in the labels of the pair.
        layer.editable = False


def _remove_earlier(viewer: Viewer, name: str) -> None:
    for layer in list(viewer.layers):
        # One that somebody has unlocked is theirs: it may have been painted.
        if layer.metadata.get(OWN) == {_NAME: name} and not layer.editable:
            viewer.layers.remove(layer)
