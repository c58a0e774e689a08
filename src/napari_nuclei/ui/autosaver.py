"""Saves corrections a moment after they were made, so that a crash takes none of them along."""

from __future__ import annotations

from collections.abc import Generator
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any
from uuid import uuid4
from weakref import WeakKeyDictionary, finalize, ref

import numpy as np
from napari.utils.notifications import show_warning
from qtpy.QtCore import QCoreApplication, QObject, QTimer

from napari_nuclei import paths
from napari_nuclei.errors import explain
from napari_nuclei.pipeline.autosave import Lost, Session, Work
from napari_nuclei.pipeline.prediction import Progress
from napari_nuclei.ui.corrections import corrections_of
from napari_nuclei.ui.geometry import layer_geometry
from napari_nuclei.ui.jobs import Job
from napari_nuclei.ui.notify import notify

if TYPE_CHECKING:
    from napari.layers import Labels

WAIT_MS = 2000
"""How long after a correction it is saved: so much work can be lost, at most."""


class Autosaver(QObject):
    """Saves the corrections of layers for as long as the program runs.

    In the thread of the window nothing is written: only a copy of the labels is made there.
    """

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._session: Session | None = None
        # The worker needs the session, too, and may come when this is closed.
        self._opening = Lock()
        self._keys: WeakKeyDictionary[Labels, str] = WeakKeyDictionary()
        self._waiting: list[ref[Labels]] = []
        self._has_warned = False
        self._is_open = True
        self._job = Job(self)
        self._job.succeeded.connect(self._on_saved)
        self._job.failed.connect(self._on_failed)
        self._job.ended.connect(self._on_ended)
        self._timer = QTimer(self, singleShot=True, interval=WAIT_MS)
        self._timer.timeout.connect(self._start)

    @property
    def idle(self) -> bool:
        """Whether all corrections were saved, or cannot be."""
        return not (self._waiting or self._job.running)

    def watch(self, layer: Labels) -> None:
        """Save the corrections of a layer from now on, until it is gone."""
        if layer not in self._keys:
            self._keys[layer] = uuid4().hex
            finalize(layer, self._forget, self._keys[layer]).atexit = False
            corrections_of(layer).changed.connect(partial(self._request, ref(layer)))

    def adopt(self, layer: Labels, lost: Lost) -> None:
        """Watch a layer that was made of lost work.

        Raises
        ------
        OSError
            When the folder refuses; the work is then where it was.
        """
        self.watch(layer)
        session = self._open()
        if session is not None:
            session.adopt(self._keys[layer], lost)

    def close(self) -> None:
        """Remove what was saved: the program ends in order."""
        self._timer.stop()
        self._waiting.clear()
        self._job.cancel()
        with self._opening:
            self._is_open = False
            session, self._session = self._session, None
        if session is not None:
            session.close()

    def _open(self) -> Session | None:
        """Return the session of this program; None when the program ends."""
        with self._opening:
            if self._session is None and self._is_open:
                self._session = Session(paths.autosaves())
            return self._session

    def _request(self, layer: ref[Labels]) -> None:
        if not self._is_open:
            return
        if layer not in self._waiting:
            self._waiting.append(layer)
        # Not anew with each stroke: whoever paints without a pause is saved, too.
        if not self._timer.isActive():
            self._timer.start()

    def _start(self) -> None:
        if self._waiting and not self._job.running:
            layer = self._waiting.pop(0)()
            work = None if layer is None else _work_of(layer)
            if layer is None or work is None:
                if layer is not None:
                    # All that was saved was undone.
                    self._forget(self._keys[layer])
                self._on_ended()
            else:
                self._job.start(self._save_steps(self._keys[layer], work))

    def _save_steps(self, key: str, work: Work) -> Generator[Progress, None, None]:
        yield Progress(0, 0)
        session = self._open()
        if session is not None:
            session.save(key, work)

    def _forget(self, key: str) -> None:
        if self._session is not None:
            self._session.forget(key)

    def _on_saved(self) -> None:
        self._has_warned = False

    def _on_failed(self, error: Exception) -> None:
        if not isinstance(error, OSError):
            notify(error)
        elif not self._has_warned:
            self._has_warned = True
            show_warning(
                f"Corrections cannot be kept in case of a crash ({explain(error)}): save the layer "
                "to a file now and then."
            )

    def _on_ended(self) -> None:
        if self._waiting:
            self._timer.start()


_autosaver: list[Autosaver] = []


def autosaver() -> Autosaver:
    """Return the one of this program; it is closed when the program ends in order."""
    app = QCoreApplication.instance()
    if not _autosaver:
        _autosaver.append(Autosaver(app))
        app.aboutToQuit.connect(close)
    return _autosaver[0]


def close() -> None:
    """Remove what was saved, and begin anew with the next layer."""
    if _autosaver:
        one = _autosaver.pop()
        one.close()
        one.deleteLater()


def _work_of(layer: Labels) -> Work | None:
    """Return what is to be saved of a layer; None when nothing was done to it."""
    corrections = corrections_of(layer)
    if not (corrections.seen or corrections.painted.any()):
        return None
    return Work(
        layer.name,
        corrections.labels.copy(),
        corrections.found,
        corrections.painted.copy(),
        corrections.seen,
        _place_of(layer),
    )


def _place_of(layer: Labels) -> dict[str, Any]:
    """Return as JSON values what `add_labels` of a viewer takes to make such a layer again."""
    geometry = layer_geometry(layer, layer.ndim, np.zeros(layer.ndim), np.ones(layer.ndim))
    units = [str(unit) for unit in geometry.pop("units")]
    place = {name: np.asarray(value).tolist() for name, value in geometry.items()}
    features = {str(name): layer.features[name].tolist() for name in layer.features}
    recipe = {key: value for key, value in layer.metadata.items() if key == "napari_nuclei"}
    return place | {"units": units, "features": features, "metadata": recipe}
