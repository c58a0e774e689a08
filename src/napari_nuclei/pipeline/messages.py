"""What a fine-tuning tells while it runs: typed messages, and each as one line of JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from napari_nuclei.pipeline.before_after import Figures, Report


@dataclass(frozen=True)
class Started:
    """The data are read, the base model is scored, and the plan is made.

    Attributes
    ----------
    epochs : int
        As planned; fewer when the training is stopped or gains no more.
    done : int
        Epochs of an earlier session that this one goes on from.
    images, checked_nuclei, held_out_nuclei : int
    before : Figures
        Of the base model on the held-out nuclei.
    """

    epochs: int
    done: int
    images: int
    checked_nuclei: int
    held_out_nuclei: int
    before: Figures


@dataclass(frozen=True)
class EpochEnded:
    """One more epoch is done and its checkpoint written.

    Attributes
    ----------
    number, epochs : int
        This one, counted from 1, of so many.
    loss, val_loss : float
        On the training crops and on the held-out ones.
    held_out : Figures
        Of the network as it is now.
    preview : str
        Path of a picture: a held-out part, its labels, and what the network finds by now.
    seconds : float
        That the epoch took.
    """

    number: int
    epochs: int
    loss: float
    val_loss: float
    held_out: Figures
    preview: str
    seconds: float


@dataclass(frozen=True)
class Finished:
    """The model is there.

    Attributes
    ----------
    model : str
        Its folder.
    report : Report
    """

    model: str
    report: Report


@dataclass(frozen=True)
class Failed:
    """There will be no model; the last checkpoint is there to resume from.

    Attributes
    ----------
    reason : str
        One sentence for a person.
    """

    reason: str


Message = Started | EpochEnded | Finished | Failed

_KINDS: dict[str, type[Message]] = {
    kind.__name__: kind for kind in (Started, EpochEnded, Finished, Failed)
}


def to_line(message: Message) -> str:
    """Return a message as one line of JSON, without its end."""
    return json.dumps({"message": type(message).__name__, **asdict(message)})


def from_line(line: str) -> Message | None:
    """Return the message of a line; None when the line holds none."""
    try:
        content = json.loads(line)
        kind = _KINDS[content.pop("message")]
        fields: dict[str, Any] = {name: _part(name, value) for name, value in content.items()}
        return kind(**fields)
    except (ValueError, LookupError, TypeError, AttributeError):
        return None


def _part(name: str, value: object) -> object:
    if not isinstance(value, dict):
        return value
    return Report.from_json(value) if name == "report" else Figures(**value)
