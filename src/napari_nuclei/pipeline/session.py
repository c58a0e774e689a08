"""One session of a fine-tuning: it trains, and makes a model of what was learnt.

A run folder holds ``run.json`` (what was asked), ``pairs/`` (a copy of the corrections, so that
somebody can go on painting), ``plan.json`` (how the time is spent; from here on it can be resumed),
``history.json`` and ``checkpoints/``, ``pictures/``, and in the end ``model/`` and ``report.json``.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_nuclei.errors import RunError
from napari_nuclei.model import contents, store
from napari_nuclei.model.network import Network
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
from napari_nuclei.pipeline.regions import Split, find_nuclei
from napari_nuclei.pipeline.snapshot import describe_pairs

if TYPE_CHECKING:
    from napari_nuclei.model.trainer import Trainer
    from napari_nuclei.pipeline.projects import Pair
    from napari_nuclei.pipeline.runs import Run

MODEL, REPORT, PAIRS = "model", "report.json", "pairs"
"""What a run folder has: in the end the first two, from the beginning the last."""


@dataclass(frozen=True)
class Session:
    """From the opening of a run, by `napari_nuclei.pipeline.opening`, to its model.

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
    done : int
        Epochs of earlier sessions.
    deadline : float
        When the last epoch must have ended, on the clock of `time.monotonic`; a session does one
        at least, however late it is.
    started : float
        When the session began, on the same clock.
    is_stopped : callable
    """

    run: Run
    pairs: tuple[Pair, ...]
    split: Split
    base: store.Model
    judge: tuning.Judge
    before: tuning.Scored
    teacher: Trainer
    course: Course
    done: int
    deadline: float
    started: float
    is_stopped: Callable[[], bool]

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
        tuned = Network(self.base.network.config, self.run.load_best())
        mix = tuning.mix_weights(tuned, self.base.network, self.judge, self.before)
        report = self._report(mix, ending)
        self._remove_earlier_result()
        store.save_model(
            self.run.folder / MODEL,
            mix.network,
            name=self.run.request["name"],
            thresholds=self.base.thresholds,
            diameters=self.base.diameters,
            provenance=_provenance(self.run, self.base, self.pairs, report),
        )
        write_report(report, self.run.folder / REPORT)
        if report.is_complete:
            shutil.rmtree(self.run.folder / "checkpoints", ignore_errors=True)
        return report

    def _remove_earlier_result(self) -> None:
        """Remove that of a session that was stopped; its checkpoints are still there."""
        report, model = self.run.folder / REPORT, self.run.folder / MODEL
        try:
            # First: whenever this process is killed, it must not stand beside another model.
            report.unlink(missing_ok=True)
        except OSError as error:
            raise RunError(f"{report}: cannot be replaced ({error.strerror}).") from error
        if model.exists():
            contents.remove_folder(model)

    def _is_over(self) -> bool:
        has_learnt = len(self.run.history.epochs) > self.done
        is_late = time.monotonic() > self.deadline and has_learnt
        return self.is_stopped() or is_late

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
        found = find_nuclei(epoch.network, region, self.base.thresholds, self.base.diameters)
        path = self.run.folder / "pictures" / f"epoch-{epoch.number:04d}.png"
        try:
            reports.draw_prediction(epoch.number, region.image, region.labels, found, path)
        except OSError as error:
            raise RunError(f"{path}: cannot be written ({error.strerror}).") from error
        return path


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
