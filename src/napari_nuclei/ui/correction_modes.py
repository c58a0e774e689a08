"""What clicks and drags do while a correction tool is chosen; each returns what to tell."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from napari_nuclei.ui.gestures import rectangle

if TYPE_CHECKING:
    from napari_nuclei.ui.corrector import Corrector
    from napari_nuclei.ui.gestures import Point

NO_NUCLEUS = "There is no nucleus: click on one. Escape ends."


class Mode:
    """A tool that is chosen.

    Attributes
    ----------
    hint : str
        What to do next.
    drags : bool
        Whether a drag means something; otherwise it moves the view.
    """

    hint = ""
    drags = False

    def clicked(self, point: Point) -> str:
        """React to a click."""
        return self.hint

    def dragged(self, first: Point, last: Point) -> str:
        """React to a drag."""
        return self.hint

    def outline(self, first: Point, last: Point) -> list[Point]:
        """Return what is drawn during a drag."""
        return [first, last]


class OneByOne(Mode):
    """Does something to each nucleus that is clicked."""

    _which = "each nucleus"

    def __init__(self, corrector: Corrector, act: Callable[[int], str], what: str) -> None:
        self._corrector = corrector
        self._act = act
        self.hint = f"Click {self._which} {what}. Escape ends."

    def clicked(self, point: Point) -> str:
        """Do it to the nucleus."""
        nucleus = self._corrector.nucleus_at(point)
        return f"{self._act(nucleus)} {self.hint}" if nucleus else NO_NUCLEUS


class JustOne(OneByOne):
    """Does something to the first nucleus that is clicked, which chooses another tool."""

    _which = "the nucleus"

    def clicked(self, point: Point) -> str:
        """Do it to the nucleus."""
        nucleus = self._corrector.nucleus_at(point)
        return self._act(nucleus) if nucleus else NO_NUCLEUS


class Merging(Mode):
    """Merges two nuclei that are clicked one after the other."""

    hint = "Click a nucleus, then the one to merge into it. Escape ends."

    def __init__(self, corrector: Corrector, first: int = 0) -> None:
        self._corrector = corrector
        self._take(first)

    def clicked(self, point: Point) -> str:
        """Take the first nucleus, or merge the second one."""
        nucleus = self._corrector.nucleus_at(point)
        if not nucleus:
            return NO_NUCLEUS
        first = self._first
        self._take(0 if first else nucleus)
        return f"{self._corrector.merge(first, nucleus)} {self.hint}" if first else self.hint

    def _take(self, first: int) -> None:
        self._first = first
        self.hint = type(self).hint
        if first:
            self.hint = f"Now click the nucleus to merge into nucleus {first}. Escape ends."


class Splitting(Mode):
    """Splits nuclei along a line, or between two points that are clicked."""

    hint = "Drag a line across the nucleus, or click its two halves. Escape ends."
    drags = True

    def __init__(self, corrector: Corrector) -> None:
        self._corrector = corrector
        self._first: Point | None = None

    def clicked(self, point: Point) -> str:
        """Take the first point, or split between the two."""
        if self._first is None:
            if not self._corrector.nucleus_at(point):
                return NO_NUCLEUS
            self._first = point
            return "Now click the other half of the nucleus. Escape ends."
        first, self._first = self._first, None
        return f"{self._corrector.split_between(first, point)} {self.hint}"

    def dragged(self, first: Point, last: Point) -> str:
        """Split along the line."""
        self._first = None
        return f"{self._corrector.split_along(np.array([first, last]))} {self.hint}"


class Reviewing(Mode):
    """Finds right what lies in rectangles."""

    hint = "Drag a rectangle in which every nucleus and all background is right. Escape ends."
    drags = True

    def __init__(self, corrector: Corrector) -> None:
        self._corrector = corrector

    def dragged(self, first: Point, last: Point) -> str:
        """Find right what lies between the corners."""
        return f"{self._corrector.review(first, last)} {self.hint}"

    def outline(self, first: Point, last: Point) -> list[Point]:
        """Return the corners."""
        return rectangle(first, last)
