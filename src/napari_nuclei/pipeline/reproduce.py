"""A recipe as text that gives the same labels again: Python, or a command."""

from __future__ import annotations

import os
import shlex
import subprocess  # only for its quoting
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_nuclei.errors import InputError
from napari_nuclei.model.manifest import DEFAULT_NAME
from napari_nuclei.pipeline.selection import format_part

if TYPE_CHECKING:
    from napari_nuclei.core.regions import Region

_COMMAND_SWITCHES = {
    "diameter_px": "--diameter",
    "probability": "--threshold",
    "separation": "--separation",
    "min_area_px": "--min-area",
    "tile_px": "--tile",
    "halo_px": "--halo",
    "device": "--device",
}


@dataclass(frozen=True)
class ImageSource:
    """Where the pixels are that were segmented.

    Attributes
    ----------
    layer : str
        Name of their layer in napari.
    path : Path or None
        The file of the layer; None where no file has exactly its pixels.
    index : tuple of int and slice
        Which part of the layer; empty when it is all of it.
    rgb : bool
        Whether the last axis holds colours.
    names : tuple of str
        Names of the axes along which there are planes; empty when one plane was segmented.
    region : Region or None
        Where nuclei were wanted, when not in the whole part.
    multiscale : bool
        Whether the layer has its pixels in several resolutions, the full one first.
    """

    layer: str
    path: Path | None
    index: tuple[int | slice, ...] = ()
    rgb: bool = False
    names: tuple[str, ...] = ()
    region: Region | None = None
    multiscale: bool = False

    @property
    def has_flat_file(self) -> bool:
        """Whether a file of a single plane holds the pixels."""
        is_flat = not self.names and all(isinstance(part, slice) for part in self.index)
        return self.path is not None and is_flat


def as_python(recipe: dict[str, Any], source: ImageSource) -> str:
    """Return Python that gives the labels again, as ``labels``.

    Parameters
    ----------
    recipe : dict
        That of a `napari_nuclei.pipeline.segment.Segmentation` or
        `napari_nuclei.pipeline.stack.StackSegmentation`.
    source : ImageSource
        Where there is no file, the text takes the layer from the viewer, which works in napari's
        console, and says so.
    """
    function = "segment_planes" if source.names else "segment"
    lines = [
        *_origin(recipe),
        *_python_imports(source, function),
        "",
        *_python_image(source),
        *_python_mask(source),
        f"result = {function}(",
        "    image,",
        *(f"    {name}={value}," for name, value in _arguments(recipe, source).items()),
        ")",
        "labels = result.labels",
    ]
    return "\n".join(lines) + "\n"


def as_command(recipe: dict[str, Any], source: ImageSource) -> str:
    """Return the command that writes the same labels to a file.

    Parameters
    ----------
    recipe, source
        As for `as_python`. Where there is no file, the text says what to save.

    Raises
    ------
    InputError
        When no command gives these labels.
    """
    if source.region is not None:
        raise InputError(
            "The inside of shapes cannot be copied as a command: copy Python code instead."
        )
    options, model = recipe["options"], recipe["model"]
    words = ["napari-nuclei", "segment", str(source.path or "IMAGE.tif"), "-o", "results"]
    words += _selection_words(recipe, source)
    if model["name"] != DEFAULT_NAME:
        words += ["--model", model["name"]]
    for name, switch in _COMMAND_SWITCHES.items():
        value = options[name]
        words += [switch, "none" if value is None else str(value)]
    if options["semantic"]:
        words.append("--semantic")
    advice = [] if source.path else [f"# First save {_place(source)} as IMAGE.tif."]
    return "\n".join([*_origin(recipe), *advice, _quoted(words)]) + "\n"


def _selection_words(recipe: dict[str, Any], source: ImageSource) -> list[str]:
    # With "=", so that a name can begin with a dash.
    words = [f"--part={format_part(source.index)}"] if source.path and source.index else []
    words += [f"--planes={name}" for name in source.names]
    link_axis = recipe["link_axis"] if source.names else None
    return words if link_axis is None else [*words, f"--link={source.names[link_axis]}"]


def _origin(recipe: dict[str, Any]) -> list[str]:
    model, versions = recipe["model"], recipe["versions"]
    return [
        f"# napari-nuclei {versions['napari-nuclei']}, "
        f"model {model['name']} of sha256 {model['sha256']}"
    ]


def _arguments(recipe: dict[str, Any], source: ImageSource) -> dict[str, str]:
    """Return the arguments of the call as Python writes them."""
    name = recipe["model"]["name"]
    arguments = {} if name == DEFAULT_NAME else {"model": repr(name)}
    if source.region is not None:
        arguments["mask"] = "mask"
    if source.names:
        arguments["names"] = repr(source.names)
        arguments["link_axis"] = repr(recipe["link_axis"])
    options = {"rgb": source.rgb, **recipe["options"]}
    return arguments | {name: repr(value) for name, value in options.items()}


def _python_imports(source: ImageSource, function: str) -> list[str]:
    lines = ["import numpy as np"] if source.region is not None else []
    if source.path is not None and not source.has_flat_file:
        lines.append("import tifffile")
    reader = "read_image, " if source.has_flat_file else ""
    lines.append(f"from napari_nuclei import {reader}{function}")
    if source.region is not None:
        lines.append("from napari_nuclei.core.regions import Region")
    return lines


def _python_image(source: ImageSource) -> list[str]:
    part = _subscript(source.index)
    if source.path is not None:
        reader = "read_image" if source.has_flat_file else "tifffile.imread"
        return [f"image = {reader}({str(source.path)!r}){part}"]
    level = "[0]" if source.multiscale else ""
    return [
        f"# For napari's console. Elsewhere, put the pixels of {_place(source)} here.",
        f"image = viewer.layers[{source.layer!r}].data{level}{part}",
    ]


def _python_mask(source: ImageSource) -> list[str]:
    if source.region is None:
        return []
    region = source.region
    return [
        f"outlines = {[outline.tolist() for outline in region.outlines]}",
        f"region = Region({region.rows}, {region.columns}, tuple(map(np.array, outlines)))",
        "mask = region.mask()",
    ]


def _place(source: ImageSource) -> str:
    part = f"the part {_subscript(source.index)} of " if source.index else ""
    level = " at full resolution" if source.multiscale else ""
    return f"{part}the layer {source.layer!r}{level}"


def _subscript(index: tuple[int | slice, ...]) -> str:
    """Return the index as Python writes it, such as ``[2, 10:90]``."""
    return f"[{format_part(index).replace(',', ', ')}]" if index else ""


def _quoted(words: list[str]) -> str:
    return subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)
