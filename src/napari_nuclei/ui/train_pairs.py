"""The list of what is learnt from: pairs of open layers, and those that the project has already."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qtpy.QtCore import QSize, Qt, QTimer, Signal
from qtpy.QtGui import QIcon, QImage, QPixmap
from qtpy.QtWidgets import (
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_nuclei.ui.corrections import corrections_of

if TYPE_CHECKING:
    from napari.components import LayerList
    from napari.layers import Image

    from napari_nuclei.ui.layer_pair import LayerPair

_ICON_PX = 36
_VISIBLE_ROWS = 3
_WAIT_MS = 100
_CONTENT = Qt.ItemDataRole.UserRole


class TrainPairs(QWidget):
    """Rows with thumbnail, name and counts that follow the corrections.

    `changed` tells that there are other pairs, or other counts. `open_clicked` and
    `delete_clicked` ask for a pair of the project, by its name.
    """

    changed = Signal()
    open_clicked = Signal(str)
    delete_clicked = Signal(str)

    def __init__(self, layers: LayerList, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._layers = layers
        # The counts belong to the pairs: it takes time to find them.
        self._pairs: list[LayerPair] = []
        self._counts: list[tuple[int, int]] = []
        self._saved: tuple[str, ...] = ()
        self.rows = QListWidget()
        self.open = QPushButton("Open")
        self.open.setToolTip("Open an image of the project and its labels as layers")
        self.remove = QPushButton("Remove")
        self.remove.setToolTip("Take the selected pair off the list, or out of the project")
        # Each stroke of the brush tells of itself.
        self._timer = QTimer(self, singleShot=True, interval=_WAIT_MS)
        self._lay_out()
        self._connect()
        self._fill()

    @property
    def pairs(self) -> tuple[LayerPair, ...]:
        """The pairs of open layers."""
        return tuple(self._pairs)

    @property
    def selected(self) -> LayerPair | None:
        """The selected pair of open layers, or else the first one."""
        content = self._content()
        return content if content in self._pairs else next(iter(self._pairs), None)

    @property
    def n_checked(self) -> int:
        """Nuclei of open layers that were corrected or accepted."""
        return sum(map(sum, self._counts))

    def add(self, pair: LayerPair) -> None:
        """Add a pair in the place of one of the same labels."""
        self._drop([known for known in self._pairs if known.labels is pair.labels])
        self._pairs.append(pair)
        corrections_of(pair.labels).changed.connect(self._on_corrections)
        self._fill()

    def show_saved(self, names: Sequence[str]) -> None:
        """Show what the project has."""
        self._saved = tuple(names)
        self._fill()

    def stop(self) -> None:
        """Follow no layer any more: the widget goes away."""
        self._timer.stop()
        self._drop(list(self._pairs))
        self._layers.events.removed.disconnect(self._on_removed)

    def _lay_out(self) -> None:
        self.rows.setIconSize(QSize(_ICON_PX, _ICON_PX))
        self.rows.setFixedHeight(_VISIBLE_ROWS * (_ICON_PX + 8))
        self.rows.setToolTip("What the model learns from")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.rows)
        row = QHBoxLayout()
        row.addWidget(self.open)
        row.addWidget(self.remove)
        layout.addLayout(row)

    def _connect(self) -> None:
        self.rows.currentItemChanged.connect(self._on_selected)
        self.open.clicked.connect(lambda: self.open_clicked.emit(self._content()))
        self.remove.clicked.connect(self._on_remove)
        self._timer.timeout.connect(self._on_counts)
        self._layers.events.removed.connect(self._on_removed)

    def _content(self) -> LayerPair | str | None:
        item = self.rows.currentItem()
        return None if item is None else item.data(_CONTENT)

    def _on_selected(self) -> None:
        content = self._content()
        self.remove.setEnabled(content is not None)
        self.open.setEnabled(isinstance(content, str))

    def _on_remove(self) -> None:
        content = self._content()
        if isinstance(content, str):
            self.delete_clicked.emit(content)
        elif content is not None:
            self._drop([content])
            self._fill()

    def _on_removed(self, event: object = None) -> None:
        gone = [p for p in self._pairs if not {p.image, p.labels} <= set(self._layers)]
        if gone:
            self._drop(gone)
            self._fill()

    def _drop(self, pairs: list[LayerPair]) -> None:
        for pair in pairs:
            corrections_of(pair.labels).changed.disconnect(self._on_corrections)
            self._pairs.remove(pair)

    def _fill(self) -> None:
        """Show all rows anew and keep the selection."""
        before = self._content()
        self.rows.clear()
        self._count()
        for pair, counts in zip(self._pairs, self._counts, strict=True):
            self._add_row(pair, _describe(pair, counts), _thumbnail(pair.image))
        mine = {pair.name for pair in self._pairs}
        for name in self._saved:
            if name not in mine:
                self._add_row(name, f"{name}\nsaved in the project", QIcon())
        contents = [self.rows.item(row).data(_CONTENT) for row in range(self.rows.count())]
        self.rows.setCurrentRow(contents.index(before) if before in contents else 0)
        self._on_selected()
        self.changed.emit()

    def _add_row(self, content: LayerPair | str, text: str, icon: QIcon) -> None:
        item = QListWidgetItem(icon, text)
        item.setData(_CONTENT, content)
        item.setToolTip(text)
        self.rows.addItem(item)

    def _on_corrections(self) -> None:
        self._timer.start()

    def _on_counts(self) -> None:
        self._count()
        for row, counts in enumerate(self._counts):
            self.rows.item(row).setText(_describe(self._pairs[row], counts))
        self.changed.emit()

    def _count(self) -> None:
        found = [corrections_of(pair.labels) for pair in self._pairs]
        self._counts = [(one.n_corrected, one.n_accepted) for one in found]


def _describe(pair: LayerPair, counts: tuple[int, int]) -> str:
    corrected, accepted = counts
    return f"{pair.name}\n{corrected} corrected, {accepted} accepted"


def _thumbnail(image: Image) -> QIcon:
    """Return napari's own thumbnail of a layer."""
    pixels = image.thumbnail
    height, width = pixels.shape[:2]
    picture = QImage(pixels.tobytes(), width, height, 4 * width, QImage.Format.Format_RGBA8888)
    pixmap = QPixmap.fromImage(picture)
    icon = QIcon(pixmap)
    # Else it is tinted when its row is selected.
    icon.addPixmap(pixmap, QIcon.Mode.Selected)
    return icon
