"""The widget Correct and train: correct nuclei, learn from them, keep the better model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QMessageBox, QVBoxLayout, QWidget

from napari_nuclei.errors import NucleiError
from napari_nuclei.model.store import is_installed
from napari_nuclei.pipeline.messages import EpochEnded, Failed, Finished, Started
from napari_nuclei.pipeline.unfinished import discard_vain
from napari_nuclei.ui.decision import Decision
from napari_nuclei.ui.dock_widget import DockWidget, unwrapped
from napari_nuclei.ui.folded import folded
from napari_nuclei.ui.help_button import help_button
from napari_nuclei.ui.models_box import ModelsBox
from napari_nuclei.ui.notify import notify
from napari_nuclei.ui.pair_chooser import PairChooser
from napari_nuclei.ui.preferences import remember_project
from napari_nuclei.ui.project_pairs import ProjectPairs
from napari_nuclei.ui.run_panel import RunPanel, Words
from napari_nuclei.ui.tall_area import TallArea
from napari_nuclei.ui.train_controls import TrainControls
from napari_nuclei.ui.train_course import TrainCourse
from napari_nuclei.ui.train_pairs import TrainPairs
from napari_nuclei.ui.train_request import new_request, resuming_request
from napari_nuclei.ui.training import Told, Training
from napari_nuclei.ui.unfinished_box import UnfinishedBox
from napari_nuclei.ui.words import counted, describe_added, describe_stopped

if TYPE_CHECKING:
    from napari.viewer import Viewer
    from qtpy.QtGui import QShowEvent

    from napari_nuclei.pipeline.finetune import Request
    from napari_nuclei.pipeline.unfinished import Unfinished
    from napari_nuclei.ui.layer_pair import LayerPair

_WORDS = Words("Start", "Stop", "Stopping…")
_FEWEST = 2


class CorrectWidget(DockWidget):
    """Learns from corrected labels, in a process of its own.

    Parameters
    ----------
    napari_viewer : napari.viewer.Viewer
        napari passes it.
    """

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__()
        napari_viewer = unwrapped(napari_viewer)
        self._viewer = napari_viewer
        self._run_folder = Path()
        self._outcome = ""
        self._done_before = 0
        self._content = QWidget()
        self.area = TallArea(self._content)
        self.chooser = PairChooser(napari_viewer)
        self.pairs = TrainPairs(napari_viewer.layers)
        self.project = ProjectPairs(napari_viewer, self)
        self.controls = TrainControls()
        self.panel = RunPanel(words=_WORDS)
        self.unfinished = UnfinishedBox()
        self.training = Training(self)
        self.course = TrainCourse(napari_viewer.theme)
        self.decision = Decision(napari_viewer, lambda: self.pairs.selected, self)
        self.models = ModelsBox()
        self.folded_models = folded("Models", self.models)
        self._lay_out()
        self._connect()
        self.unfinished.refresh()
        self.controls.offer_name(self.unfinished.names)
        self.project.follow(self.controls.project.path)

    def reset_choices(self, event: object = None) -> None:
        """Follow the layer list; napari calls this when a layer comes, goes or is renamed."""
        self.chooser.refresh()

    def showEvent(self, event: QShowEvent) -> None:
        """List trainings and models of other windows and of the command line."""
        if not self.training.running:
            self.controls.refresh_models()
            self.models.refresh()
            self.unfinished.refresh()
        super().showEvent(event)

    def set_in_front(self, is_in_front: bool) -> None:
        """Let the keys of the tools act only where the tools are seen."""
        tools = self.chooser.tools
        if is_in_front:
            tools.resume()
        else:
            tools.release()

    def close_work(self) -> None:
        """End the training; its checkpoint stays to be resumed from."""
        self.training.close()
        self.chooser.tools.release()
        self.project.stop()
        self.pairs.stop()
        self.decision.stop()
        self.models.job.cancel()
        self._viewer.events.theme.disconnect(self._on_theme)

    def _lay_out(self) -> None:
        column = QVBoxLayout(self._content)
        for part in (
            self.chooser,
            self.pairs,
            self.controls,
            self.panel,
            self.unfinished,
            self.course,
            self.decision,
            self.folded_models,
            help_button("correct-and-train.md"),
        ):
            column.addWidget(part)
        column.addStretch()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.area)

    def _connect(self) -> None:
        self.chooser.added.connect(self.pairs.add)
        self.chooser.added.connect(self._forget_outcome)
        self.chooser.added.connect(self._recognise)
        self.pairs.changed.connect(self._refresh)
        self.pairs.open_clicked.connect(self.project.open)
        self.pairs.delete_clicked.connect(self._ask_and_delete)
        self.controls.changed.connect(self._refresh)
        self.controls.name.textEdited.connect(self._forget_outcome)
        self.controls.project.changed.connect(self._on_folder)
        self.project.listed.connect(self._on_listed)
        self.project.recognised.connect(self._show_saved)
        self.project.opened.connect(self.chooser.choose)
        self.panel.run_clicked.connect(self._start)
        self.panel.cancel_clicked.connect(self.training.stop)
        self.training.told.connect(self._on_told)
        self.training.failed.connect(self._on_failed)
        self.training.ended.connect(self._on_ended)
        self.course.appeared.connect(self.area.reveal)
        self.unfinished.resume_clicked.connect(self._resume)
        self.unfinished.result_clicked.connect(self._show_result)
        self.unfinished.discard_clicked.connect(self.decision.discard_run)
        self.decision.decided.connect(self._on_decided)
        self.decision.busy.connect(self.unfinished.set_busy)
        self.decision.failed.connect(lambda error: self.unfinished.refresh())
        for part in (self.project, self.decision, self.models):
            part.failed.connect(notify)
        self._viewer.events.theme.connect(self._on_theme)

    def _on_theme(self, event: object = None) -> None:
        self.course.curve.set_theme(self._viewer.theme)

    def _on_folder(self) -> None:
        self._forget_outcome()
        self.project.follow(self.controls.project.path)

    def _on_listed(self) -> None:
        self._show_saved()
        self._recognise()
        folder = self.controls.project.path
        if folder is not None and self.project.is_known:
            remember_project(folder)

    def _show_saved(self) -> None:
        self.pairs.show_saved(self.project.names)

    def _recognise(self) -> None:
        """Let no image count twice that was saved when its layer had another name."""
        if not self.training.running:
            self.project.recognise(self.pairs.pairs)

    def _ask_and_delete(self, name: str) -> None:
        question = f"Delete {name} and its corrections from the project? This cannot be undone."
        answer = QMessageBox.question(self, "Remove", question)
        if answer == QMessageBox.StandardButton.Yes:
            self.project.delete(name)

    def _refresh(self) -> None:
        """Say why Start cannot, what became of the last training, or what Start would do."""
        if not self.training.running:
            reason = self._refusal()
            message = reason or self._outcome or self._describe_task()
            self.panel.show_idle(message, can_run=not reason)

    def _forget_outcome(self, change: object = None) -> None:
        # While a training runs, it is that of this one, still to be said.
        if not self.training.running:
            self._outcome = ""
            self._refresh()

    def _refusal(self) -> str:
        if self.project.problem:
            return self.project.problem
        if not self.pairs.pairs and not self.project.names:
            return "Add a pair: an image, and its labels with some nuclei corrected or accepted."
        if self.pairs.refusal:
            return self.pairs.refusal
        if not self.project.names and self.pairs.n_checked < _FEWEST:
            return "Correct or accept two nuclei or more: one to learn from, one to be tested on."
        if not is_installed(self.controls.base_name):
            return "The base model is missing: choose another one."
        return self.controls.name_refusal(self.unfinished.names)

    def _describe_task(self) -> str:
        mine = {pair.name for pair in self.pairs.learnt}
        images = counted(len(mine.union(self.project.names)), "image")
        return f"{images} to learn from, {self.pairs.n_checked} nuclei checked in open layers"

    def _start(self) -> None:
        self._train(new_request(self.controls), "Saving the corrections…", self.pairs.pairs)

    def _resume(self, unfinished: Unfinished) -> None:
        request = resuming_request(unfinished, self.controls.options())
        self._train(request, "Starting the training…", (), unfinished.epochs)

    def _train(
        self, request: Request, message: str, pairs: Sequence[LayerPair], done: int = 0
    ) -> None:
        """Start a training that goes on after so many epochs; its pairs are saved before."""
        self._run_folder = Path(request.folder)
        self._outcome = ""
        self._done_before = done
        self.project.stop()
        self.decision.forget()
        self.course.clear()
        self.unfinished.set_locked(True)
        self.panel.start(message)
        self.training.start(request, pairs)

    def _on_told(self, told: Told) -> None:
        epoch_s = None
        match told.message:
            case None:
                self.panel.status.setText("Loading the network and scoring the base model…")
            case Started() as started:
                self._done_before = started.done
                self.course.begin(started, self._run_folder)
            case EpochEnded() as epoch:
                self.course.add(epoch)
                epoch_s = epoch.seconds
            case Finished() as finished:
                report = finished.report
                added = describe_added(self._done_before, report.epochs)
                self._outcome = f"{added}{report.verdict}"
            case Failed() as failed:
                self._outcome = failed.reason
        self.panel.show_progress(told, "epochs", epoch_s)

    def _on_failed(self, error: Exception) -> None:
        self._outcome = str(error) if isinstance(error, NucleiError) else "The training failed."
        notify(error)

    def _on_ended(self) -> None:
        self.unfinished.set_locked(False)
        self.unfinished.refresh()
        unfinished = self.unfinished.find(self._run_folder)
        if unfinished is None:
            discard_vain(self._run_folder)
        else:
            self._show_result(unfinished)
        epochs = 0 if unfinished is None else unfinished.epochs
        self._outcome = self._outcome or describe_stopped(self._done_before, epochs)
        self.project.refresh()
        self.controls.offer_name(self.unfinished.names)
        self._refresh()

    def _show_result(self, unfinished: Unfinished) -> None:
        self.decision.show_result(unfinished)
        self.area.reveal(self.decision)

    def _on_decided(self, message: str) -> None:
        self._outcome = message
        self.unfinished.refresh()
        self.controls.offer_name(self.unfinished.names)
        self._refresh()
