"""Clicks and drags on a Labels layer for as long as a tool needs them, in place of napari's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_nuclei.ui.label_plane import point_below, points_in_layer

if TYPE_CHECKING:
    from napari.components import Dims
    from napari.layers import Labels
    from napari.utils.events import Event

Point = tuple[float, float]

_CLICK_PX = 4
"""How far a mouse may move on the screen while it clicks."""


class Gestures:
    """Calls back with points (y, x) in pixels of the layer's plane, until `stop`.

    Parameters
    ----------
    layer : napari.layers.Labels
        The selected layer: others get no mouse events.
    dims : napari.components.Dims
        Those of the viewer, in whose units the mouse is.
    on_click : callable
        Gets the point.
    on_drag : callable or None
        Gets the first and the last point. None: drags move the view, as usual.
    on_left : callable
        Gets nothing: Escape was pressed, or another tool of napari chosen.
    outline : callable
        Gets the first and the present point of a drag, and returns the points to draw meanwhile.
    """

    def __init__(
        self,
        layer: Labels,
        dims: Dims,
        on_click: Callable[[Point], object],
        on_drag: Callable[[Point, Point], object] | None,
        on_left: Callable[[], object],
        outline: Callable[[Point, Point], list[Point]] = lambda first, last: [first, last],
    ) -> None:
        self._layer, self._dims = layer, dims
        self._on_click, self._on_drag, self._outline = on_click, on_drag, outline
        self._on_left = on_left
        self._is_stopped = False
        self._mode_before = layer.mode
        layer.mode = "pan_zoom"
        layer.mouse_pan = on_drag is None
        self._cursor_before = layer.cursor
        layer.cursor = "crosshair"
        layer.mouse_drag_callbacks.append(self._on_press)
        self._escape_before = layer.bind_key("Escape", lambda layer: on_left(), overwrite=True)
        layer.events.mode.connect(self._on_mode)

    def stop(self) -> None:
        """Give the mouse and the key back to napari, and take up the tool that was chosen."""
        self._is_stopped = True
        layer = self._layer
        layer.events.mode.disconnect(self._on_mode)
        layer.mouse_drag_callbacks.remove(self._on_press)
        layer.bind_key("Escape", self._escape_before, overwrite=True)
        self._draw([])
        if layer.mode == "pan_zoom":
            layer.cursor, layer.mouse_pan = self._cursor_before, True
            layer.mode = self._mode_before

    def _on_mode(self, event: Event) -> None:
        self._on_left()

    def _on_press(self, layer: Labels, event: Any) -> Iterator[None]:
        if event.button != 1:
            return
        pressed, first = np.array(event.pos), self._point(event)
        is_drag = False
        yield
        while event.type == "mouse_move" and not self._is_stopped:
            is_drag = is_drag or self._is_far(event, pressed)
            if is_drag and self._on_drag is not None:
                self._draw(self._outline(first, self._point(event)))
            yield
        # napari goes on with a drag that has begun, whatever was stopped meanwhile.
        if self._is_stopped:
            return
        self._draw([])
        if not (is_drag or self._is_far(event, pressed)):
            self._on_click(first)
        elif self._on_drag is not None:
            self._on_drag(first, self._point(event))

    def _is_far(self, event: Any, pressed: NDArray[np.integer]) -> bool:
        return bool(np.abs(event.pos - pressed).max() > _CLICK_PX)

    def _point(self, event: Any) -> Point:
        return point_below(self._layer, event.position, self._dims)

    def _draw(self, points: list[Point]) -> None:
        # napari has no public way to draw what is no layer; its polygon tool is at rest meanwhile.
        shown = points_in_layer(points, self._layer.ndim).tolist() if points else []
        self._layer._overlays["polygon"].points = shown


def rectangle(first: Point, last: Point) -> list[Point]:
    """Return the corners of the rectangle between two points."""
    return [first, (first[0], last[1]), last, (last[0], first[1])]
