"""The widget Batch: segment all images of a folder, with the options of the Segment widget."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QVBoxLayout

from napari_nuclei.model.store import load_model
from napari_nuclei.pipeline.batch import BatchProgress, batch_steps
from napari_nuclei.pipeline.batch_plan import SUMMARY_FILE, ImageBatch, plan_folder
from napari_nuclei.pipeline.prediction import Progress
from napari_nuclei.pipeline.summary import Failed
from napari_nuclei.ui.batch_controls import BatchControls
from napari_nuclei.ui.dock_widget import DockWidget
from napari_nuclei.ui.files_table import FilesTable
from napari_nuclei.ui.help_button import help_button
from napari_nuclei.ui.jobs import Job
from napari_nuclei.ui.notify import failure_in_words, notify
from napari_nuclei.ui.run_panel import RunPanel
from napari_nuclei.ui.words import counted

if TYPE_CHECKING:
    from napari.viewer import Viewer
    from qtpy.QtGui import QShowEvent

    from napari_nuclei.pipeline.results import Extras
    from napari_nuclei.pipeline.segment import SegmentOptions
    from napari_nuclei.pipeline.summary import Outcome

_WAIT_MS = 300
_NO_FOLDERS = "Choose the folder of the images, and another one for the results."


@dataclass(frozen=True)
class _Request:
    """A run as it was when Run was pressed."""

    images: Path
    results: Path
    model_name: str | None
    options: SegmentOptions
    extras: Extras


@dataclass(frozen=True)
class _Listed:
    """A step of a run: the images as they are now; nothing is known yet of their progress."""

    plan: ImageBatch
    done: int = 0
    total: int = 0


class BatchWidget(DockWidget):
    """Segments all images of a folder into files.

    Parameters
    ----------
    napari_viewer : napari.viewer.Viewer
        napari passes it.
    """

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__()
        self._plan: ImageBatch | None = None
        self._done = 0
        self._semantic = False
        self._last_words = ""
        self.controls = BatchControls(self)
        self.files = FilesTable(self)
        self.panel = RunPanel(self)
        self.panel.button.setToolTip("Segment all images; goes on where an earlier run has stopped")
        self.lister = Job(self)
        self.job = Job(self)
        self._timer = QTimer(self, singleShot=True, interval=_WAIT_MS)
        layout = QVBoxLayout(self)
        layout.addWidget(self.controls)
        layout.addWidget(self.files, 1)
        layout.addWidget(self.panel)
        layout.addWidget(help_button("batch.md"))
        self._connect()
        self._on_folders()

    def showEvent(self, event: QShowEvent) -> None:
        """List models that were trained or imported meanwhile."""
        self.controls.refresh_models()
        super().showEvent(event)

    def close_work(self) -> None:
        """Cancel what runs."""
        self._timer.stop()
        self.lister.cancel()
        self.job.cancel()

    def _connect(self) -> None:
        for folder in (self.controls.images, self.controls.results):
            folder.changed.connect(self._on_folders)
        self._timer.timeout.connect(self._list)
        self.lister.succeeded.connect(self._on_listed)
        self.lister.failed.connect(self._on_not_listed)
        self.panel.run_clicked.connect(self._run)
        self.panel.cancel_clicked.connect(self.job.cancel)
        self.job.progressed.connect(self._on_progressed)
        self.job.succeeded.connect(self._on_succeeded)
        self.job.failed.connect(self._on_failed)
        self.job.ended.connect(self._on_ended)

    def _on_folders(self) -> None:
        """Look into the folders soon: somebody may be typing."""
        if self.job.running:
            return
        self._plan = None
        self.files.show_images(())
        if self.controls.images.path is None or self.controls.results.path is None:
            self._timer.stop()
            self.lister.cancel()
            self.panel.show_idle(_NO_FOLDERS, can_run=False)
        else:
            self.panel.show_idle("Looking for images…", can_run=False)
            self._timer.start()

    def _list(self) -> None:
        images, results = self.controls.images.path, self.controls.results.path
        if self.lister.running:
            self._timer.start()
        elif images is not None and results is not None and not self.job.running:
            self.lister.start(_plan_steps(images, results))

    def _on_listed(self, plan: ImageBatch) -> None:
        # Another folder may have been typed meanwhile.
        if not self._timer.isActive() and self.controls.results.path == plan.folder:
            self._plan = plan
            self.files.show_images(plan.images)
            self.panel.show_idle(f"{counted(len(plan.images), 'image')} to segment", can_run=True)

    def _on_not_listed(self, error: Exception) -> None:
        if not self._timer.isActive():
            self.panel.show_idle(str(error), can_run=False)

    def _run(self) -> None:
        controls = self.controls
        images, results = controls.images.path, controls.results.path
        if self._plan is None or images is None or results is None:
            return
        options = controls.options()
        request = _Request(images, results, controls.model_name, options, controls.extras())
        self._done = 0
        self._last_words = ""
        self.files.show_images(self._plan.images)
        self._semantic = options.semantic
        self._lock(True)
        self.panel.start("Loading the model…")
        self.job.start(_run_steps(request), "Segmenting a folder")

    def _lock(self, is_running: bool) -> None:
        for folder in (self.controls.images, self.controls.results):
            folder.setDisabled(is_running)

    def _on_progressed(self, progress: Progress | _Listed | BatchProgress) -> None:
        if isinstance(progress, _Listed):
            self.files.show_images(progress.plan.images)
        elif isinstance(progress, BatchProgress):
            self._done = progress.done
            self.files.show_progress(progress, semantic=self._semantic)
            self.panel.show_progress(progress, "images")

    def _on_succeeded(self, outcomes: tuple[Outcome, ...]) -> None:
        failed = sum(isinstance(outcome, Failed) for outcome in outcomes)
        before = sum(outcome.done_before for outcome in outcomes)
        done = counted(len(outcomes) - failed - before, "image")
        parts = [f"{done} segmented in {self.panel.elapsed_s:.1f} s"]
        parts += [f"{before} done before"] if before else []
        parts += [f"{failed} failed"] if failed else []
        self._last_words = f"{', '.join(parts)}. The counts are in {SUMMARY_FILE}."

    def _on_failed(self, error: Exception) -> None:
        self._last_words = failure_in_words(error)
        notify(error)

    def _on_ended(self) -> None:
        self.files.stop()
        self._lock(False)
        cancelled = f"Cancelled after {counted(self._done, 'image')}: Run goes on from there."
        self.panel.show_idle(self._last_words or cancelled, can_run=True)


def _plan_steps(images: Path, results: Path) -> Generator[Progress, None, ImageBatch]:
    yield Progress(0, 0)
    return plan_folder(images, results)


def _run_steps(request: _Request) -> Generator[Any, None, tuple[Outcome, ...]]:
    """Load the model and segment, in the worker: nothing here touches napari or Qt."""
    yield Progress(0, 0)
    # Files may have come or gone since the folder was chosen.
    plan = plan_folder(request.images, request.results)
    yield _Listed(plan)
    model = load_model(request.model_name)
    yield Progress(0, 0)
    return (yield from batch_steps(plan, model, request.options, request.extras))
