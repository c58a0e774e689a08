"""What a model folder says about itself: ``manifest.json``, read as if a stranger wrote it.

The file is sealed: it holds the sha256 of its own content, so a changed threshold or a misread
figure is noticed like a changed weight. A seal shows damage; it does not show who wrote the file.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from napari_nuclei.core.diameter import DiameterRange
from napari_nuclei.core.images import HIGH_PERCENTILE, LOW_PERCENTILE
from napari_nuclei.core.instances import InstanceOptions
from napari_nuclei.errors import InputError, ModelError
from napari_nuclei.model import unet
from napari_nuclei.model.contents import WEIGHTS_FILE

FORMAT = 1
"""Of the model folder; a later one is refused, not guessed at."""

DEFAULT_NAME = "default"
"""Name of the model that ships with the package, and of no other."""

DEVICE = r"(?i:CON|PRN|AUX|NUL|COM[1-9]|LPT[1-9]) *(?:\.|$)"
"""Begins the names that Windows takes for devices, whatever follows a dot."""

_NAME = re.compile(rf"(?!{DEVICE})[A-Za-z0-9]([A-Za-z0-9 ._-]{{0,62}}[A-Za-z0-9_-])?")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_MAX_PROBE = 1e6
_NORMALISATION = {"low_percentile": LOW_PERCENTILE, "high_percentile": HIGH_PERCENTILE}
_SEAL = "manifest_sha256"
# What conversions raise for a value of the wrong type, size, depth or range.
_WRONG_VALUE = (ArithmeticError, InputError, LookupError, RecursionError, TypeError, ValueError)


@dataclass(frozen=True)
class TensorSpec:
    """Name, shape and dtype (``"float16"`` or ``"float32"``) of a tensor in the weights file."""

    name: str
    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True)
class WeightsFile:
    """The weights file beside the manifest: its name, sha256 and size."""

    file: str
    sha256: str
    bytes: int


@dataclass(frozen=True)
class Manifest:
    """All that is known of a model without reading its weights.

    Attributes
    ----------
    name : str
        Letters, digits, space, dot, dash and underscore: it becomes the name of a folder.
    config : UNetConfig
        From which the network is built.
    thresholds : InstanceOptions
        The ones that were best on the validation images.
    diameters : DiameterRange
        The sizes of nuclei that the network knows.
    provenance : dict
        JSON values: base model, data, metrics, licence, versions, time of creation.
    tensors : tuple of TensorSpec
    weights : WeightsFile
    probe : tuple of float
        What the network returns for a fixed patch, as `napari_nuclei.model.weights.probe`.
    format : int

    Raises
    ------
    ModelError
        When a value is out of its range.
    """

    name: str
    config: unet.UNetConfig
    thresholds: InstanceOptions
    diameters: DiameterRange
    provenance: dict[str, Any] = field(repr=False)
    tensors: tuple[TensorSpec, ...] = field(repr=False)
    weights: WeightsFile
    probe: tuple[float, ...] = field(repr=False)
    format: int = FORMAT

    def __post_init__(self) -> None:
        check_name(self.name)
        _require(self.config.is_sane(), "the network's configuration is out of range")
        _require(self.diameters.is_sane(), "the diameters are out of range")
        _require(_is_safe(self.weights), "the weights' file, sha256 or size is not valid")
        # Written so that NaN is out of range, too.
        _require(all(abs(value) < _MAX_PROBE for value in self.probe), "the probe is out of range")

    @property
    def architecture(self) -> dict[str, Any]:
        """Id, version and configuration of the network, as JSON values."""
        return {**_known_architecture(), "config": self.config.to_json()}


def is_name(name: str) -> bool:
    """Tell whether `name` can be the name of a model, and so of its folder on any system."""
    return _NAME.fullmatch(name) is not None


def check_name(name: str) -> None:
    """Refuse what cannot be the name of a model.

    Raises
    ------
    ModelError
        When the name is empty, too long, a device of Windows (such as NUL), or holds a character
        that a folder should not have.
    """
    if not is_name(name):
        raise ModelError(
            f"The model name {name[:64]!r} is not valid: use up to 64 letters, digits, spaces, "
            "dots, dashes and underscores, and no name of a device."
        )


def check_own_name(name: str) -> None:
    """Refuse what cannot be the name of a model that somebody makes.

    Raises
    ------
    ModelError
        As `check_name`, or when it is the name of the shipped model, in whatever case.
    """
    check_name(name)
    if name.lower() == DEFAULT_NAME:
        raise ModelError(f"The model name {name!r} is that of the shipped model: choose another.")


def dumps(manifest: Manifest) -> bytes:
    """Return the content of ``manifest.json``.

    Raises
    ------
    ModelError
        When the provenance holds a value that JSON has not.
    """
    document = _to_document(manifest)
    try:
        return json.dumps({**document, _SEAL: _seal(document)}, indent=1).encode()
    except (TypeError, ValueError) as error:
        raise ModelError(f"{manifest.name}: cannot be described in JSON ({error}).") from error


def loads(content: bytes, source: Path) -> Manifest:
    """Read the content of ``manifest.json``.

    Parameters
    ----------
    content : bytes
        JSON, at most as large as `contents.read_file` reads.
    source : Path
        Where it comes from, for the message of an error.

    Raises
    ------
    ModelError
        When the content is damaged, invalid, or belongs to another version of napari-nuclei.
    """
    try:
        return _parse(content)
    except ModelError as error:
        raise ModelError(f"{source}: {error}") from error
    except _WRONG_VALUE as error:
        raise ModelError(f"{source}: the manifest is damaged; get the model again.") from error


def _parse(content: bytes) -> Manifest:
    document = json.loads(content, object_pairs_hook=_unique)
    version = document["format"]
    if type(version) is int and version > FORMAT:
        raise ModelError("made by a newer version: update napari-nuclei.")
    _require(type(version) is int and version == FORMAT, "its format is unknown")
    seal = document.pop(_SEAL)
    _require(seal == _seal(document), "it was changed after it was written")
    _check_version(document)
    manifest = _from_document(document)
    # Writing it again must give the same: so no key is left over and no type was converted.
    _require(_seal(_to_document(manifest)) == seal, "it holds entries of the wrong kind")
    return manifest


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make a dictionary of an object whose keys differ: of two, each reader would take another."""
    content = dict(pairs)
    if len(content) != len(pairs):
        raise ValueError("a key is there twice")
    return content


def _check_version(document: dict[str, Any]) -> None:
    known = _known_architecture()
    if {key: document["architecture"][key] for key in known} != known:
        raise ModelError("made for a network unknown to this version: update napari-nuclei.")
    if document["normalisation"] != _NORMALISATION:
        raise ModelError("made for another normalisation of images: update napari-nuclei.")


def _known_architecture() -> dict[str, Any]:
    return {"id": unet.ARCHITECTURE_ID, "version": unet.ARCHITECTURE_VERSION}


def _to_document(manifest: Manifest) -> dict[str, Any]:
    return {
        "format": manifest.format,
        "name": manifest.name,
        "architecture": manifest.architecture,
        "normalisation": _NORMALISATION,
        "thresholds": asdict(manifest.thresholds),
        "diameters": {name: float(px) for name, px in vars(manifest.diameters).items()},
        "provenance": manifest.provenance,
        "weights": asdict(manifest.weights),
        "probe": manifest.probe,
        "tensors": [asdict(tensor) for tensor in manifest.tensors],
    }


def _from_document(document: dict[str, Any]) -> Manifest:
    config = document["architecture"]["config"]
    thresholds = document["thresholds"]
    diameters = document["diameters"]
    weights = document["weights"]
    return Manifest(
        name=str(document["name"]),
        config=unet.UNetConfig(
            _four(config["decoder_filters"]), int(config["outputs"]), float(config["dropout"])
        ),
        thresholds=InstanceOptions(
            float(thresholds["probability"]),
            float(thresholds["separation"]),
            int(thresholds["min_area_px"]),
        ),
        diameters=DiameterRange(float(diameters["smallest_px"]), float(diameters["largest_px"])),
        provenance=dict(document["provenance"]),
        tensors=tuple(
            TensorSpec(str(t["name"]), tuple(map(int, t["shape"])), str(t["dtype"]))
            for t in document["tensors"]
        ),
        weights=WeightsFile(str(weights["file"]), str(weights["sha256"]), int(weights["bytes"])),
        probe=tuple(map(float, document["probe"])),
    )


def _four(values: list[Any]) -> tuple[int, int, int, int]:
    first, second, third, fourth = map(int, values)
    return first, second, third, fourth


def _seal(document: dict[str, Any]) -> str:
    """Return the sha256 of the JSON without spaces, its keys in order."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _is_safe(weights: WeightsFile) -> bool:
    return (
        weights.file == WEIGHTS_FILE
        and _SHA256.fullmatch(weights.sha256) is not None
        and weights.bytes > 0
    )


def _require(holds: bool, problem: str) -> None:
    if not holds:
        raise ModelError(f"the manifest is not valid ({problem}); get the model again.")
