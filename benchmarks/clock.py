"""How long something takes on a machine that does other things, too."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Timing:
    """Seconds that a piece of work took.

    Attributes
    ----------
    median_s, best_s : float
        On the clock; the best is nearest to what an idle machine takes.
    cpu_s : float
        Of all processors together, whatever else they did meanwhile; the least.
    """

    median_s: float
    best_s: float
    cpu_s: float


def alternate(runs: Mapping[str, Callable[[], object]], repeats: int) -> dict[str, Timing]:
    """Time several pieces of work in turns, so that whatever disturbs one disturbs the others.

    Parameters
    ----------
    runs : mapping of str to callable
        Each is called once more before, to warm up.
    repeats : int
        1 or more.
    """
    for run in runs.values():
        run()
    turns = [{name: _time(run) for name, run in runs.items()} for _ in range(repeats)]
    return {name: _summary([turn[name] for turn in turns]) for name in runs}


def _time(run: Callable[[], object]) -> tuple[float, float]:
    started, cpu_started = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - started, time.process_time() - cpu_started


def _summary(taken: list[tuple[float, float]]) -> Timing:
    on_clock, on_cpu = zip(*taken, strict=True)
    return Timing(median(on_clock), min(on_clock), min(on_cpu))
