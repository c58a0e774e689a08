"""A recipe as text that gives the same labels again: Python, or a command."""

from __future__ import annotations

import os
import shlex
import subprocess  # only for its quoting
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari_nuclei.model.manifest import DEFAULT_NAME

_COMMAND_SWITCHES = {
    "diameter_px": "--diameter",
    "probability": "--threshold",
    "separation": "--separation",
    "min_area_px": "--min-area",
    "tile_px": "--tile",
    "halo_px": "--halo",
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
    """

    layer: str
    path: Path | None
    index: tuple[int | slice, ...] = ()
    rgb: bool = False

    @property
    def is_file(self) -> bool:
        """Whether the whole image is one file that `napari_nuclei.read_image` reads."""
        return self.path is not None and not self.index


def as_python(recipe: dict[str, Any], source: ImageSource) -> str:
    """Return Python that gives the labels again, as ``labels``.

    Parameters
    ----------
    recipe : dict
        That of a `napari_nuclei.pipeline.segment.Segmentation`.
    source : ImageSource
        Where there is no file, the text takes the layer from the viewer, which works in napari's
        console, and says so.
    """
    model = recipe["model"]
    arguments = {"rgb": source.rgb, **recipe["options"]}
    if model["name"] != DEFAULT_NAME:
        arguments = {"model": model["name"], **arguments}
    lines = [
        *_origin(recipe),
        *_python_image(source),
        "result = segment(",
        "    image,",
        *(f"    {name}={value!r}," for name, value in arguments.items()),
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
    """
    options, model = recipe["options"], recipe["model"]
    words = ["napari-nuclei", "segment", str(source.path) if source.is_file else "IMAGE.tif"]
    words += ["-o", "results"]
    if model["name"] != DEFAULT_NAME:
        words += ["--model", model["name"]]
    for name, switch in _COMMAND_SWITCHES.items():
        value = options[name]
        words += [switch, "none" if value is None else repr(value)]
    if options["semantic"]:
        words.append("--semantic")
    advice = [] if source.is_file else [f"# First save {_place(source)} as IMAGE.tif."]
    return "\n".join([*_origin(recipe), *advice, _quoted(words)]) + "\n"


def _origin(recipe: dict[str, Any]) -> list[str]:
    model, versions = recipe["model"], recipe["versions"]
    return [
        f"# napari-nuclei {versions['napari-nuclei']}, "
        f"model {model['name']} of sha256 {model['sha256']}"
    ]


def _python_image(source: ImageSource) -> list[str]:
    if source.is_file:
        return [
            "from napari_nuclei import read_image, segment",
            "",
            f"image = read_image({str(source.path)!r})",
        ]
    part = _subscript(source.index)
    if source.path is not None:
        return [
            "import tifffile",
            "from napari_nuclei import segment",
            "",
            f"image = tifffile.imread({str(source.path)!r}){part}",
        ]
    return [
        "from napari_nuclei import segment",
        "",
        f"# For napari's console. Elsewhere, put the pixels of {_place(source)} here.",
        f"image = viewer.layers[{source.layer!r}].data{part}",
    ]


def _place(source: ImageSource) -> str:
    part = f"the part {_subscript(source.index)} of " if source.index else ""
    return f"{part}the layer {source.layer!r}"


def _subscript(index: tuple[int | slice, ...]) -> str:
    """Return the index as Python writes it, such as ``[2, 10:90]``."""
    words = []
    for part in index:
        if isinstance(part, slice):
            ends = ("" if end is None else str(end) for end in (part.start, part.stop))
            words.append(":".join(ends))
        else:
            words.append(str(part))
    return f"[{', '.join(words)}]" if words else ""


def _quoted(words: list[str]) -> str:
    return subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)
