"""The one form of options of the Segment and the Batch widget: model, size, thresholds."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QFormLayout,
    QSpinBox,
    QWidget,
)
from superqt import QLabeledDoubleSlider

from napari_nuclei import paths
from napari_nuclei.core.instances import MAX_MIN_AREA_PX, InstanceOptions
from napari_nuclei.errors import ModelError
from napari_nuclei.model import contents, manifest, store
from napari_nuclei.pipeline.segment import AUTO, SegmentOptions
from napari_nuclei.ui.diameter_box import DiameterBox
from napari_nuclei.ui.model_combo import ModelCombo
from napari_nuclei.ui.own_models import own_models
from napari_nuclei.ui.preferences import read_preferences

if TYPE_CHECKING:
    from napari_nuclei.model.manifest import Manifest

_DECIMALS = 2


class OptionsForm(QWidget):
    """A form of the segmentation options, as the preferences have them at first.

    `thresholds_changed` tells of a change that needs no new run of the network: probability,
    separation, smallest area, semantic or not.
    """

    thresholds_changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._preferences = read_preferences()
        self._default_manifest = _default_manifest()
        self._manifests: list[Manifest] = []
        self.model = ModelCombo("The model that ships, or one that you trained or imported")
        self.diameter = DiameterBox()
        self.probability = _threshold_slider("How sure the network must be that a pixel is nucleus")
        self.separation = _threshold_slider("Higher parts more touching nuclei")
        self.min_area = _area_box()
        self._thresholds = {
            "probability": self.probability,
            "separation": self.separation,
            "min_area_px": self.min_area,
        }
        self._touched: set[str] = set()
        self.semantic = QCheckBox("Semantic mask only")
        self.semantic.setToolTip(
            "Nucleus or background: one mask for all nuclei, instead of a label for each"
        )
        self._lay_out()
        self.refresh_models()
        self._show_thresholds()
        self._connect()
        self._apply_preferences()
        own_models.changed.connect(self.refresh_models)

    @property
    def model_name(self) -> str | None:
        """Name of the chosen model; None is the default one."""
        return self.model.model_name

    def options(self) -> SegmentOptions:
        """Return the options as they are shown.

        A threshold that nobody has touched since the model was chosen is None, the model's own: it
        may be finer than a slider can show.
        """
        return SegmentOptions(
            tile_px=self._preferences.tile_px,
            diameter_px=self.diameter.value() or AUTO,
            semantic=self.semantic.isChecked(),
            device=self._preferences.device,
            # Rounded to what is shown: a slider that is dragged stops anywhere in between.
            **{name: round(self._thresholds[name].value(), _DECIMALS) for name in self._touched},
        )

    def enlargement(self, otherwise: float) -> float:
        """Return by how much the chosen model would enlarge images for the chosen diameter.

        `otherwise` where that is not known before the run.
        """
        diameter_px, model = self.diameter.value(), self._model_manifest()
        if not diameter_px or model is None:
            return otherwise
        return model.diameters.enlargement(diameter_px)

    def refresh_models(self) -> None:
        """List the models as they are now; keep the choice while its model exists."""
        before = (self.model.currentText(), self._model_thresholds())
        self._manifests = store.list_models()
        self.model.show_models(manifest.name for manifest in self._manifests)
        if (self.model.currentText(), self._model_thresholds()) != before:
            self._show_thresholds()

    def _lay_out(self) -> None:
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("Model", self.model)
        form.addRow("Nucleus diameter", self.diameter)
        form.addRow("Probability", self.probability)
        form.addRow("Separation", self.separation)
        form.addRow("Smallest area", self.min_area)
        form.addRow("", self.semantic)

    def _apply_preferences(self) -> None:
        self.model.choose(self._preferences.model)
        self.diameter.setValue(self._preferences.diameter_px)

    def _connect(self) -> None:
        self.model.currentIndexChanged.connect(self._show_thresholds)
        for name, control in self._thresholds.items():
            control.valueChanged.connect(partial(self._on_touched, name))
        self.semantic.toggled.connect(self.thresholds_changed)
        for unused in (self.separation, self.min_area):
            self.semantic.toggled.connect(unused.setDisabled)

    def _on_touched(self, name: str, value: float) -> None:
        self._touched.add(name)
        self.thresholds_changed.emit()

    def _show_thresholds(self) -> None:
        """Show the thresholds that were chosen for the model."""
        self.blockSignals(True)
        for name, value in asdict(self._model_thresholds()).items():
            self._thresholds[name].setValue(value)
        self.blockSignals(False)
        self._touched.clear()

    def _model_thresholds(self) -> InstanceOptions:
        model = self._model_manifest()
        return InstanceOptions() if model is None else model.thresholds

    def _model_manifest(self) -> Manifest | None:
        index = self.model.currentIndex() - 1
        return self._manifests[index] if index >= 0 else self._default_manifest


def _default_manifest() -> Manifest | None:
    """Return what is known of the shipped model without loading it."""
    file = paths.default_model() / contents.MANIFEST_FILE
    try:
        return manifest.loads(contents.read_file(file), file)
    except ModelError:
        # Run reports it, to somebody who then wants to know.
        return None


def _threshold_slider(tool_tip: str) -> QLabeledDoubleSlider:
    slider = QLabeledDoubleSlider(Qt.Orientation.Horizontal)
    slider.setRange(0.01, 0.99)
    slider.setSingleStep(0.05)  # type: ignore[arg-type]  # superqt types it as for QSlider
    slider.setDecimals(_DECIMALS)
    slider.setToolTip(tool_tip)
    return slider


def _area_box() -> QSpinBox:
    box = QSpinBox()
    box.setRange(0, MAX_MIN_AREA_PX)
    box.setAlignment(Qt.AlignmentFlag.AlignCenter)
    box.setSuffix(" px")
    box.setToolTip("Smaller nuclei are left out")
    return box
