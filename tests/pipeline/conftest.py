"""A small annotated image, and a fine-tuning of it that takes seconds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_nuclei.pipeline.finetune import Request
from napari_nuclei.pipeline.projects import Pair, Project
from napari_nuclei.pipeline.recipe import FinetuneOptions

EPOCHS = 4
OPTIONS = FinetuneOptions(max_seconds=600, batch_size=2, max_steps=EPOCHS)
"""One step an epoch, however fast the computer is."""


def discs() -> Pair:
    """Return an image of six bright discs."""
    y, x = np.indices((80, 160))
    labels = np.zeros(y.shape, np.int32)
    for disc, centre in enumerate([(20, 20), (60, 30), (25, 70), (60, 90), (20, 130), (60, 140)]):
        labels[(y - centre[0]) ** 2 + (x - centre[1]) ** 2 < 90] = disc + 1
    return Pair("discs", np.where(labels > 0, 200, 20).astype(np.uint8), labels)


@pytest.fixture
def corrections(tmp_path: Path) -> Path:
    """Return a project folder with one pair."""
    Project(tmp_path / "project").save(discs())
    return tmp_path / "project"


@pytest.fixture
def request_to_tune(corrections: Path, tiny_model: Path, tmp_path: Path) -> Request:
    """Return the request for a small fine-tuning."""
    return Request(
        str(corrections), str(tmp_path / "run"), str(tiny_model), "mine", "a note", OPTIONS
    )
