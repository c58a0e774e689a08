"""Image -> labels: the one code that the widget, the command line and Python run."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from numpy.typing import ArrayLike, NDArray

import napari_nuclei
from napari_nuclei.core import images, measure
from napari_nuclei.core.instances import (
    NUCLEUS,
    InstanceOptions,
    confine,
    label_nuclei,
    nucleus_mask,
)
from napari_nuclei.errors import InputError
from napari_nuclei.model import store
from napari_nuclei.model.device import DEVICES, Device
from napari_nuclei.pipeline.prediction import Progress, TileOptions
from napari_nuclei.pipeline.resources import refuse_what_is_too_large
from napari_nuclei.pipeline.scale import estimate_diameter_steps, predict_resized_steps
from napari_nuclei.pipeline.steps import result_of

if TYPE_CHECKING:
    import numpy as np

AUTO: Literal["auto"] = "auto"
"""Instead of a diameter: that it be estimated from the image."""


@dataclass(frozen=True)
class SegmentOptions(TileOptions):
    """What a person can choose, besides how the image is cut.

    Attributes
    ----------
    diameter_px : float, "auto" or None
        Typical diameter of the nuclei: where the network knows other sizes, it sees the image
        resized. ``"auto"`` estimates it; None takes the image as it is.
    probability, separation, min_area_px : optional
        As in `napari_nuclei.core.instances.InstanceOptions`; None takes the model's own value.
    semantic : bool
        Give 1 for nucleus and 0 for background instead of one label a nucleus.
    device : "auto" or "cpu"
        The network runs on a graphics card where there is one, or on the processor in any case.

    Raises
    ------
    InputError
        When a value is out of its range.
    """

    diameter_px: float | Literal["auto"] | None = AUTO
    probability: float | None = None
    separation: float | None = None
    min_area_px: int | None = None
    semantic: bool = False
    device: Device = "auto"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not _is_diameter(self.diameter_px):
            raise InputError(
                f"A nucleus diameter of {self.diameter_px} px: choose 1 to 10000 pixels, or auto."
            )
        if self.device not in DEVICES:
            raise InputError(f"A device named {self.device}: choose {' or '.join(DEVICES)}.")
        self.instances(InstanceOptions())  # refuses wrong thresholds before the network runs

    def instances(self, defaults: InstanceOptions) -> InstanceOptions:
        """Return the thresholds, taking those that were not chosen from `defaults`."""
        chosen = {name: getattr(self, name) for name in asdict(defaults)}
        return replace(defaults, **{k: v for k, v in chosen.items() if v is not None})

    def request(self, defaults: InstanceOptions) -> dict[str, Any]:
        """Return what decides the result, as JSON values: all but the device."""
        decisive = asdict(replace(self, **asdict(self.instances(defaults))))
        del decisive["device"]
        return decisive


@dataclass(frozen=True)
class Segmentation:
    """What was found in an image.

    Attributes
    ----------
    labels : numpy.ndarray
        Shape (Y, X), int32: 0 is background, the nuclei are 1 to n (1 alone when semantic).
    probability : numpy.ndarray
        Shape (Y, X), float32: how sure the network is that a pixel belongs to a nucleus, 0 to 1.
    maps : numpy.ndarray
        Shape (Y, X, 3), float32: nucleus, border, distance; `relabel` starts from them.
    table : dict of str to numpy.ndarray
        One row a nucleus, as `napari_nuclei.core.measure.measure` returns it.
    recipe : dict
        Model, options and versions, as JSON values: enough to get the same labels again.
    """

    labels: NDArray[np.int32]
    probability: NDArray[np.float32]
    maps: NDArray[np.float32]
    table: dict[str, NDArray[Any]]
    recipe: dict[str, Any]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the axes before the last two: there are none."""
        return ()

    @property
    def n_nuclei(self) -> int:
        """Number of nuclei, the rows of the table."""
        return len(self.table["index"])

    @property
    def diameter_px(self) -> float | None:
        """The diameter for which the image was resized, chosen or estimated; None: it was not."""
        diameter_px: float | None = self.recipe["options"]["diameter_px"]
        return diameter_px


def segment(
    image: ArrayLike,
    model: store.Model | str | Path | None = None,
    *,
    rgb: bool | None = None,
    mask: NDArray[np.bool_] | None = None,
    **options: Any,
) -> Segmentation:
    """Find the nuclei of an image.

    Parameters
    ----------
    image : array_like
        Shape (Y, X), (Y, X, 3) or (Y, X, 4); bool, integer or float. Where a pixel is NaN or
        infinite, nothing was recorded: the probability is 0 and no nucleus lies there.
    model : Model, str or Path, optional
        A loaded model, the name of an installed one, or a model folder; default: the shipped one.
    rgb : bool, optional
        Whether the last axis holds colours; guessed from the shape when not given.
    mask : numpy.ndarray, optional
        Shape (Y, X), bool: where nuclei are wanted; default: everywhere.
    **options
        Fields of `SegmentOptions`: ``diameter_px``, ``probability``, ``separation``,
        ``min_area_px``, ``semantic``, ``device``, ``tile_px``, ``halo_px``, ``batch_size``.

    Returns
    -------
    Segmentation

    Raises
    ------
    InputError
        When the image or an option cannot be used.
    ModelError
        When the model is unknown or damaged.

    Examples
    --------
    >>> from napari_nuclei import segment
    >>> labels = segment(image, probability=0.4).labels  # doctest: +SKIP
    """
    chosen = SegmentOptions(**options)
    loaded = model if isinstance(model, store.Model) else store.load_model(model)
    return result_of(segment_steps(image, loaded, chosen, rgb=rgb, mask=mask))


def segment_steps(
    image: ArrayLike,
    model: store.Model | None = None,
    options: SegmentOptions | None = None,
    *,
    rgb: bool | None = None,
    mask: NDArray[np.bool_] | None = None,
) -> Generator[Progress, None, Segmentation]:
    """Find the nuclei of an image step by step, so that a caller can show progress and stop.

    Parameters
    ----------
    image, rgb, mask
        As for `segment`.
    model : Model, optional
        Default: the shipped one.
    options : SegmentOptions, optional
        Default: the thresholds of the model, an estimated diameter.

    Yields
    ------
    Progress
        After each batch of tiles; closing the generator there ends the work.

    Returns
    -------
    Segmentation
    """
    model = model or store.load_model()
    options = options or SegmentOptions()
    prepared = images.prepare(image, rgb=rgb)
    if mask is not None:
        _check_mask(mask, prepared.shape[:2])
    predictor = model.predictor(options.batch_size, options.device)
    if options.diameter_px == "auto":
        # Not the thresholds that were chosen: how large nuclei are does not depend on them.
        steps = estimate_diameter_steps(prepared, predictor, model.thresholds, options)
        diameter_px = yield from steps
    else:
        diameter_px = options.diameter_px
    enlargement = model.diameters.enlargement(diameter_px)
    refuse_what_is_too_large(prepared.shape[:2], enlargement)
    maps = yield from predict_resized_steps(prepared, enlargement, predictor, options)
    maps = confine(maps, mask, images.finite_pixels(image))
    return finish(maps, model, replace(options, diameter_px=diameter_px))


def relabel(
    segmentation: Segmentation, options: SegmentOptions, model: store.Model
) -> Segmentation:
    """Apply other thresholds to the maps of a segmentation, without running the network.

    Parameters
    ----------
    segmentation : Segmentation
        Stays as it is.
    options : SegmentOptions
        Only the thresholds and `semantic` may differ from those of the first run.
    model : Model
        The model of the first run.
    """
    # The diameter made the maps: another one has no effect before the next run.
    options = replace(options, diameter_px=segmentation.diameter_px)
    return finish(segmentation.maps, model, options)


def _is_diameter(value: object) -> bool:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return 1 <= value <= 10_000
    return value in (AUTO, None)


def _check_mask(mask: NDArray[np.bool_], shape: tuple[int, ...]) -> None:
    if mask.shape != shape or mask.dtype != bool:
        raise InputError(
            f"A mask of shape {mask.shape} and {mask.dtype} values for an image of {shape}: give "
            "one of the image's height and width, of bool values."
        )


def finish(maps: NDArray[np.float32], model: store.Model, options: SegmentOptions) -> Segmentation:
    """Turn the maps of a plane into labels, table and recipe; the diameter is known."""
    thresholds = options.instances(model.thresholds)
    probability = maps[..., NUCLEUS]
    if options.semantic:
        labels = nucleus_mask(maps, thresholds.probability)
    else:
        labels = label_nuclei(maps, thresholds)
    table = measure.measure(labels, probability)
    return Segmentation(labels, probability, maps, table, make_recipe(model, options))


def make_recipe(model: store.Model, options: SegmentOptions) -> dict[str, Any]:
    """Return what has to be known to get the same labels again, as JSON values."""
    thresholds = options.instances(model.thresholds)
    return {
        "model": {"name": model.name, "sha256": model.sha256},
        "options": asdict(replace(options, **asdict(thresholds))),
        "versions": {
            "napari-nuclei": napari_nuclei.__version__,
            **{name: version(name) for name in ("onnxruntime", "numpy")},
        },
    }
