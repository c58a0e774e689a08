"""Score a way of finding nuclei on images whose nuclei are known."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from napari_nuclei.core.metrics import IOU_THRESHOLDS, Scores, mean_scores, score
from napari_nuclei.errors import DatasetError, InputError
from napari_nuclei.pipeline import figures

Segmenter = Callable[[NDArray[Any]], NDArray[np.integer[Any]]]
"""Takes an image, shape (Y, X) or (Y, X, 3), and returns its labels, shape (Y, X)."""

_COLUMNS = ("pixel acc.", "Dice", "IoU", "AP50", "mean AP", "PQ", "nuclei", "found", "images")


class KnownImage(Protocol):
    """An image whose nuclei are known; the items of a data set are such."""

    @property
    def id(self) -> str:
        """Name of the image, unlike any other."""

    @property
    def kind(self) -> str:
        """What sort of image it is, such as ``"fluorescence"``."""

    def read_image(self) -> NDArray[Any]:
        """Return the pixels, shape (Y, X) or (Y, X, 3)."""

    def read_labels(self) -> NDArray[np.int32]:
        """Return the true labels, shape (Y, X)."""


@dataclass(frozen=True)
class ImageScores:
    """The scores of one image."""

    id: str
    kind: str
    scores: Scores


@dataclass(frozen=True)
class Report:
    """The scores of a set of images.

    Attributes
    ----------
    per_image : tuple of ImageScores
        In the order of evaluation; at least one.
    """

    per_image: tuple[ImageScores, ...]

    @cached_property
    def overall(self) -> Scores:
        """Mean over all images."""
        return mean_scores([image.scores for image in self.per_image])

    @cached_property
    def per_kind(self) -> dict[str, Scores]:
        """Mean over the images of each kind, in alphabetical order."""
        return {
            kind: mean_scores([image.scores for image in self.per_image if image.kind == kind])
            for kind in sorted(self.n_images)
        }

    @cached_property
    def n_images(self) -> dict[str, int]:
        """Number of images of each kind."""
        kinds = [image.kind for image in self.per_image]
        return {kind: kinds.count(kind) for kind in kinds}

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain numbers, strings and dicts.

        Returns
        -------
        dict
            ``overall``, ``kinds`` (kind to figures) and ``images`` (a list, each with its ``id``
            and ``kind``). The figures are ``n_images`` (but of single images), ``pixel_accuracy``,
            ``dice``, ``iou``, ``ap50``, ``mean_ap``, ``pq``, ``ap`` (``"0.50"`` to ``"0.95"``),
            ``n_true`` and ``n_predicted``.
        """
        return {
            "overall": {"n_images": len(self.per_image), **_figures(self.overall)},
            "kinds": {
                kind: {"n_images": self.n_images[kind], **_figures(scores)}
                for kind, scores in self.per_kind.items()
            },
            "images": [
                {"id": image.id, "kind": image.kind, **_figures(image.scores)}
                for image in self.per_image
            ],
        }


def evaluate(
    items: Sequence[KnownImage],
    segmenter: Segmenter,
    on_item: Callable[[ImageScores], object] | None = None,
) -> Report:
    """Segment images and score the result against the truth.

    Parameters
    ----------
    items : sequence of KnownImage
        Such as the items of a data set; read one at a time.
    segmenter : callable
        Takes an image and returns its labels.
    on_item : callable, optional
        Called with the scores of each image as soon as they are there.

    Returns
    -------
    Report

    Raises
    ------
    DatasetError
        When there are no items, or one cannot be read.
    InputError
        When an image cannot be segmented or scored; names the image.
    """
    if not items:
        raise DatasetError("There are no images to evaluate: choose another data set or split.")
    results = []
    for item in items:
        results.append(_evaluate_one(item, segmenter))
        if on_item:
            on_item(results[-1])
    return Report(tuple(results))


def format_table(report: Report) -> str:
    """Return the report as text for a terminal: a row for all images, then one for each kind."""
    rows = [("", *_COLUMNS), _row("all", report.overall, len(report.per_image))]
    rows += [_row(kind, scores, report.n_images[kind]) for kind, scores in report.per_kind.items()]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows
    )


def save_figures(
    report: Report, items: Sequence[KnownImage], segmenter: Segmenter, folder: Path, n: int = 4
) -> list[Path]:
    """Draw the images with the lowest and the highest mean AP: image, truth and prediction.

    Parameters
    ----------
    report : Report
        Of those items and that segmenter.
    items, segmenter
        As for `evaluate`. The few images that are drawn are segmented once more, so that an
        evaluation never holds more than one image in memory.
    folder : Path
        Made when missing.
    n : int
        How many of the worst and how many of the best; no image is drawn twice.

    Returns
    -------
    list of Path
        ``worst-1-<id>.png`` ..., then ``best-1-<id>.png`` ....

    Raises
    ------
    OSError
        When a file cannot be written.
    """
    by_id = {item.id: item for item in items}
    ranked = sorted(report.per_image, key=lambda image: image.scores.mean_ap)
    groups = {"worst": ranked[:n], "best": ranked[n:][::-1][:n]}
    paths = []
    for group, chosen in groups.items():
        for place, result in enumerate(chosen, start=1):
            path = folder / f"{group}-{place}-{_file_stem(result.id)}.png"
            _draw(result, by_id[result.id], segmenter, path)
            paths.append(path)
    return paths


def _evaluate_one(item: KnownImage, segmenter: Segmenter) -> ImageScores:
    image, truth = item.read_image(), item.read_labels()
    try:
        scores = score(truth, segmenter(image))
    except InputError as error:
        raise InputError(f"{item.id}: {error}") from error
    return ImageScores(item.id, item.kind, scores)


def _figures(scores: Scores) -> dict[str, Any]:
    return {
        "pixel_accuracy": scores.pixel_accuracy,
        "dice": scores.dice,
        "iou": scores.iou,
        "ap50": scores.ap50,
        "mean_ap": scores.mean_ap,
        "pq": scores.pq,
        "ap": {f"{at:.2f}": ap for at, ap in zip(IOU_THRESHOLDS, scores.ap, strict=True)},
        "n_true": scores.n_true,
        "n_predicted": scores.n_predicted,
    }


def _row(name: str, scores: Scores, n_images: int) -> tuple[str, ...]:
    shares = (scores.pixel_accuracy, scores.dice, scores.iou, scores.ap50, scores.mean_ap)
    counts = (scores.n_true, scores.n_predicted, n_images)
    return (name, *(f"{share:.3f}" for share in (*shares, scores.pq)), *map(str, counts))


def _draw(result: ImageScores, item: KnownImage, segmenter: Segmenter, path: Path) -> None:
    image, scores = item.read_image(), result.scores
    titles = (
        f"{item.id[:12]} ({item.kind})",
        f"truth: {scores.n_true} nuclei",
        f"prediction: {scores.n_predicted}, AP50 {scores.ap50:.2f}, mean AP {scores.mean_ap:.2f}",
    )
    figures.draw_triptych(image, item.read_labels(), segmenter(image), path, titles=titles)


def _file_stem(identity: str) -> str:
    """Turn an id, which may hold folders, into a file name."""
    return re.sub(r"[^\w.-]+", "_", identity)[:80]
