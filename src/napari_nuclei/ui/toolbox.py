"""What the correction tools do with the layer, the mouse and the view."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QObject, Signal

from napari_nuclei.core.axes import AxisReading
from napari_nuclei.ui.check_queue import CheckQueue
from napari_nuclei.ui.correction_modes import (
    JustOne,
    Merging,
    Mode,
    OneByOne,
    Reviewing,
    Splitting,
)
from napari_nuclei.ui.corrector import Corrector
from napari_nuclei.ui.gestures import Gestures
from napari_nuclei.ui.hints import Hints
from napari_nuclei.ui.label_plane import is_shown, point_below
from napari_nuclei.ui.redrawing import Redrawing
from napari_nuclei.ui.views import look_at, region_in_view

if TYPE_CHECKING:
    from napari.components import Dims
    from napari.layers import Labels
    from napari.viewer import Viewer

    from napari_nuclei.core.regions import Region
    from napari_nuclei.ui.gestures import Point

NEXT, PREVIOUS = "N", "Shift-N"
ACCEPT, DELETE, MERGE, SPLIT, FILL, REDRAW = "A", "D", "J", "S", "H", "R"
RECTANGLE, VIEW = "Q", "W"
_MOVES = {NEXT, PREVIOUS}

_LOOK = f"{ACCEPT} accepts it, {DELETE} deletes it; or correct it. {NEXT} goes on."
_DRAW = "Click around it, double click ends. Escape brings the old one back."


class Toolbox(QObject):
    """The tools, named by their keys, for one layer at a time.

    A tool acts at once on the nucleus below the mouse, or else on the one that is looked at. Where
    there is neither, it is chosen: what is clicked or dragged then is corrected. `said` tells a
    person what was done or what to do, `chosen` which tool is; empty: none.
    """

    said = Signal(str)
    chosen = Signal(str)

    def __init__(self, viewer: Viewer, parent: QObject) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self.corrector: Corrector | None = None
        self.hints = Hints(self)
        self.hints.said.connect(self.said)
        self.queue = CheckQueue(self)
        self.queue.ranked.connect(self._on_ranked)
        viewer.dims.events.ndisplay.connect(self._on_left)
        self._is_awaited = False
        self.key = ""
        self._gestures: Gestures | Redrawing | None = None
        self._pointer_before: tuple[float, ...] = ()

    def take(self, layer: Labels | None) -> None:
        """Work on another layer, or on none.

        Raises
        ------
        InputError
            When it cannot be corrected; the tools are then without a layer.
        """
        self.leave()
        self._is_awaited = False
        if self.corrector is not None:
            self.corrector.layer.events.data.disconnect(self._on_data)
            self.corrector.layer.events.mode.disconnect(self._on_mode)
        self.corrector = None
        self.queue.follow(None)
        self.hints.follow(None)
        if layer is not None:
            self.corrector = Corrector(layer)
            self.corrector.layer.events.data.connect(self._on_data)
            self.corrector.layer.events.mode.connect(self._on_mode)
            self.queue.follow(layer)
            self.hints.follow(self.corrector)

    def press(self, key: str) -> None:
        """Use a tool, or leave it where it is chosen already."""
        corrector = self.corrector
        if corrector is not None:
            self._try(corrector, partial(self._use, corrector, key), moves=key in _MOVES)

    def leave(self) -> None:
        """Choose no tool; napari's own is as before."""
        self.hints.lasting = str
        if self._gestures is not None:
            self._gestures.stop()
            self._gestures = None
            self._show_chosen("")

    def _use(self, corrector: Corrector, key: str) -> str:
        self._viewer.layers.selection.active = corrector.layer
        if isinstance(self._gestures, Redrawing):
            # First of all: what is erased meanwhile is no correction yet.
            self.leave()
            if key == REDRAW:
                return ""
        direct = {NEXT: self._go_on, PREVIOUS: self._go_back, VIEW: self._review_view}
        if key in direct:
            return direct[key](corrector)
        nucleus = self._nucleus_below(corrector)
        if key == self.key and not nucleus:
            self.leave()
            return ""
        nucleus = nucleus or self._nucleus_in_view(corrector)
        act = self._actions(corrector).get(key)
        if nucleus and act is not None:
            return self._advance(corrector, nucleus, act(nucleus))
        return self._choose(corrector, key, nucleus)

    def _actions(self, corrector: Corrector) -> dict[str, Callable[[int], str]]:
        return {
            ACCEPT: corrector.accept,
            DELETE: corrector.delete,
            FILL: corrector.fill,
            REDRAW: partial(self._redraw, corrector),
        }

    def _choose(self, corrector: Corrector, key: str, nucleus: int) -> str:
        self.leave()
        act = self._actions(corrector).get(key, str)
        make: dict[str, Callable[[], Mode]] = {
            ACCEPT: lambda: OneByOne(corrector, act, "that is right"),
            DELETE: lambda: OneByOne(corrector, act, "to delete"),
            FILL: lambda: OneByOne(corrector, act, "to fill"),
            REDRAW: lambda: JustOne(corrector, act, "to draw anew"),
            MERGE: lambda: Merging(corrector, nucleus),
            SPLIT: lambda: Splitting(corrector),
            RECTANGLE: lambda: Reviewing(corrector),
        }
        mode = make[key]()
        self._gestures = Gestures(
            corrector.layer,
            self._viewer.dims,
            lambda point: self._try(corrector, partial(mode.clicked, point)),
            (lambda *ends: self._try(corrector, partial(mode.dragged, *ends)))
            if mode.drags
            else None,
            self._on_left,
            mode.outline,
        )
        self._show_chosen(key)
        self.hints.lasting = lambda: mode.hint
        return mode.hint

    def _show_chosen(self, key: str) -> None:
        self.key = key
        self.chosen.emit(key)

    def _try(self, corrector: Corrector, act: Callable[[], str], *, moves: bool = False) -> None:
        reason = _refusal(corrector.layer, self._viewer.dims, moves=moves)
        self.hints.tell_of(lambda: reason or act())

    def _on_mode(self, event: object = None) -> None:
        if self._gestures is None:
            # What to do with a tool of ours is not what to do with one of napari.
            self.hints.lasting = str
            self.said.emit("")

    def _on_left(self, event: object = None) -> None:
        self.leave()
        self.said.emit("")

    def _nucleus_below(self, corrector: Corrector) -> int:
        """Return the nucleus below the mouse, unless only the view has moved since a jump."""
        pointer = tuple(self._viewer.cursor.position)
        if not self._viewer.mouse_over_canvas or pointer == self._pointer_before:
            return 0
        return corrector.nucleus_at(point_below(corrector.layer, pointer, self._viewer.dims))

    def _nucleus_in_view(self, corrector: Corrector) -> int:
        """Return the nucleus that is looked at, as long as one can see it."""
        place = corrector.centre_of(self.queue.current) if self.queue.current else None
        view = _in_view(self._viewer, corrector.layer)
        if place is None or view is None:
            return 0
        inside = np.array(place[0]) - view.origin
        return self.queue.current if ((inside >= 0) & (inside < view.shape)).all() else 0

    def _advance(self, corrector: Corrector, nucleus: int, told: str) -> str:
        """Go on after the nucleus that was looked at was accepted or deleted."""
        corrections = corrector.corrections
        is_decided = nucleus in corrections.accepted or nucleus in corrections.changes().gone
        if nucleus != self.queue.current or not is_decided:
            return told
        return f"{told} {self._go_on(corrector)}"

    def _go_on(self, corrector: Corrector) -> str:
        if self.queue.order is None:
            self._is_awaited = True
            return "Looking for the least certain nucleus…"
        done = corrector.corrections.done
        return self._show(corrector, self.queue.go_on, done) or "All nuclei are checked."

    def _go_back(self, corrector: Corrector) -> str:
        gone = corrector.corrections.changes().gone
        return self._show(corrector, self.queue.go_back, gone) or "This is the first one."

    def _show(
        self, corrector: Corrector, go: Callable[[set[int]], int], left_out: Collection[int]
    ) -> str:
        self.leave()
        left_out = set(left_out)
        while nucleus := go(left_out):
            place = corrector.centre_of(nucleus)
            if place is not None:
                return self._look_at(corrector, nucleus, *place)
            # A program has removed it.
            left_out.add(nucleus)
        return ""

    def _look_at(self, corrector: Corrector, nucleus: int, centre: Point, side_px: float) -> str:
        look_at(self._viewer, corrector.layer, centre, max(side_px, self.queue.typical_px))
        corrector.layer.selected_label = nucleus
        self._pointer_before = tuple(self._viewer.cursor.position)
        told = f"Nucleus {nucleus} is in the middle. {_LOOK}"
        self.hints.lasting = lambda: told
        return told

    def _review_view(self, corrector: Corrector) -> str:
        view = _in_view(self._viewer, corrector.layer)
        if view is None:
            return "Nothing of this layer is in view."
        return corrector.review(view.origin, (view.rows[1] - 1, view.columns[1] - 1))

    def _redraw(self, corrector: Corrector, nucleus: int) -> str:
        self.leave()
        end = partial(self._end_drawing, self.hints.last_step())
        say_left = partial(end, f"Nucleus {nucleus} is as it was.")
        say_drawn = partial(end, f"Nucleus {nucleus} is drawn.")
        self._gestures = Redrawing(corrector, nucleus, say_drawn, say_left)
        self._show_chosen(REDRAW)
        return f"Draw nucleus {nucleus} anew: {_DRAW}"

    def _end_drawing(self, before: object, told: str) -> None:
        self.leave()
        self.hints.tell(told, before)

    def _on_ranked(self) -> None:
        if self._is_awaited:
            self._is_awaited = False
            self.press(NEXT)

    def _on_data(self) -> None:
        self.leave()
        if self.corrector is not None:
            self.queue.follow(self.corrector.layer)


def _refusal(layer: Labels, dims: Dims, *, moves: bool = False) -> str:
    """Return why a layer cannot be corrected as it is shown; `moves`: by what moves the sliders."""
    if dims.ndisplay != 2 or set(dims.displayed) != {dims.ndim - 2, dims.ndim - 1}:
        return "Switch to the 2D view of height and width to correct nuclei."
    if not layer.visible:
        return "This layer is hidden: show it in the layer list to correct it."
    if not layer.editable:
        return "This layer is locked: unlock it in the layer list to correct it."
    if not (moves or is_shown(layer, dims)):
        return f"These labels lie on another plane: {NEXT} goes there, to the next to check."
    return ""


def _in_view(viewer: Viewer, layer: Labels) -> Region | None:
    return region_in_view(viewer, layer, AxisReading(layer.data.shape, ("",) * layer.ndim))
