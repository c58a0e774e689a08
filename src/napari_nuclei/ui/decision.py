"""The end of a training: look at what its model changes, then keep it or not."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QMessageBox, QWidget

from napari_nuclei.errors import RunError
from napari_nuclei.model import store
from napari_nuclei.pipeline import runs
from napari_nuclei.pipeline.before_after import read_report
from napari_nuclei.pipeline.prediction import Progress
from napari_nuclei.pipeline.projects import Project
from napari_nuclei.pipeline.session import MODEL, PAIRS, REPORT
from napari_nuclei.ui.compare_layers import Compared, add_compared, compare_steps
from napari_nuclei.ui.jobs import Job
from napari_nuclei.ui.own_models import own_models
from napari_nuclei.ui.preferences import read_preferences
from napari_nuclei.ui.train_report import ReportPanel

if TYPE_CHECKING:
    from napari.viewer import Viewer

    from napari_nuclei.model.device import Device
    from napari_nuclei.pipeline.unfinished import Unfinished
    from napari_nuclei.ui.layer_pair import LayerPair
    from napari_nuclei.ui.planes import Planes


@dataclass(frozen=True)
class _Subject:
    """What was compared, and where its layers lie."""

    name: str
    planes: Planes | None
    compared: Compared


class Decision(ReportPanel):
    """A report with buttons that work; `decided` says in words what became of the model.

    `busy` tells that work at the run begins (True) or has ended (False).

    Parameters
    ----------
    viewer : napari.viewer.Viewer
        Gets the layers to compare.
    selected : callable
        Returns the pair that is looked at; None: the first one that was learnt from.
    """

    decided = Signal(str)
    busy = Signal(bool)
    failed = Signal(object)

    def __init__(
        self, viewer: Viewer, selected: Callable[[], LayerPair | None], parent: QWidget
    ) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._selected = selected
        self._waiting: Unfinished | None = None
        self.keeper = Job(self)
        self.comparer = Job(self)
        self.keep_clicked.connect(self._on_keep)
        self.discard_clicked.connect(self._on_discard)
        self.compare_clicked.connect(self._on_compare)
        self.keeper.succeeded.connect(self._on_kept)
        self.comparer.succeeded.connect(self._on_compared)
        for job in (self.keeper, self.comparer):
            job.failed.connect(self.failed)
            job.ended.connect(partial(self.set_busy, False))

    def show_result(self, waiting: Unfinished) -> None:
        """Show the report of a run that has one."""
        if waiting.report is not None:
            self._waiting = waiting
            self.show_report(waiting.name, waiting.report)

    def forget(self) -> None:
        """Show nothing: another training begins, or this one is decided."""
        self._waiting = None
        self.hide()

    def set_busy(self, is_busy: bool) -> None:
        """Let the buttons be pressed, or not while one of them works; and tell that."""
        super().set_busy(is_busy)
        self.busy.emit(is_busy)

    def stop(self) -> None:
        """Work no more: the widget goes away."""
        self.keeper.cancel()
        self.comparer.cancel()

    def discard_run(self, waiting: Unfinished) -> None:
        """Delete a run, after a question where something would be lost."""
        is_worth_it = waiting.report is None or waiting.report.is_better
        question = f"Delete the training of {waiting.name}? The corrections stay in the project."
        if is_worth_it:
            answer = QMessageBox.question(self, "Discard", question)
            if answer != QMessageBox.StandardButton.Yes:
                return
        try:
            runs.discard(waiting.run)
        except RunError as error:
            self.failed.emit(error)
            return
        if self._waiting is not None and self._waiting.run == waiting.run:
            self.forget()
        self.decided.emit(f"The training of {waiting.name} was discarded.")

    def _on_keep(self) -> None:
        if self._waiting is not None:
            self.set_busy(True)
            self.keeper.start(_keep_steps(self._waiting))

    def _on_kept(self, name: str) -> None:
        self.forget()
        own_models.changed.emit()
        self.decided.emit(f"{name} is one of your models now: choose it in Segment nuclei.")

    def _on_discard(self) -> None:
        if self._waiting is not None:
            self.discard_run(self._waiting)

    def _on_compare(self) -> None:
        if self._waiting is None:
            return
        pair, run = self._selected(), self._waiting.run
        models = Path(run.request["base"]["folder"]), run.folder / MODEL
        self.set_busy(True)
        steps = _compare_steps(pair, run, models, read_preferences().device)
        self.comparer.start(steps, "Segmenting with both models")

    def _on_compared(self, subject: _Subject) -> None:
        add_compared(self._viewer, subject.name, subject.compared, subject.planes)


def _keep_steps(waiting: Unfinished) -> Generator[Progress, None, str]:
    yield Progress(0, 0)
    run = waiting.run
    # Held: to resume it in another window takes its model away.
    with runs.hold(run):
        if read_report(run.folder / REPORT) != waiting.report:
            raise RunError(f"{waiting.name} has learnt more since: look at its result again.")
        name = store.import_model(run.folder / MODEL).name
    # The model is kept; a run that cannot be removed stays in the list.
    with suppress(RunError):
        runs.discard(run)
    return name


def _compare_steps(
    pair: LayerPair | None, run: runs.Run, models: tuple[Path, Path], device: Device
) -> Generator[Progress, None, _Subject]:
    """Compare on a pair of open layers, or else on the first one that was learnt from."""
    yield Progress(0, 0)
    project = Project(run.folder / PAIRS)
    learnt = project.read(project.names[0]) if pair is None else pair.read()
    compared = yield from compare_steps(learnt.image, *models, device)
    return _Subject(learnt.name, None if pair is None else pair.planes, compared)
