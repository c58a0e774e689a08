"""Several ways of finding nuclei, scored on the same images: as a table and as JSON."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from benchmarks.tables import aligned
from napari_nuclei.pipeline.evaluate import (
    ImageScores,
    KnownImage,
    Report,
    Segmenter,
    evaluate,
)

if TYPE_CHECKING:
    import numpy as np

    from napari_nuclei.core.metrics import Scores

_COLUMNS = ("images", "AP50", "mean AP", "Dice", "PQ")


@dataclass(frozen=True)
class Rival:
    """A way of finding nuclei.

    Attributes
    ----------
    name : str
        As the table shows it.
    segmenter : callable
        Takes an image, shape (Y, X) or (Y, X, 3), and returns its labels, shape (Y, X).
    about : dict
        How it came about, as JSON values.
    """

    name: str
    segmenter: Segmenter
    about: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Result:
    """How well a rival did.

    Attributes
    ----------
    seconds : float
        Spent on segmenting all images, without reading and scoring them.
    """

    rival: Rival
    report: Report
    seconds: float


def score_rival(
    rival: Rival,
    items: Sequence[KnownImage],
    on_item: Callable[[ImageScores], object] | None = None,
) -> Result:
    """Segment all images with a rival and score it, as `napari_nuclei.pipeline.evaluate` does."""
    seconds = []

    def timed(image: NDArray[Any]) -> NDArray[np.integer[Any]]:
        start = time.perf_counter()
        labels = rival.segmenter(image)
        seconds.append(time.perf_counter() - start)
        return labels

    report = evaluate(items, timed, on_item)
    return Result(rival, report, sum(seconds))


def format_comparison(results: Sequence[Result]) -> str:
    """Return a table: for all images, then for each kind, a row for every rival.

    Parameters
    ----------
    results : sequence of Result
        At least one, all of the same images.
    """
    first = results[0].report
    rows: list[tuple[str, ...]] = [("", "", *_COLUMNS)]
    rows += _rows("all", len(first.per_image), [(r, r.report.overall) for r in results])
    for kind, n_images in sorted(first.n_images.items()):
        rows += _rows(kind, n_images, [(r, r.report.per_kind[kind]) for r in results])
    return aligned(rows, text_columns=2)


def to_json(results: Sequence[Result]) -> dict[str, Any]:
    """Return all figures by the rivals' names, as JSON values.

    Returns
    -------
    dict
        Of each rival, ``about``, ``seconds`` and what `Report.to_json` returns.
    """
    return {
        result.rival.name: {
            "about": result.rival.about,
            "seconds": round(result.seconds, 1),
            **result.report.to_json(),
        }
        for result in results
    }


def _rows(
    group: str, n_images: int, scored: Sequence[tuple[Result, Scores]]
) -> list[tuple[str, ...]]:
    """Return a group's rows; only the first says what group it is."""
    rows = []
    for place, (result, scores) in enumerate(scored):
        shares = (scores.ap50, scores.mean_ap, scores.dice, scores.pq)
        figures = (str(n_images), *(f"{share:.3f}" for share in shares))
        rows.append(("" if place else group, result.rival.name, *figures))
    return rows
