"""The widget Segment nuclei: choose an image and a model, run, cancel, adjust the thresholds."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_nuclei.errors import NucleiError
from napari_nuclei.model.store import load_model
from napari_nuclei.pipeline.prediction import Progress
from napari_nuclei.pipeline.segment import SegmentOptions, segment_steps
from napari_nuclei.ui.found import found_of, source_of
from napari_nuclei.ui.help_button import help_button
from napari_nuclei.ui.jobs import Job
from napari_nuclei.ui.layers import Plane, add_nuclei, refusal, shown_plane
from napari_nuclei.ui.live_thresholds import LiveThresholds, Result
from napari_nuclei.ui.notify import notify
from napari_nuclei.ui.results_panel import ResultsPanel
from napari_nuclei.ui.run_panel import RunPanel
from napari_nuclei.ui.segment_controls import SegmentControls
from napari_nuclei.ui.shortcuts import PROBABILITY, RUN, TABLE, Shortcuts

if TYPE_CHECKING:
    from napari.layers import Image
    from napari.viewer import Viewer
    from qtpy.QtGui import QShowEvent

    from napari_nuclei.model.store import Model
    from napari_nuclei.pipeline.reproduce import ImageSource
    from napari_nuclei.pipeline.segment import Segmentation


@dataclass(frozen=True)
class _Request:
    """A run as it was when Run was pressed."""

    image: Image
    plane: Plane
    model_name: str | None
    options: SegmentOptions
    source: ImageSource


class SegmentWidget(QWidget):
    """Segments the chosen image into a new Labels layer.

    Parameters
    ----------
    napari_viewer : napari.viewer.Viewer
        napari passes it.
    """

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__()
        self._viewer = napari_viewer
        self._outcome = ""
        self._source: ImageSource | None = None
        self.controls = SegmentControls(napari_viewer.layers, self)
        self.panel = RunPanel(self)
        self.job = Job(self)
        self.live = LiveThresholds(napari_viewer, self)
        self.results = ResultsPanel(napari_viewer, self)
        actions = {
            RUN: self.panel.button.click,
            PROBABILITY: self.results.probability.click,
            TABLE: self.results.table.click,
        }
        self.shortcuts = Shortcuts(napari_viewer, actions)
        layout = QVBoxLayout(self)
        layout.addWidget(self.controls)
        layout.addWidget(self.panel)
        layout.addWidget(self.results)
        layout.addWidget(help_button("widget.md"))
        layout.addStretch()
        self._connect()
        self._refresh()

    def reset_choices(self, event: object = None) -> None:
        """Follow the layer list; napari calls this when a layer comes, goes or is renamed."""
        self.controls.image.refresh()
        self._refresh()

    def showEvent(self, event: QShowEvent) -> None:
        """List models that were trained or imported meanwhile."""
        self.controls.refresh_models()
        super().showEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        """Cancel when the dock is closed: napari then takes the widget out of it."""
        if event.type() == QEvent.Type.ParentChange and self.parentWidget() is None:
            self.job.cancel()
            self.live.forget()
            self.results.stop()
            self.shortcuts.release()
        super().changeEvent(event)

    def _connect(self) -> None:
        self.controls.image.layer_changed.connect(self._refresh)
        self.controls.thresholds_changed.connect(self._apply_thresholds)
        self.panel.run_clicked.connect(self._run)
        self.panel.cancel_clicked.connect(self.job.cancel)
        self.job.progressed.connect(self._on_progressed)
        self.job.succeeded.connect(self._on_succeeded)
        self.job.failed.connect(self._on_failed)
        self.job.ended.connect(self._on_ended)
        self.live.relabelled.connect(self._on_relabelled)
        self.live.failed.connect(notify)
        self.results.failed.connect(notify)
        dims = self._viewer.dims.events
        for emitter in (dims.current_step, dims.ndisplay, dims.order):
            emitter.connect(self._refresh)

    def _refresh(self, event: object = None) -> None:
        """Say what Run would do, or why it cannot."""
        if not self.job.running:
            reason = self._refusal()
            self.panel.show_idle(reason or self._describe_plane(), can_run=not reason)

    def _refusal(self) -> str:
        return refusal(self.controls.image.layer, self._viewer.dims)

    def _describe_plane(self) -> str:
        plane = shown_plane(self.controls.image.layer, self._viewer.dims)
        height, width = plane.shape
        shown = f"The plane shown is segmented ({plane.place}): " if plane.place else ""
        return f"{shown}{width} x {height} px"

    def _run(self) -> None:
        controls = self.controls
        image = controls.image.layer
        plane = shown_plane(image, self._viewer.dims)
        source = source_of(image, plane)
        made_by = (controls.model_name, controls.options(), source)
        request = _Request(image, plane.snapshot(), *made_by)
        self._outcome = "Cancelled: no labels were added."
        self.live.forget()
        self.panel.start("Loading the model…")
        self.job.start(_steps(request), "Segmenting nuclei")

    def _on_progressed(self, progress: Progress) -> None:
        self.panel.show_progress(progress, "tiles")

    def _on_succeeded(self, outcome: tuple[_Request, Model, Segmentation]) -> None:
        request, model, segmentation = outcome
        if request.image not in self._viewer.layers:
            self._outcome = "The image was removed during the run: no labels were added."
            return
        plane = request.plane
        layer = add_nuclei(self._viewer, plane, segmentation)
        made_by = (request.model_name, model, request.options)
        self._source = request.source
        self.live.follow(Result(request.image, plane, *made_by, segmentation, layer))
        self._show_result()
        where = f" ({plane.place})" if plane.place else ""
        self._outcome = f"{_count(segmentation)} in {self.panel.elapsed_s:.1f} s{where}"

    def _on_failed(self, error: Exception) -> None:
        self._outcome = str(error) if isinstance(error, NucleiError) else "The run failed."
        notify(error)

    def _on_ended(self) -> None:
        self.panel.show_idle(self._outcome, can_run=not self._refusal())
        # They may have been moved during the run.
        self._apply_thresholds()

    def _apply_thresholds(self) -> None:
        controls = self.controls
        if controls.image.layer is not None and not self.job.running:
            self.live.request(controls.image.layer, controls.model_name, controls.options())

    def _show_result(self) -> None:
        if self.live.result is not None and self._source is not None:
            self.results.add(found_of(self.live.result, self._source))

    def _on_relabelled(self, segmentation: Segmentation) -> None:
        self._show_result()
        if not self.job.running:
            self.panel.show_idle(_count(segmentation), can_run=not self._refusal())


def _steps(request: _Request) -> Generator[Progress, None, tuple[_Request, Model, Segmentation]]:
    """Read, load the model and segment, in the worker: nothing here touches napari or Qt."""
    yield Progress(0, 0)
    # First of all, before anybody changes them.
    pixels = request.plane.pixels()
    yield Progress(0, 0)
    model = load_model(request.model_name)
    yield Progress(0, 0)
    steps = segment_steps(pixels, model, request.options, rgb=request.plane.rgb)
    return request, model, (yield from steps)


def _count(segmentation: Segmentation) -> str:
    if segmentation.recipe["options"]["semantic"]:
        return "One mask of all nuclei"
    count = len(segmentation.table["index"])
    nuclei = f"{count} nucleus" if count == 1 else f"{count} nuclei"
    diameter_px = segmentation.diameter_px
    return f"{nuclei} of about {diameter_px:.0f} px" if diameter_px else nuclei
