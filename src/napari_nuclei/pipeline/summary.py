"""What became of the images of a batch, as one table: the counts per image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from napari_nuclei.pipeline import tables

if TYPE_CHECKING:
    from napari_nuclei.errors import NucleiError

_COLUMNS = ("image", "state", "nuclei", "nucleus_share", "diameter_px", "reason")


def count_in_words(n_nuclei: int) -> str:
    """Return "1 nucleus", "2 nuclei" and so on."""
    return "1 nucleus" if n_nuclei == 1 else f"{n_nuclei} nuclei"


@dataclass(frozen=True)
class Segmented:
    """A file that was segmented.

    Attributes
    ----------
    image : Path
    n_nuclei : int
        1 at most where single nuclei were not asked for.
    nucleus_share : float
        Share of the image's area that is nucleus, 0 to 1.
    diameter_px : float or None
        For which the image was resized, chosen or estimated; None: it was not.
    seconds : float
        Reading and writing included.
    done_before : bool
        Whether the results were there already, and were kept.
    """

    image: Path
    n_nuclei: int
    nucleus_share: float
    diameter_px: float | None
    seconds: float
    done_before: bool = False

    def in_words(self, *, semantic: bool) -> str:
        """Return how many nuclei there are; of a semantic mask, how much of the image is one."""
        return f"{self.nucleus_share:.1%} nucleus" if semantic else count_in_words(self.n_nuclei)


@dataclass(frozen=True)
class Failed:
    """A file that was not segmented, and why; its labels were not written.

    Attributes
    ----------
    image : Path
    reason : NucleiError or OSError
        The former names the image.
    """

    image: Path
    reason: NucleiError | OSError

    @property
    def done_before(self) -> bool:
        """Never: a file that failed is tried again."""
        return False

    @property
    def explanation(self) -> str:
        """The reason in words, without the folder of the image."""
        if isinstance(self.reason, OSError) and self.reason.strerror:
            return self.reason.strerror
        return str(self.reason).replace(str(self.image), self.image.name)


Outcome: TypeAlias = Segmented | Failed


def write_summary(
    path: Path, outcomes: Sequence[Outcome], waiting: Sequence[Path], *, semantic: bool
) -> None:
    """Write one row an image: name, state, number of nuclei, ...; whole or not at all.

    Parameters
    ----------
    path : Path
        The CSV file.
    outcomes : sequence of Segmented or Failed
        Of the images that are done.
    waiting : sequence of Path
        The images that are not.
    semantic : bool
        Whether nothing was counted: the number of nuclei is left empty.
    """
    rows = [_row(outcome, semantic) for outcome in outcomes]
    rows += [(image.name, "waiting", "", "", "", "") for image in waiting]
    columns = np.array(rows, object).reshape(len(rows), len(_COLUMNS)).T
    tables.write_csv(dict(zip(_COLUMNS, columns, strict=True)), path)


def is_summary(path: Path) -> bool:
    """Tell whether a file is one that `write_summary` wrote."""
    with path.open("rb") as stream:
        return stream.readline().strip() == ",".join(_COLUMNS).encode()


def _row(outcome: Outcome, semantic: bool) -> tuple[object, ...]:
    if isinstance(outcome, Failed):
        return outcome.image.name, "failed", "", "", "", outcome.explanation
    diameter = "" if outcome.diameter_px is None else round(outcome.diameter_px, 1)
    share = round(outcome.nucleus_share, 4)
    count = "" if semantic else outcome.n_nuclei
    return outcome.image.name, "segmented", count, share, diameter, ""
