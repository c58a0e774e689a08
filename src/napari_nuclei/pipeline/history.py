"""How far a training got, and which files of tensors belong to that."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari_nuclei.errors import RunError


@dataclass(frozen=True)
class Checkpoint:
    """A file of tensors that belongs to the end of an epoch, with its validation loss."""

    epoch: int
    file: str
    sha256: str
    val_loss: float

    def __post_init__(self) -> None:
        if Path(self.file).name != self.file:
            raise RunError(f"The checkpoint {self.file} lies outside of its run; start a new one.")


@dataclass(frozen=True)
class History:
    """How far a run got.

    Attributes
    ----------
    epochs : tuple of dict
        One row an epoch: loss and metrics of training and validation, learning rate, seconds.
    checkpoints : tuple of Checkpoint
        Weights and optimizer, oldest first.
    best : Checkpoint, optional
        The epoch with the lowest validation loss; one that was forgotten since, such as because
        the optimizer's state is damaged, can still be the best.
    """

    epochs: tuple[dict[str, float], ...] = ()
    checkpoints: tuple[Checkpoint, ...] = ()
    best: Checkpoint | None = None


def history_from_json(content: dict[str, Any]) -> History:
    """Return the history that `dataclasses.asdict` described.

    Raises
    ------
    LookupError, TypeError, AttributeError
        When it is none.
    """
    epochs, best = tuple(content["epochs"]), content["best"]

    def checkpoint(described: dict[str, Any]) -> Checkpoint:
        if "val_loss" in described:
            return Checkpoint(**described)
        # Runs of earlier versions have it in the rows alone.
        return Checkpoint(**described, val_loss=epochs[described["epoch"] - 1]["val_loss"])

    checkpoints = tuple(map(checkpoint, content["checkpoints"]))
    return History(epochs, checkpoints, checkpoint(best) if best else None)
