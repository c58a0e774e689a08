"""Trainings that wait for somebody: interrupted ones, and models that are neither kept nor not."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from napari_nuclei.errors import RunError
from napari_nuclei.pipeline import runs
from napari_nuclei.pipeline.before_after import Report, read_report
from napari_nuclei.pipeline.finetune import REQUEST_KEYS
from napari_nuclei.pipeline.session import REPORT


@dataclass(frozen=True)
class Unfinished:
    """A run folder that no process is at.

    Attributes
    ----------
    run : Run
    epochs : int
        How many are done; one at least.
    report : Report or None
        None where there is no model yet.
    """

    run: runs.Run
    epochs: int
    report: Report | None

    @property
    def name(self) -> str:
        """Of the model."""
        return str(self.run.request["name"])

    @property
    def can_resume(self) -> bool:
        """Whether there is something left to train."""
        return self.report is None or not self.report.is_complete


def list_unfinished(root: Path) -> tuple[Unfinished, ...]:
    """Return the runs of a folder that can be resumed or have a model, newest first.

    Parameters
    ----------
    root : Path
        Folder of run folders whose names begin with a time; may be missing.
    """
    folders = sorted(root.iterdir(), reverse=True) if root.is_dir() else []
    found = (_read(folder) for folder in folders)
    return tuple(unfinished for unfinished in found if unfinished)


def discard_vain(folder: Path) -> None:
    """Remove a run in which nothing was learnt: what a killed process left would pile up."""
    with suppress(RunError):
        runs.discard_vain(runs.reopen(folder, REQUEST_KEYS))


def _read(folder: Path) -> Unfinished | None:
    try:
        run = runs.reopen(folder, REQUEST_KEYS)
        with runs.hold(run):
            epochs = len(run.history.epochs)
    # Somebody is at it, or it is none.
    except RunError:
        return None
    return Unfinished(run, epochs, read_report(folder / REPORT)) if epochs else None
