"""The plan of a run; what needs a network is seen in the tests of the fine-tuning."""

from __future__ import annotations

from pathlib import Path

import pytest

from napari_nuclei.errors import RunError
from napari_nuclei.pipeline.opening import _planned
from napari_nuclei.pipeline.runs import Run
from napari_nuclei.pipeline.tuning import Plan


def test_a_resumed_run_keeps_its_plan(tmp_path: Path) -> None:
    plans = iter([Plan(3, 20), Plan(9, 99)])
    assert _planned(Run(tmp_path, {}), lambda: next(plans)) == Plan(3, 20)
    assert _planned(Run(tmp_path, {}), lambda: next(plans)) == Plan(3, 20)


@pytest.mark.parametrize("content", ["{", '{"epochs": 3}', "7"])
def test_a_damaged_plan_is_told(content: str, tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text(content)
    with pytest.raises(RunError, match=r"plan\.json: not the plan of a training"):
        _planned(Run(tmp_path, {}), lambda: Plan(3, 20))


def test_a_plan_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="cannot be written"):
        _planned(Run(tmp_path / "file", {}), lambda: Plan(3, 20))
