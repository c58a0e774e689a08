"""What a session leaves when it is killed or late, without a network."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from napari_nuclei.pipeline import runs, session
from napari_nuclei.pipeline.before_after import Figures, read_report
from napari_nuclei.pipeline.finetune import REQUEST_KEYS
from napari_nuclei.pipeline.session import Session
from napari_nuclei.pipeline.tuning import Mix, Scored

SCORED = Scored(Figures(0.3, 0.5, 2), Figures(0.3, 0.5, 2))


@pytest.fixture
def run(tmp_path: Path) -> runs.Run:
    request = {**dict.fromkeys(REQUEST_KEYS, "x"), "options": {}}
    return runs.start(tmp_path / "run", request)


@pytest.fixture
def _weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """Save as a model how many epochs it learnt."""

    def save_model(folder: Path, network: Any, *args: Any, provenance: Any, **kwargs: Any) -> None:
        folder.mkdir()
        (folder / "epochs").write_text(str(provenance["metrics"]["epochs"]))

    mix: Any = Mix(None, 0.5, SCORED)
    monkeypatch.setattr(session, "Network", lambda config, tensors: None)
    monkeypatch.setattr(session.tuning, "mix_weights", lambda *args: mix)
    monkeypatch.setattr(session.store, "save_model", save_model)


def learn(run: runs.Run, val_loss: float) -> None:
    run.save_epoch({"val_loss": val_loss}, {"t": np.zeros(1)}, {})


def session_of(run: runs.Run, *, is_stopped: bool = False, deadline: float = np.inf) -> Session:
    manifest = SimpleNamespace(provenance={})
    network = SimpleNamespace(config=None)
    base: Any = SimpleNamespace(
        manifest=manifest,
        network=network,
        thresholds=None,
        diameters=None,
        name="base",
        sha256="0" * 64,
    )
    unused: Any = SimpleNamespace(network=None)
    course: Any = SimpleNamespace(epochs=3)
    done = len(run.history.epochs)
    return Session(
        run,
        (),
        unused,
        base,
        unused,
        SCORED,
        unused,
        course,
        done,
        deadline,
        time.monotonic(),
        lambda: is_stopped,
    )


@pytest.mark.usefixtures("_weights")
def test_a_report_never_stands_beside_another_model(
    run: runs.Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def said() -> int | None:
        report = read_report(run.folder / "report.json")
        return report and report.epochs

    def model() -> int:
        return int((run.folder / "model" / "epochs").read_text())

    def die(*args: object) -> None:
        raise KeyboardInterrupt

    learn(run, 2.0)
    session_of(run, is_stopped=True).finish()
    assert (model(), said()) == (1, 1)
    learn(run, 1.0)
    with monkeypatch.context() as patch:
        patch.setattr(session, "write_report", die)
        with pytest.raises(KeyboardInterrupt):
            session_of(run, is_stopped=True).finish()
    assert (model(), said()) == (2, None)
    with monkeypatch.context() as patch:
        patch.setattr(session.contents, "remove_folder", die)
        with pytest.raises(KeyboardInterrupt):
            session_of(run, is_stopped=True).finish()
    assert (model(), said()) == (2, None)
    session_of(run, is_stopped=True).finish()
    assert (model(), said()) == (2, 2)


def test_a_session_that_is_late_does_one_epoch_of_its_own(run: runs.Run) -> None:
    late = session_of(run, deadline=-np.inf)
    assert not late._is_over()
    learn(run, 2.0)
    assert late._is_over()
    resumed = session_of(run, deadline=-np.inf)
    assert not resumed._is_over()
    learn(run, 1.0)
    assert resumed._is_over()
    assert session_of(run, is_stopped=True)._is_over()
