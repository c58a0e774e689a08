"""From an array to labels and table: ours and, where it is installed, StarDist 2D in turns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import prod
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from benchmarks.clock import Timing, alternate
from benchmarks.images import mosaic
from benchmarks.tables import aligned
from napari_nuclei.pipeline.resources import count_tiles
from napari_nuclei.pipeline.segment import SegmentOptions, segment

if TYPE_CHECKING:
    from benchmarks.engines import Speed
    from napari_nuclei.model.store import Model

Segment = Callable[[NDArray[Any]], object]
SIDES_PX = (256, 1024, 4096)
OURS, STARDIST = "ours", "StarDist"
_REPEATS = {256: 9, 1024: 5, 4096: 3}
_REAL_REPEATS = 3


@dataclass(frozen=True)
class Case:
    """Images that are segmented one after the other.

    Attributes
    ----------
    name : str
    megapixels : float
        Of all images.
    tiles : int
        That the network sees, when nothing is resized; 0 where the diameter is estimated.
    seconds : dict of str to float
        In the best of several turns, by tool.
    """

    name: str
    megapixels: float
    tiles: int
    seconds: Mapping[str, float]

    def rate(self, tool: str) -> float:
        """Return the megapixels per second of a tool."""
        return self.megapixels / self.seconds[tool]

    def share_of_network(self, bare: Speed) -> float:
        """Return the tile rate from array to table, of that of the bare network."""
        return self.tiles / self.seconds[OURS] / bare.tiles_per_s


def measure_cases(
    model: Model, real: Sequence[NDArray[Any]], stardist: Segment | None
) -> list[Case]:
    """Time mosaics of some sizes and real images, as they are and with their diameter estimated."""
    cases = []
    for side_px in SIDES_PX:
        name = f"{side_px} x {side_px} px"
        cases.append(_case(name, [mosaic(side_px)], model, stardist, _REPEATS[side_px]))
    name = f"{len(real)} real images"
    cases.append(_case(name, real, model, stardist, _REAL_REPEATS))
    estimated = alternate({OURS: lambda: _all(real, model, "auto")}, _REAL_REPEATS)
    name = f"{name}, diameter estimated"
    return [*cases, Case(name, megapixels(real), 0, _best(estimated))]


def _case(
    name: str, images: Sequence[NDArray[Any]], model: Model, stardist: Segment | None, repeats: int
) -> Case:
    runs: dict[str, Callable[[], object]] = {OURS: lambda: _all(images, model, None)}
    if stardist is not None:
        runs[STARDIST] = lambda: [stardist(image) for image in images]
    options = SegmentOptions()
    tiles = sum(count_tiles((image.shape[0], image.shape[1]), options) for image in images)
    return Case(name, megapixels(images), tiles, _best(alternate(runs, repeats)))


def _all(images: Sequence[NDArray[Any]], model: Model, diameter_px: Any) -> None:
    for image in images:
        segment(image, model, diameter_px=diameter_px)


def _best(timings: Mapping[str, Timing]) -> dict[str, float]:
    return {tool: timing.best_s for tool, timing in timings.items()}


def megapixels(images: Sequence[NDArray[Any]]) -> float:
    """Return the size of all images together, however many channels they have."""
    return sum(prod(image.shape[:2]) for image in images) / 1e6


def format_cases(cases: Sequence[Case], bare: Speed) -> str:
    """Return the table of images, a column for each tool."""
    header = ("images", "seconds", "MP/s", "of bare network", "StarDist MP/s", "ours : StarDist")
    return aligned([header, *(_row(case, bare) for case in cases)])


def _row(case: Case, bare: Speed) -> tuple[str, ...]:
    ours = case.rate(OURS)
    share = f"{case.share_of_network(bare):.0%}" if case.tiles else ""
    theirs = case.rate(STARDIST) if STARDIST in case.seconds else 0.0
    rival = (f"{theirs:.2f}", f"{ours / theirs:.2f}") if theirs else ("", "")
    return case.name, f"{case.seconds[OURS]:.2f}", f"{ours:.2f}", share, *rival


def to_json(cases: Sequence[Case]) -> list[dict[str, Any]]:
    """Return all figures as JSON values."""
    return [asdict(case) for case in cases]
