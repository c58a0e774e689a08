"""What a fine-tuning gained and what it cost: the figures before and after, and a verdict."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from napari_nuclei import files
from napari_nuclei.errors import RunError

if TYPE_CHECKING:
    from napari_nuclei.core.metrics import Scores

Ending = Literal["done", "early", "time", "stopped"]
"""Why a training ended: its plan was done, it gained no more, the time was up, or it was asked."""

NOTICEABLE = 0.01
"""Differences of AP below this are nothing to speak of."""


@dataclass(frozen=True)
class Figures:
    """The two scores that are shown, each between 0 and 1.

    Attributes
    ----------
    mean_ap, ap50 : float
        As in `napari_nuclei.core.metrics.Scores`.
    nuclei : int
        How many true ones the scores are about.
    """

    mean_ap: float
    ap50: float
    nuclei: int

    @classmethod
    def of(cls, scores: Scores) -> Figures:
        """Return the figures of some scores."""
        return cls(scores.mean_ap, scores.ap50, scores.n_true)


@dataclass(frozen=True)
class BeforeAfter:
    """The same nuclei found by the base model and by the tuned one."""

    before: Figures
    after: Figures

    @property
    def gain(self) -> float:
        """Difference of the mean AP."""
        return self.after.mean_ap - self.before.mean_ap


@dataclass(frozen=True)
class Report:
    """The result of a fine-tuning.

    Attributes
    ----------
    held_out : BeforeAfter
        On corrected nuclei that the training did not see.
    base_domain : BeforeAfter
        On the bundled sample, which the base model was made for: what was forgotten.
    checked_nuclei, images : int
        What there was to learn from, the held-out nuclei included.
    share : float
        Of the tuned weights in the model; the rest are those of the base model.
    epochs, planned_epochs : int
    ending : Ending
    seconds : float
        Wall time of the whole fine-tuning.
    """

    held_out: BeforeAfter
    base_domain: BeforeAfter
    checked_nuclei: int
    images: int
    share: float
    epochs: int
    planned_epochs: int
    ending: Ending
    seconds: float

    @property
    def is_better(self) -> bool:
        """Whether the tuned model found the held-out nuclei noticeably better."""
        return self.held_out.gain >= NOTICEABLE

    @property
    def is_complete(self) -> bool:
        """Whether there is nothing left to train."""
        return self.ending in ("done", "early")

    @property
    def verdict(self) -> str:
        """One or two sentences for a person."""
        words = _held_out_in_words(self)
        if self.base_domain.gain <= -NOTICEABLE:
            words += (
                " It finds less on the bundled fluorescence sample than before (mean AP "
                f"{_change(self.base_domain)}): use the base model for such images."
            )
        return words

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        return {**asdict(self), "is_better": self.is_better, "verdict": self.verdict}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Report:
        """Return the report that `to_json` described."""
        pairs = {name: _before_after(content[name]) for name in ("held_out", "base_domain")}
        others = {n: v for n, v in content.items() if n not in ("is_better", "verdict")}
        return cls(**{**others, **pairs})


def write_report(report: Report, path: Path) -> None:
    """Write a report as a JSON file, whole or not at all.

    Raises
    ------
    RunError
        When the folder or the disk refuses.
    """
    try:
        files.write_text(path, json.dumps(report.to_json(), indent=1))
    except OSError as error:
        raise RunError(f"{path}: cannot be written ({error.strerror}).") from error


def read_report(path: Path) -> Report | None:
    """Read a report; None where there is none, or none that can be read."""
    try:
        return Report.from_json(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, LookupError, TypeError):
        return None


def _before_after(content: dict[str, Any]) -> BeforeAfter:
    return BeforeAfter(Figures(**content["before"]), Figures(**content["after"]))


def _held_out_in_words(report: Report) -> str:
    nuclei = report.held_out.before.nuclei
    figures = f"mean AP {_change(report.held_out)} on {nuclei} held-out nuclei"
    if report.is_better:
        return f"Better: {figures}."
    if report.held_out.gain <= -NOTICEABLE:
        return f"Worse than the base model: {figures}; keep the base model, or correct more nuclei."
    return f"Not better than the base model: {figures}; correct more nuclei and train again."


def _change(scores: BeforeAfter) -> str:
    return f"{scores.before.mean_ap:.2f} -> {scores.after.mean_ap:.2f}"
