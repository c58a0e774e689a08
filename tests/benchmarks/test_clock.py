from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import clock
from benchmarks.clock import Timing, alternate

if TYPE_CHECKING:
    import pytest


def test_work_is_timed_in_turns_after_a_warm_up(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s, order = [0.0], []
    seconds = {"a": iter([9.0, 1.0, 2.0, 6.0]), "b": iter([9.0, 0.5, 0.25, 0.5])}
    monkeypatch.setattr(clock.time, "perf_counter", lambda: now_s[0])
    monkeypatch.setattr(clock.time, "process_time", lambda: now_s[0] / 2)

    def work(name: str) -> None:
        order.append(name)
        now_s[0] += next(seconds[name])

    timings = alternate({name: lambda name=name: work(name) for name in seconds}, 3)

    assert order == ["a", "b"] * 4
    assert timings == {"a": Timing(2.0, 1.0, 0.5), "b": Timing(0.5, 0.25, 0.125)}
