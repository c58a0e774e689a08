"""Work as a generator, which yields how far it is and returns what it made: how to run it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import Generic, TypeVar

R = TypeVar("R")
S = TypeVar("S")
T = TypeVar("T")


def mapped(steps: Generator[S, None, T], change: Callable[[S], R]) -> Generator[R, None, T]:
    """Yield what `change` makes of each step, and return what the steps return."""
    work = _Work(steps)
    for step in work:
        yield change(step)
    return work.result


def result_of(steps: Generator[S, None, T], on_step: Callable[[S], object] | None = None) -> T:
    """Run a generator to its end and give what it returns; `on_step` is called with each step."""
    work = _Work(steps)
    for step in work:
        if on_step:
            on_step(step)
    return work.result


def never() -> bool:
    """Answer whether to stop, where nobody can ask for it."""
    return False


class _Work(Generic[S, T]):
    """Steps for a loop, which by itself would lose what they return."""

    result: T

    def __init__(self, steps: Generator[S, None, T]) -> None:
        self._steps = steps

    def __iter__(self) -> Iterator[S]:
        self.result = yield from self._steps
