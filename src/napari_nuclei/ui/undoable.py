"""A value that belongs to a Labels layer and is undone with its strokes, in their order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from weakref import ref

import numpy as np

if TYPE_CHECKING:
    from napari.layers import Labels

Value = TypeVar("Value")


class Undoable(Generic[Value]):
    """Each change of the value is one step of the layer's undo, which changes no pixel.

    napari keeps the history of a layer to itself and tells nobody of an undo: `follow` is to be
    called when one may have been.

    Parameters
    ----------
    layer : napari.layers.Labels
        It is not kept alive.
    value : object
        The first one.
    """

    def __init__(self, layer: Labels, value: Value) -> None:
        self._layer = ref(layer)
        self.restart(value)

    def restart(self, value: Value) -> None:
        """Take a value that cannot be undone."""
        self._first = value
        self._steps: list[_Step[Value]] = []

    @property
    def value(self) -> Value:
        """The present one."""
        done = [step for step in self._steps if step.is_done]
        return done[-1].value if done else self._first

    def change(self, value: Value) -> None:
        """Take another value, in one step of undo."""
        layer = self._layer()
        if layer is None:
            self.restart(value)
            return
        self.follow()
        step = _Step(_no_pixels(), value)
        # Not with napari's own way to save a step: it tells everybody that somebody has painted.
        layer._redo_history.clear()
        layer._undo_history.append([step.atom])
        self._steps = [*(one for one in self._steps if one.is_done), step]

    def follow(self) -> None:
        """Find out what was undone and what was done again."""
        layer = self._layer()
        if layer is None:
            return
        undone = {id(item[0]) for item in layer._redo_history}
        known = undone | {id(item[0]) for item in layer._undo_history}
        for step in self._steps:
            if step.is_done and id(step.atom) not in known:
                # Too old to be undone.
                self._first = step.value
        self._steps = [step for step in self._steps if id(step.atom) in known]
        for step in self._steps:
            step.is_done = id(step.atom) not in undone


def last_step(layer: Labels) -> object:
    """Return what stands for the last step of a layer that can be undone; None: there is none."""
    history = layer._undo_history
    return history[-1][0] if history else None


def was_undone(layer: Labels, step: object) -> bool:
    """Tell whether a step of a layer, as `last_step` returned it, is undone now."""
    # napari turns around the parts of a step.
    return any(part is step for item in layer._redo_history for part in item)


class ShownPoint:
    """Where the sliders stand for a layer: each move draws it anew, as an undo does.

    Parameters
    ----------
    layer : napari.layers.Labels
        It is not kept.
    """

    def __init__(self, layer: Labels) -> None:
        self._point = layer._slice_input.world_slice.point

    def has_moved(self, layer: Labels) -> bool:
        """Tell whether the sliders have moved since this was asked last."""
        before, self._point = self._point, layer._slice_input.world_slice.point
        return bool(before != self._point)


@dataclass
class _Step(Generic[Value]):
    atom: tuple[Any, ...]
    value: Value
    is_done: bool = True


def _no_pixels() -> tuple[Any, ...]:
    """Return what napari's history has of one change: an index, and the values before and after."""
    return (np.zeros(0, np.intp),), 0, 0
