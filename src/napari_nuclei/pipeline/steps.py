"""Work as a generator, which yields how far it is and returns what it made: how to run it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TypeVar

R = TypeVar("R")
S = TypeVar("S")
T = TypeVar("T")


def mapped(steps: Generator[S, None, T], change: Callable[[S], R]) -> Generator[R, None, T]:
    """Yield what `change` makes of each step, and return what the steps return."""
    while True:
        try:
            step = next(steps)
        except StopIteration as finished:
            result: T = finished.value
            return result
        yield change(step)


def result_of(steps: Generator[S, None, T], on_step: Callable[[S], object] | None = None) -> T:
    """Run a generator to its end and give what it returns; `on_step` is called with each step."""
    while True:
        try:
            step = next(steps)
        except StopIteration as finished:
            result: T = finished.value
            return result
        if on_step:
            on_step(step)
