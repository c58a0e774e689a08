"""How a session of a fine-tuning begins: data are read, the base is scored, the time is planned."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from napari_nuclei import files
from napari_nuclei.errors import RunError
from napari_nuclei.model import store
from napari_nuclei.pipeline import tuning
from napari_nuclei.pipeline.recipe import FinetuneOptions
from napari_nuclei.pipeline.regions import hold_out
from napari_nuclei.pipeline.session import PAIRS, Session
from napari_nuclei.pipeline.snapshot import read_pairs, take_snapshot

if TYPE_CHECKING:
    from napari_nuclei.pipeline.before_after import Figures
    from napari_nuclei.pipeline.finetune import Request
    from napari_nuclei.pipeline.projects import Pair
    from napari_nuclei.pipeline.runs import Run

_PLAN = "plan.json"


def open_session(
    run: Run,
    request: Request,
    pairs: Sequence[Pair] | None,
    started: float,
    is_stopped: Callable[[], bool],
) -> Session:
    """Read the data, score the base model, and plan the time; as before when a run is resumed.

    Parameters
    ----------
    run : Run
        New or reopened.
    request : Request
        Its pairs count until the run has its own copy; its time, from now on.
    pairs : sequence of Pair, optional
        In the place of those of the request.
    started : float
        When the session began, on the clock of `time.monotonic`.
    is_stopped : callable
        Asked before each step.

    Raises
    ------
    NucleiError
        When something that is needed is missing, damaged or cannot be written.
    """
    options = FinetuneOptions.from_json(run.request["options"])
    options = replace(options, max_seconds=request.options.max_seconds)
    end = started + options.max_seconds
    base = _load_base(run)
    kept = _kept_pairs(run, request.pairs if pairs is None else pairs)
    split = hold_out(kept, options.seed)
    teacher = tuning.copy_for_training(base, options.seed)
    judge = tuning.Judge(base, split.held_out)
    before, seconds_to_score = _score(judge, base)
    course = tuning.make_course(split, base, options)

    def make_plan() -> tuning.Plan:
        left = end - time.monotonic()
        return tuning.make_plan(teacher, course, left, seconds_to_score, options.max_steps)

    fitted = replace(
        tuning.fit(course, _planned(run, make_plan)),
        examine=lambda network: _row(judge.held_out(network)),
    )
    deadline = end - tuning.final_seconds(seconds_to_score)
    done = len(run.history.epochs)
    return Session(
        run, kept, split, base, judge, before, teacher, fitted, done, deadline, started, is_stopped
    )


def _kept_pairs(run: Run, pairs: str | Sequence[Pair]) -> tuple[Pair, ...]:
    """Return the run's own copy of the pairs, after making it where nothing was planned yet."""
    if not (run.folder / _PLAN).exists():
        take_snapshot(pairs, run.folder / PAIRS)
    return tuple(read_pairs(run.folder / PAIRS))


def _score(judge: tuning.Judge, base: store.Model) -> tuple[tuning.Scored, float]:
    """Return the scores of the base model, and how many seconds they take."""
    began = time.monotonic()
    scored = judge.both(base.network)
    return scored, time.monotonic() - began


def _load_base(run: Run) -> store.Model:
    wanted = run.request["base"]
    base = store.load_model(Path(wanted["folder"]))
    if base.sha256 != wanted["sha256"]:
        raise RunError(f"{base.folder}: not the base model of this run any more; start a new run.")
    return base


def _planned(run: Run, make: Callable[[], tuning.Plan]) -> tuning.Plan:
    """Return the run's plan, after making one if it has none."""
    path = run.folder / _PLAN
    try:
        if not path.exists():
            files.write_text(path, json.dumps(asdict(make())))
        return tuning.Plan(**json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise RunError(f"{path}: cannot be written ({error.strerror}).") from error
    except (ValueError, TypeError) as error:
        raise RunError(f"{path}: not the plan of a training; start a new run.") from error


def _row(figures: Figures) -> dict[str, float]:
    return {"mean_ap": figures.mean_ap, "ap50": figures.ap50}
