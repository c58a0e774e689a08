"""What the buttons Start and Resume ask of a training."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from napari_nuclei import paths
from napari_nuclei.pipeline.finetune import Request

if TYPE_CHECKING:
    from napari_nuclei.pipeline.recipe import FinetuneOptions
    from napari_nuclei.pipeline.unfinished import Unfinished
    from napari_nuclei.ui.train_controls import TrainControls


def new_request(controls: TrainControls) -> Request:
    """Return what the form asks for, in a run folder of its own."""
    name = controls.model_name
    return Request(
        pairs=str(controls.project.path),
        folder=str(_run_folder(name)),
        base=controls.base_name,
        name=name,
        notes=controls.notes.text().strip(),
        options=controls.options(),
    )


def resuming_request(unfinished: Unfinished, options: FinetuneOptions) -> Request:
    """Return the wish to go on with a run, for the time that the options give."""
    return Request(
        pairs="",
        folder=str(unfinished.run.folder),
        name=unfinished.name,
        options=options,
        resume=True,
    )


def _run_folder(name: str) -> Path:
    """Return a new run folder, named so that the newest one sorts last."""
    began = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")
    return paths.training_runs() / f"{began}-{re.sub(r'[^A-Za-z0-9-]+', '-', name)}"
