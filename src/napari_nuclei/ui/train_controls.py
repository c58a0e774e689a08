"""The choices of a fine-tuning: project, base model, name, time; the finer ones folded away."""

from __future__ import annotations

import re
from itertools import chain, count
from typing import TYPE_CHECKING, TypeVar

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QLineEdit,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from napari_nuclei import paths
from napari_nuclei.errors import ModelError
from napari_nuclei.model import manifest, store
from napari_nuclei.pipeline.recipe import FinetuneOptions
from napari_nuclei.ui.folded import folded
from napari_nuclei.ui.folder_box import FolderBox
from napari_nuclei.ui.model_combo import ModelCombo
from napari_nuclei.ui.own_models import own_models
from napari_nuclei.ui.preferences import read_preferences

if TYPE_CHECKING:
    from collections.abc import Collection

_CHOICES_S = {"Quick (about 1 min)": 60, "Thorough (about 5 min)": 300}
_OTHER = "As long as chosen below"
_NAME = "my-model"
_MAX_S = 86_400

_Box = TypeVar("_Box", QSpinBox, QDoubleSpinBox)


class TrainControls(QWidget):
    """A form; `changed` tells of a choice that decides whether a training can start."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._names: frozenset[str] = frozenset()
        self.project = FolderBox(
            "Project folder", "Where corrections are kept; all that are there are learnt from"
        )
        self.project.set_path(read_preferences().project_folder or paths.default_project())
        self.base = ModelCombo("The model to begin with: best the one that ships, each time")
        self.name = QLineEdit()
        self.name.setToolTip("Of the new model; no model is ever replaced")
        self.time = QComboBox()
        self.time.addItems([*_CHOICES_S, _OTHER])
        self.time.setToolTip("How long the training takes in all; it can be stopped at any time")
        self._make_finer()
        self._lay_out()
        self.refresh_models()
        self._connect()

    @property
    def base_name(self) -> str | None:
        """Name of the base model; None is the one that ships."""
        return self.base.model_name

    @property
    def model_name(self) -> str:
        """Of the new model."""
        return self.name.text().strip()

    def options(self) -> FinetuneOptions:
        """Return the recipe as it is shown."""
        return FinetuneOptions(
            max_seconds=float(self.seconds.value()),
            learning_rate=self.learning_rate.value(),
            seed=self.seed.value(),
        )

    def name_refusal(self, waiting: Collection[str]) -> str:
        """Return why the new model cannot have its name; empty if it can.

        Parameters
        ----------
        waiting : collection of str
            Names of models that are neither kept nor discarded yet.
        """
        try:
            manifest.check_own_name(self.model_name)
        except ModelError as error:
            return str(error)
        name = self.model_name.lower()
        if name in self._names:
            return f"There is a model named {self.model_name}: choose another name."
        if name in {other.lower() for other in waiting}:
            return f"A training of {self.model_name} waits below: finish it, or take another name."
        return ""

    def refresh_models(self) -> None:
        """List the models as they are now; offer a name that none has."""
        names = [model.name for model in store.list_models()]
        self._names = frozenset(name.lower() for name in names)
        self.base.show_models(names)
        self.changed.emit()

    def offer_name(self, taken: Collection[str]) -> None:
        """Put a number behind the name in the form if a model or one of those has it."""
        others = self._names | {name.lower() for name in taken}
        stem = re.sub(r"-\d+$", "", self.model_name) or _NAME
        numbered = (f"{stem}-{number}" for number in count(2))
        self.name.setText(
            next(name for name in chain([stem], numbered) if name.lower() not in others)
        )

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        form = _form()
        form.addRow("Project", self.project)
        form.addRow("Base model", self.base)
        form.addRow("New model", self.name)
        form.addRow("Time", self.time)
        layout.addLayout(form)
        advanced = QWidget()
        finer = _form()
        advanced.setLayout(finer)
        finer.addRow("Seconds", self.seconds)
        finer.addRow("Learning rate", self.learning_rate)
        finer.addRow("Seed", self.seed)
        finer.addRow("Notes", self.notes)
        self.advanced = folded("Advanced", advanced)
        layout.addWidget(self.advanced)

    def _make_finer(self) -> None:
        """Make what is folded away, as the command line has it."""
        defaults = FinetuneOptions()
        self.seconds = _centred(QSpinBox(), "Wall time of the whole training")
        self.seconds.setRange(1, _MAX_S)
        self.seconds.setSuffix(" s")
        self.seconds.setValue(round(defaults.max_seconds))
        self.learning_rate = _centred(
            QDoubleSpinBox(), "The highest one: lower it where the scores jump"
        )
        self.learning_rate.setDecimals(5)
        self.learning_rate.setRange(0.00001, 0.1)
        self.learning_rate.setSingleStep(0.0001)
        self.learning_rate.setValue(defaults.learning_rate)
        self.seed = _centred(QSpinBox(), "Same seed, same held-out nuclei")
        self.seed.setRange(0, 2**31 - 1)
        self.seed.setValue(defaults.seed)
        self.notes = QLineEdit()
        self.notes.setPlaceholderText("such as tissue, stain, scanner")

    def _connect(self) -> None:
        self.name.textChanged.connect(self.changed)
        self.base.currentIndexChanged.connect(self.changed)
        self.time.currentTextChanged.connect(self._on_time)
        self.seconds.valueChanged.connect(self._on_seconds)
        own_models.changed.connect(self.refresh_models)

    def _on_time(self, choice: str) -> None:
        self.seconds.setValue(_CHOICES_S.get(choice, self.seconds.value()))

    def _on_seconds(self, seconds: int) -> None:
        named = {length: choice for choice, length in _CHOICES_S.items()}
        self.time.setCurrentText(named.get(seconds, _OTHER))


def _form() -> QFormLayout:
    form = QFormLayout()
    form.setContentsMargins(0, 0, 0, 0)
    form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    return form


def _centred(box: _Box, tool_tip: str) -> _Box:
    box.setAlignment(Qt.AlignmentFlag.AlignCenter)
    box.setToolTip(tool_tip)
    return box
