"""The user's own models: what they are, and rename, delete, export, import."""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QFileDialog,
    QGridLayout,
    QHeaderView,
    QInputDialog,
    QLabel,
    QMessageBox,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_nuclei.model import store
from napari_nuclei.pipeline.prediction import Progress
from napari_nuclei.ui.jobs import Job
from napari_nuclei.ui.own_models import own_models

if TYPE_CHECKING:
    from napari_nuclei.model.manifest import Manifest

_COLUMNS = ("Name", "Made", "Notes")
_ZIP = "Model (*.zip)"
_HEIGHT_PX = 110


class ModelsBox(QWidget):
    """A table of the models with buttons; what takes time is done in a worker."""

    failed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.job = Job(self)
        self._renamed: tuple[str, str] | None = None
        self.table = QTableWidget(0, len(_COLUMNS))
        self.status = QLabel()
        self.status.setWordWrap(True)
        self.rename = QPushButton("Rename…")
        self.delete = QPushButton("Delete…")
        self.export = QPushButton("Export…")
        self.export.setToolTip("Write the selected model as one zip to share")
        self.import_ = QPushButton("Import…")
        self.import_.setToolTip("Add a model from a zip; all of it is checked first")
        self._lay_out()
        self._connect()
        self.refresh()

    @property
    def chosen(self) -> str | None:
        """Name of the selected model."""
        row = self.table.currentRow()
        return self.table.item(row, 0).text() if row >= 0 else None

    def refresh(self) -> None:
        """List the models as they are now; keep the selection while its model exists."""
        before = self.chosen
        models = store.list_models()
        self.table.setRowCount(len(models))
        for row, manifest in enumerate(models):
            for column, text in enumerate(_describe(manifest)):
                item = QTableWidgetItem(text)
                item.setToolTip(_tool_tip(manifest))
                self.table.setItem(row, column, item)
        names = [manifest.name for manifest in models]
        self.table.setCurrentCell(names.index(before) if before in names else 0, 0)
        self._on_selected()

    def work(
        self,
        work: Callable[[], object],
        done: str,
        doing: str,
        renamed: tuple[str, str] | None = None,
    ) -> None:
        """Change something about the models in a worker, and tell everybody."""
        if not self.job.running:
            self._say(doing)
            self._renamed = renamed
            self.job.start(_steps(work, done))

    def _lay_out(self) -> None:
        self.table.setHorizontalHeaderLabels(_COLUMNS)
        self.table.verticalHeader().hide()
        self.table.setEditTriggers(self.table.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(self.table.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(self.table.SelectionMode.SingleSelection)
        self.table.setWordWrap(False)
        self.table.setFixedHeight(_HEIGHT_PX)
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setStretchLastSection(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.table)
        grid = QGridLayout()
        for place, button in enumerate((self.rename, self.delete, self.export, self.import_)):
            grid.addWidget(button, *divmod(place, 2))
        layout.addLayout(grid)
        layout.addWidget(self.status)
        self.status.hide()

    def _connect(self) -> None:
        self.table.itemSelectionChanged.connect(self._on_selected)
        self.rename.clicked.connect(self._ask_and_rename)
        self.delete.clicked.connect(self._ask_and_delete)
        self.export.clicked.connect(self._ask_and_export)
        self.import_.clicked.connect(self._ask_and_import)
        self.job.succeeded.connect(self._on_done)
        self.job.failed.connect(self._on_failed)
        self.job.ended.connect(own_models.changed)
        own_models.changed.connect(self.refresh)

    def _on_selected(self) -> None:
        for button in (self.rename, self.delete, self.export):
            button.setEnabled(self.chosen is not None)

    def _ask_and_rename(self) -> None:
        name = self.chosen
        new, is_given = QInputDialog.getText(self, "Rename", f"New name of {name}", text=name)
        if is_given and name and new.strip() != name:
            rename = partial(store.rename_model, name, new.strip())
            names = (name, new.strip())
            self.work(rename, f"{name} is now {new.strip()}.", "Renaming…", renamed=names)

    def _ask_and_delete(self) -> None:
        name = self.chosen
        question = f"Delete the model {name}? This cannot be undone."
        answer = QMessageBox.question(self, "Delete", question)
        if answer == QMessageBox.StandardButton.Yes and name:
            self.work(partial(store.delete_model, name), f"{name} is deleted.", "Deleting…")

    def _ask_and_export(self) -> None:
        name = self.chosen
        chosen, _ = QFileDialog.getSaveFileName(self, "Export", f"{name}.zip", _ZIP)
        path = _as_zip(chosen)
        if chosen and name and (path == Path(chosen) or self._may_replace(path)):
            export = partial(store.export_model, name, path)
            self.work(export, f"{name} is in {path}.", "Checking and writing…")

    def _may_replace(self, path: Path) -> bool:
        """Ask about a file that the dialog did not ask about, as it got its suffix afterwards."""
        question = f"{path.name} exists already. Replace it?"
        yes = QMessageBox.StandardButton.Yes
        return not path.exists() or QMessageBox.question(self, "Export", question) == yes

    def _ask_and_import(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(self, "Import", "", _ZIP)
        if chosen:
            path = Path(chosen)
            self.work(partial(store.import_model, path), f"Imported {path.name}.", "Checking…")

    def _on_done(self, message: str) -> None:
        if self._renamed is not None:
            own_models.renamed.emit(*self._renamed)
        self._say(message)

    def _on_failed(self, error: Exception) -> None:
        self._say("Nothing was changed.")
        self.failed.emit(error)

    def _say(self, message: str) -> None:
        self.status.setText(message)
        self.status.show()


def _steps(work: Callable[[], object], done: str) -> Generator[Progress, None, str]:
    yield Progress(0, 0)
    work()
    return done


def _as_zip(chosen: str) -> Path:
    """Return the path with the suffix of a zip, appended: a name may have dots of its own."""
    return Path(chosen if chosen.lower().endswith(".zip") else f"{chosen}.zip")


def _describe(manifest: Manifest) -> tuple[str, str, str]:
    known = manifest.provenance
    # Of a model from somebody else, anything may be there.
    return manifest.name, str(known.get("created", ""))[:10], _first_line(known.get("notes"))


def _tool_tip(manifest: Manifest) -> str:
    known = manifest.provenance
    base = _field(known.get("base"), "name")
    origin = f"tuned from {base}" if base else ""
    verdict = _field(known.get("metrics"), "verdict")
    return "\n".join(
        filter(None, (manifest.name, _first_line(known.get("notes")), origin, verdict))
    )


def _field(values: object, name: str) -> str:
    return _first_line(values.get(name)) if isinstance(values, dict) else ""


def _first_line(text: object) -> str:
    return text.partition("\n")[0][:200] if isinstance(text, str) else ""
