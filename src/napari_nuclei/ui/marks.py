"""What the canvas shows of the check: a dot on each accepted nucleus, a ring around the current."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Points
from numpy.typing import NDArray
from qtpy.QtCore import QObject, Signal

from napari_nuclei.core.changes import accepted_places
from napari_nuclei.core.edits import find, middle_of
from napari_nuclei.pipeline.prediction import Progress
from napari_nuclei.ui.geometry import layer_geometry
from napari_nuclei.ui.jobs import Job
from napari_nuclei.ui.label_plane import is_shown, points_in_layer

if TYPE_CHECKING:
    from napari.components import ViewerModel

    from napari_nuclei.core.changes import Seen
    from napari_nuclei.ui.corrector import Corrector

NAME = "checked (marks)"

_GREEN, _YELLOW, _BLACK = "#2fd05f", "#ffe14d", "#000000"
# Of the size of a nucleus; a dot is at least so large on the screen.
_DOT_SHARE, _RING_SHARE, _RING_MARGIN_PX = 0.3, 1.2, 4
_SCREEN_PX = (5, 10_000)
_NOTHING_PX = (0, 0)
# Relative to the size of the mark. The ring is yellow on black: seen on every ground.
_DOT_BORDER, _RING_BORDERS = 0.15, ((_BLACK, 0.1), (_YELLOW, 0.05))


@dataclass(frozen=True)
class _Places:
    """Centres (y, x) of the accepted nuclei, shape (N, 2), and centre and side of the current."""

    dots: NDArray[np.float64]
    ring: tuple[tuple[float, float], float] | None


class Marks(QObject):
    """A Points layer of its own above the layer that is corrected; `drawn` tells of each change.

    It comes with the first mark. Who removes it has seen enough of them, until another layer is
    marked.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        The one that shows the layer.
    """

    drawn = Signal()

    def __init__(self, viewer: ViewerModel, parent: QObject) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._corrector: Corrector | None = None
        self._points: Points | None = None
        self._asked: tuple[int, float] | None = None
        self._typical_px = 0.0
        self._job = Job(self)
        self._job.succeeded.connect(self._draw)
        self._job.ended.connect(self._start)
        for emitter in (viewer.dims.events.current_step, viewer.dims.events.ndisplay):
            emitter.connect(self._hide_placeholder)

    def follow(self, corrector: Corrector | None) -> None:
        """Mark another layer, or none."""
        self.remove()
        self._corrector = corrector

    def show(self, current: int, typical_px: float) -> None:
        """Mark what is accepted by now, soon, and the nucleus that is looked at; 0: none."""
        self._asked = current, typical_px
        self._start()

    def remove(self) -> None:
        """Take the marks off the canvas."""
        self._asked = None
        self._job.cancel()
        points, self._points = self._points, None
        if points is not None and points in self._viewer.layers:
            self._viewer.layers.remove(points)

    def _start(self) -> None:
        if self._asked is None or self._corrector is None or self._job.running:
            return
        (current, self._typical_px), self._asked = self._asked, None
        corrections = self._corrector.corrections
        self._job.start(_places_steps(corrections.labels, corrections.seen, current))

    def _draw(self, places: _Places) -> None:
        if self._corrector is None:
            return
        if self._points is None and (places.ring or len(places.dots)):
            self._points = self._add_layer(self._corrector)
        if self._points is not None:
            _move(self._points, places)
            self._hide_placeholder()
        self.drawn.emit()

    def _hide_placeholder(self, event: object = None) -> None:
        """Let napari's own point not be seen, which it draws where there is none to be drawn."""
        points = self._points
        if points is not None:
            dims = self._viewer.dims
            is_seen = points.shown.any() and (dims.ndisplay == 3 or is_shown(points, dims))
            points.canvas_size_limits = _SCREEN_PX if is_seen else _NOTHING_PX

    def _add_layer(self, corrector: Corrector) -> Points:
        layer = corrector.layer
        points = Points(
            np.zeros((len(_RING_BORDERS), layer.ndim)),
            name=NAME,
            face_color="transparent",
            border_color=[colour for colour, _ in _RING_BORDERS],
            border_width=[width for _, width in _RING_BORDERS],
            **layer_geometry(layer, layer.ndim, np.zeros(layer.ndim), np.ones(layer.ndim)),
        )
        # All that comes later is a dot, and each change but one of the places.
        points.current_size = max(1.0, _DOT_SHARE * self._typical_px)
        points.current_face_color, points.current_border_color = _GREEN, _BLACK
        points.current_border_width = _DOT_BORDER
        selected = self._viewer.layers.selection.active
        self._viewer.add_layer(points)
        # Keys go to the selected layer, which is the one that is corrected.
        self._viewer.layers.selection.active = selected
        return points


def _move(points: Points, places: _Places) -> None:
    """Move the ring, which comes first, and the dots; with thousands, each attribute takes time."""
    n_rings = len(_RING_BORDERS)
    middle, side_px = places.ring or ((0.0, 0.0), 0.0)
    centres = np.concatenate([[middle] * n_rings, places.dots])
    points.data = points_in_layer(centres, points.ndim)
    ring_px = _RING_SHARE * side_px + _RING_MARGIN_PX
    if points.size[0] != ring_px:
        points.size = np.concatenate([[ring_px] * n_rings, points.size[n_rings:]])
    if points.shown[0] != bool(places.ring):
        points.shown = np.arange(len(points.data)) >= (0 if places.ring else n_rings)
    # Not once: napari unlocks a layer whenever it gets data.
    points.editable = False


def _places_steps(
    labels: NDArray[np.integer[Any]], seen: tuple[Seen, ...], current: int
) -> Generator[Progress, None, _Places]:
    yield Progress(0, 0)
    centres = list(accepted_places(labels, seen).values())
    yield Progress(0, 0)
    window = find(labels, current) if current else None
    ring = None
    if window is not None:
        rows, columns = window
        size_px = rows.stop - rows.start, columns.stop - columns.start
        ring = middle_of(window), float(np.hypot(*size_px))
    return _Places(np.array(centres, float).reshape(-1, 2), ring)
