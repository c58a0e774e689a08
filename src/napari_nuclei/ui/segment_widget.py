"""The widget Segment nuclei: choose an image and a model, run, cancel, adjust the thresholds."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from weakref import WeakSet

from napari.layers import Shapes
from qtpy.QtWidgets import QLabel, QVBoxLayout

from napari_nuclei.model.device import device_name
from napari_nuclei.pipeline.segment import AUTO
from napari_nuclei.ui.axes_box import AxesBox
from napari_nuclei.ui.dock_widget import DockWidget, unwrapped
from napari_nuclei.ui.found import found_of
from napari_nuclei.ui.help_button import help_button
from napari_nuclei.ui.jobs import Job
from napari_nuclei.ui.large_images import add_large_nuclei, is_large, result_folder
from napari_nuclei.ui.layers import add_nuclei
from napari_nuclei.ui.live_thresholds import LiveThresholds, Result
from napari_nuclei.ui.notify import failure_in_words, notify
from napari_nuclei.ui.own_models import own_models
from napari_nuclei.ui.planes import Scope
from napari_nuclei.ui.results_panel import ResultsPanel
from napari_nuclei.ui.run_panel import RunPanel
from napari_nuclei.ui.segment_controls import SegmentControls
from napari_nuclei.ui.segment_run import (
    LargeOutcome,
    Outcome,
    Request,
    large_steps,
    run_steps,
    warm_steps,
)
from napari_nuclei.ui.segment_task import SegmentTask
from napari_nuclei.ui.shortcuts import PROBABILITY, RUN, TABLE, Shortcuts
from napari_nuclei.ui.words import breakable, describe_result

if TYPE_CHECKING:
    from napari.viewer import Viewer
    from qtpy.QtGui import QShowEvent

    from napari_nuclei.pipeline.blocks import BlockSegmentation
    from napari_nuclei.pipeline.prediction import Progress
    from napari_nuclei.pipeline.reproduce import ImageSource
    from napari_nuclei.pipeline.segment import Segmentation, SegmentOptions
    from napari_nuclei.pipeline.stack import StackSegmentation
    from napari_nuclei.ui.planes import Planes

_REMOVED = "The image was removed during the run: no labels were added."
_RUN_HINT = "Find the nuclei: a new Labels layer; pressed again, Cancel, within a second"


class SegmentWidget(DockWidget):
    """Segments the chosen image into a new Labels layer.

    Parameters
    ----------
    napari_viewer : napari.viewer.Viewer
        napari passes it.
    """

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__()
        napari_viewer = unwrapped(napari_viewer)
        self._viewer = napari_viewer
        self._last_words = ""
        self._task_words = ""
        self._source: ImageSource | None = None
        self._request: Request | None = None
        self._is_large = False
        self._watched_shapes: WeakSet[Shapes] = WeakSet()
        self.controls = SegmentControls(napari_viewer.layers, self)
        self.axes = AxesBox(self)
        self.task = SegmentTask(napari_viewer, self.controls, self.axes)
        self.panel = RunPanel(self)
        self.panel.button.setToolTip(_RUN_HINT)
        self.device = QLabel(f"Runs on {device_name(self.controls.options().device)}")
        self.job = Job(self)
        self.warming = Job(self)
        self.live = LiveThresholds(napari_viewer, self)
        self.results = ResultsPanel(napari_viewer, self)
        actions = {
            RUN: self.panel.button.click,
            PROBABILITY: self.results.probability.click,
            TABLE: self.results.table.click,
        }
        self.shortcuts = Shortcuts(napari_viewer, actions)
        self._lay_out()
        self._connect()
        self.reset_choices()

    def reset_choices(self, event: object = None) -> None:
        """Follow the layer list; napari calls this when a layer comes, goes or is renamed."""
        self.controls.image.refresh()
        self._watch_shapes()
        self._stop_for_removed_image()
        if not self.job.running:
            self._follow_layers()

    def showEvent(self, event: QShowEvent) -> None:
        """List models that were trained or imported meanwhile, and load the chosen one."""
        self.controls.refresh_models()
        if not self.warming.running:
            self.warming.start(warm_steps(self.controls.model_name))
        super().showEvent(event)

    def close_work(self) -> None:
        """Cancel what runs, and give the keys back."""
        self.job.cancel()
        self.warming.cancel()
        self.live.forget()
        self.results.stop()
        self.shortcuts.release()

    def _lay_out(self) -> None:
        self.axes.insert_into(self.controls.layout(), 1)
        self.device.setWordWrap(True)
        layout = QVBoxLayout(self)
        for part in (self.controls, self.panel, self.device, self.results):
            layout.addWidget(part)
        layout.addWidget(help_button("widget.md"))
        layout.addStretch()

    def _connect(self) -> None:
        controls = self.controls
        controls.image.layer_changed.connect(self._refresh)
        controls.model.currentIndexChanged.connect(self._refresh)
        controls.thresholds_changed.connect(self._apply_thresholds)
        controls.diameter.changed.connect(self._refresh)
        self.axes.changed.connect(self._refresh)
        self.panel.run_clicked.connect(self._run)
        self.panel.cancel_clicked.connect(self.job.cancel)
        self.job.progressed.connect(self._on_progressed)
        self.job.succeeded.connect(self._on_succeeded)
        self.job.failed.connect(self._on_failed)
        self.job.ended.connect(self._on_ended)
        self.live.relabelled.connect(self._on_relabelled)
        self.live.outdated.connect(self._on_outdated)
        self.live.failed.connect(notify)
        own_models.renamed.connect(self._on_model_renamed)
        self.results.failed.connect(notify)
        self.results.recount.extended.connect(self.live.leave)
        dims, camera = self._viewer.dims.events, self._viewer.scene.camera.events
        dims.current_step.connect(self._on_slider)
        for emitter in (dims.ndisplay, dims.order):
            emitter.connect(self._refresh)
        for emitter in (camera.center, camera.zoom):
            emitter.connect(self._on_part_moved)

    def _stop_for_removed_image(self) -> None:
        if self.job.running and self._request and self._request.image not in self._viewer.layers:
            self._last_words = _REMOVED
            self.job.cancel()

    def _watch_shapes(self) -> None:
        """Follow what is selected in Shapes layers, and where it is moved."""
        for layer in self._viewer.layers:
            if isinstance(layer, Shapes) and layer not in self._watched_shapes:
                self._watched_shapes.add(layer)
                layer.selected_data.events.items_changed.connect(self._on_part_moved)
                layer.events.data.connect(self._on_part_moved)

    def _on_slider(self, event: object = None) -> None:
        self.axes.follow_slider(self._viewer.dims)
        if self.axes.chosen_scope is not Scope.ALL:
            self._refresh()
        elif not self.job.running:
            # Which plane is shown plays no part: what was found stays to be read.
            self.axes.follow(self.controls.image.layer, self._viewer.dims)

    def _on_part_moved(self, *event: object) -> None:
        # Where it plays no part, what was found stays to be read.
        if self.axes.chosen_scope in (Scope.VIEW, Scope.SHAPES):
            self._refresh()

    def _refresh(self, event: object = None) -> None:
        """Say what Run would do by other choices, or why it cannot."""
        if not self.job.running:
            self._read_image()
            self._show_task()

    def _follow_layers(self) -> None:
        """Say what Run would do, unless that is as before: then what was found stays to be read."""
        self._read_image()
        if self.task.words() != self._task_words or not self.panel.button.isEnabled():
            self._show_task()

    def _read_image(self) -> None:
        self.axes.follow(self.controls.image.layer, self._viewer.dims)
        self.controls.refresh_pixel_size(self.axes.reading.spatial_axes)

    def _show_task(self) -> None:
        reason = self.task.refusal()
        self._task_words = reason or self.task.describe()
        self.panel.show_idle(self._task_words, can_run=not reason)

    def _run(self) -> None:
        # Other pixels, of another shape, may have been put into the layer, which nobody tells.
        self._refresh()
        if self.task.refusal():
            return
        request = self.task.request()
        self._request = request
        self._is_large = is_large(request.planes)
        self._last_words = "Cancelled: no labels were added."
        if self._is_large:
            self._last_words = "Cancelled: finished blocks are kept, and Run goes on from there."
        self.live.stop()
        self.panel.start("Loading the model…")
        steps = large_steps(request, result_folder()) if self._is_large else run_steps(request)
        self.job.start(steps, "Segmenting nuclei")

    def _on_progressed(self, progress: Progress) -> None:
        self.panel.show_progress(progress, "blocks" if self._is_large else "tiles")

    def _on_succeeded(self, outcome: Outcome | LargeOutcome) -> None:
        if isinstance(outcome, LargeOutcome):
            self._show_large(outcome.request, outcome.found)
        else:
            self._show(outcome)

    def _show_large(self, request: Request, found: BlockSegmentation) -> None:
        if request.image in self._viewer.layers:
            add_large_nuclei(self._viewer, request.planes, found)
        nuclei = self._describe(found, request.planes, request.options)
        place = breakable(found.labels)
        self._last_words = f"{nuclei} in {self.panel.elapsed_s:.1f} s, kept in {place}"

    def _show(self, outcome: Outcome) -> None:
        request, segmentation = outcome.request, outcome.segmentation
        self._learn(outcome)
        if request.image not in self._viewer.layers:
            self._last_words = _REMOVED
            return
        planes = request.planes
        before = self.live.result
        if before is not None and before.is_of(request.image, planes):
            # One over the other, nobody could tell them apart.
            before.layer.visible = False
        layer = add_nuclei(self._viewer, planes, segmentation, outcome.labels)
        # Not that of the outcome: the model may have been renamed since.
        model_name = self._request.model_name if self._request else request.model_name
        made_by = (model_name, outcome.model, request.options)
        self._source = outcome.source
        made = (segmentation, layer, outcome.probability)
        self.live.follow(Result(request.image, planes, *made_by, *made))
        self._show_result()
        where = f" ({planes.place})" if planes.place else ""
        found = self._describe(segmentation, planes, request.options)
        self._last_words = f"{found} in {self.panel.elapsed_s:.1f} s{where}"

    def _describe(
        self,
        found: Segmentation | StackSegmentation | BlockSegmentation,
        planes: Planes,
        options: SegmentOptions,
    ) -> str:
        """Say what was found, and offer the estimate to whoever wants another diameter."""
        is_estimated = options.diameter_px == AUTO
        if is_estimated and found.diameter_px:
            self.controls.diameter.suggest(found.diameter_px)
        return describe_result(found, planes.pixel_um, is_estimated=is_estimated)

    def _learn(self, outcome: Outcome) -> None:
        """Keep what the run has shown of the device and its speed."""
        self.device.setText(f"Runs on {outcome.device}")
        if outcome.pace is not None:
            self.task.pace = outcome.pace

    def _on_failed(self, error: Exception) -> None:
        self._last_words = failure_in_words(error)
        notify(error)

    def _on_model_renamed(self, old: str, new: str) -> None:
        self.live.rename_model(old, new)
        if self._request is not None and self._request.model_name == old:
            self._request = replace(self._request, model_name=new)

    def _on_ended(self) -> None:
        self.axes.follow(self.controls.image.layer, self._viewer.dims)
        self._task_words = self.task.words()
        self.panel.show_idle(self._last_words, can_run=not self.task.refusal())
        # They may have been moved during the run.
        self._apply_thresholds()

    def _apply_thresholds(self) -> None:
        controls = self.controls
        if controls.image.layer is not None and not self.job.running:
            self.live.request(controls.image.layer, controls.model_name, controls.options())

    def _show_result(self) -> None:
        if self.live.result is not None and self._source is not None:
            self.results.add(found_of(self.live.result, self._source))

    def _on_relabelled(self, result: Result) -> None:
        self._show_result()
        self._say(self._describe(result.segmentation, result.planes, result.options))

    def _on_outdated(self) -> None:
        self._say("So many planes are not labelled anew at once: press Run for these thresholds.")

    def _say(self, message: str) -> None:
        if not self.job.running:
            self.panel.show_idle(message, can_run=not self.task.refusal())
