"""A row of the table describes the run that it has the scores of."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.experiments import EXPERIMENTS, Experiment, claim
from napari_nuclei.errors import RunError


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda experiment: experiment.name)
def test_a_run_is_gone_on_with_by_the_same_recipe_alone(
    experiment: Experiment, tmp_path: Path
) -> None:
    claim(experiment, tmp_path)
    # What a function's place in memory is would differ in the next process.
    assert " at 0x" not in (tmp_path / f"{experiment.name}.json").read_text()
    (tmp_path / experiment.name).mkdir()
    claim(experiment, tmp_path)
    longer = replace(experiment.recipe, epochs=experiment.recipe.epochs + 1)
    for other in (
        replace(experiment, recipe=longer),
        replace(experiment, constants={"model.losses.BORDER_WEIGHT": 8.0}),
    ):
        with pytest.raises(RunError, match="made by another recipe"):
            claim(other, tmp_path)


def test_a_run_of_which_nobody_knows_the_recipe_is_refused(tmp_path: Path) -> None:
    (tmp_path / EXPERIMENTS[0].name).mkdir()
    with pytest.raises(RunError, match="made by another recipe"):
        claim(EXPERIMENTS[0], tmp_path)
