"""One session of a fine-tuning: from the opening of its run to the model, or to an interruption.

A run folder holds ``run.json`` (what was asked), ``pairs/`` (a copy of the corrections, so that
somebody can go on painting), ``plan.json`` (how the time is spent; from here on it can be resumed),
``history.json`` and ``checkpoints/``, ``pictures/``, and in the end ``model/`` and ``report.json``.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_nuclei import files
from napari_nuclei.errors import RunError
from napari_nuclei.model import contents, store
from napari_nuclei.model.predictor import KerasPredictor
from napari_nuclei.pipeline import reports, tuning
from napari_nuclei.pipeline.before_after import (
    BeforeAfter,
    Ending,
    Figures,
    Report,
    write_report,
)
from napari_nuclei.pipeline.loop import Course, Epoch, train_steps
from napari_nuclei.pipeline.messages import EpochEnded, Started
from napari_nuclei.pipeline.prediction import TileOptions
from napari_nuclei.pipeline.recipe import FinetuneOptions
from napari_nuclei.pipeline.regions import Split, find_nuclei, hold_out
from napari_nuclei.pipeline.snapshot import describe_pairs, read_pairs, take_snapshot

if TYPE_CHECKING:
    from napari_nuclei.model.trainer import Trainer
    from napari_nuclei.pipeline.finetune import Request
    from napari_nuclei.pipeline.projects import Pair
    from napari_nuclei.pipeline.runs import Run

MODEL, REPORT, PAIRS = "model", "report.json", "pairs"
"""What a run folder has: in the end the first two, from the beginning the last."""

_PLAN = "plan.json"


@dataclass(frozen=True)
class Session:
    """From the opening of a run to its model, or to its interruption.

    Attributes
    ----------
    run : Run
    pairs : tuple of Pair
    split : Split
    base : Model
    judge : Judge
    before : Scored
        The base model.
    teacher : Trainer
    course : Course
    deadline : float
        When the last epoch must have ended, on the clock of `time.monotonic`.
    started : float
        When the session began, on the same clock.
    is_stopped : callable
    done : int
        Epochs of earlier sessions: this one adds one at least, however late it is.
    """

    run: Run
    pairs: tuple[Pair, ...]
    split: Split
    base: store.Model
    judge: tuning.Judge
    before: tuning.Scored
    teacher: Trainer
    course: Course
    deadline: float
    started: float
    is_stopped: Callable[[], bool]
    done: int

    @property
    def checked_nuclei(self) -> int:
        """How many there are to learn from and to be tested on."""
        return sum(pair.n_checked for pair in self.pairs)

    def begin(self) -> Started:
        """Return what is known before the training."""
        held_out = self.before.held_out
        return Started(
            epochs=self.course.epochs,
            done=self.done,
            images=len(self.pairs),
            checked_nuclei=self.checked_nuclei,
            held_out_nuclei=held_out.nuclei,
            before=held_out,
        )

    def train(self) -> Generator[EpochEnded, None, None]:
        """Train, with a picture and a message after each epoch."""
        for epoch in train_steps(self.run, self.teacher, self.course, self._is_over):
            picture = self._draw(epoch)
            if epoch.number:
                yield EpochEnded(
                    epoch.number,
                    self.course.epochs,
                    epoch.row["loss"],
                    epoch.row["val_loss"],
                    Figures(epoch.row["mean_ap"], epoch.row["ap50"], self.before.held_out.nuclei),
                    str(picture),
                    epoch.row["seconds"],
                )

    def finish(self) -> Report:
        """Mix the weights, save the model and the report."""
        ending = self._ending()
        mix = tuning.mix_weights(self.teacher.network, self.base, self.judge, self.before)
        report = self._report(mix, ending)
        folder = self.run.folder / MODEL
        if folder.exists():  # of a session that was stopped; its checkpoints are still there
            contents.remove_folder(folder)
        store.save_model(
            folder,
            self.teacher.network,
            self.base.manifest.config,
            name=self.run.request["name"],
            thresholds=self.base.thresholds,
            diameters=self.base.diameters,
            provenance=_provenance(self.run, self.base, self.pairs, report),
        )
        write_report(report, self.run.folder / REPORT)
        if report.is_complete:
            shutil.rmtree(self.run.folder / "checkpoints", ignore_errors=True)
        return report

    def _is_over(self) -> bool:
        has_learnt = len(self.run.history.epochs) > self.done
        return self.is_stopped() or (has_learnt and time.monotonic() > self.deadline)

    def _ending(self) -> Ending:
        epochs = len(self.run.history.epochs)
        if epochs == self.course.epochs:
            return "done"
        if self.is_stopped():
            return "stopped"
        return "time" if time.monotonic() > self.deadline else "early"

    def _report(self, mix: tuning.Mix, ending: Ending) -> Report:
        return Report(
            held_out=BeforeAfter(self.before.held_out, mix.scored.held_out),
            base_domain=BeforeAfter(self.before.base_domain, mix.scored.base_domain),
            checked_nuclei=self.checked_nuclei,
            images=len(self.pairs),
            share=mix.share,
            epochs=len(self.run.history.epochs),
            planned_epochs=self.course.epochs,
            ending=ending,
            seconds=time.monotonic() - self.started,
        )

    def _draw(self, epoch: Epoch) -> Path:
        region = self.split.held_out[0]
        found = find_nuclei(epoch.predictor, region, self.base.thresholds, self.base.diameters)
        path = self.run.folder / "pictures" / f"epoch-{epoch.number:04d}.png"
        try:
            reports.draw_prediction(epoch.number, region.image, region.labels, found, path)
        except OSError as error:
            raise RunError(f"{path}: cannot be written ({error.strerror}).") from error
        return path


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
    options = FinetuneOptions(**run.request["options"])
    options = replace(options, max_seconds=request.options.max_seconds)
    base = _load_base(run)
    if not (run.folder / _PLAN).exists():
        take_snapshot(request.pairs if pairs is None else pairs, run.folder / PAIRS)
    kept = tuple(read_pairs(run.folder / PAIRS))
    split = hold_out(kept, options.seed)
    teacher = tuning.copy_for_training(base, options.seed)
    judge = tuning.Judge(base, split.held_out)
    predictor = KerasPredictor(teacher.network, TileOptions().batch_size)
    judge.held_out(predictor)  # compiles the graph, which is not to be timed
    scored_at = time.monotonic()
    before = judge.both(predictor)
    seconds_to_score = time.monotonic() - scored_at
    end = started + options.max_seconds
    course = tuning.make_course(split, base, options)
    plan = _planned(
        run,
        lambda: tuning.make_plan(
            teacher, course, end - time.monotonic(), seconds_to_score, options.max_steps
        ),
    )
    course = replace(
        tuning.fit(course, plan), examine=lambda predictor: _row(judge.held_out(predictor))
    )
    deadline = end - tuning.final_seconds(seconds_to_score)
    done = len(run.history.epochs)
    return Session(
        run, kept, split, base, judge, before, teacher, course, deadline, started, is_stopped, done
    )


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


def _provenance(
    run: Run, base: store.Model, pairs: Sequence[Pair], report: Report
) -> dict[str, Any]:
    return {
        "base": {"name": base.name, "sha256": base.sha256},
        "data": run.request["data"],
        "pairs": describe_pairs(pairs),
        "licence": base.manifest.provenance.get("licence"),
        "notes": run.request["notes"],
        "finetuning": run.request["options"],
        "metrics": report.to_json(),
    }
