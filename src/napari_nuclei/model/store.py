"""Models on disk: written whole or not at all, believed only after checking, shared as a zip.

A model is a folder of two files, ``manifest.json`` and ``weights.safetensors``. Reading one runs
no code from it: the network is built by `napari_nuclei.model.unet` and filled with the tensors.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import napari_nuclei
from napari_nuclei import paths
from napari_nuclei.errors import ModelError
from napari_nuclei.model import contents, device, manifest, weights
from napari_nuclei.model.contents import MANIFEST_FILE, WEIGHTS_FILE
from napari_nuclei.model.manifest import DEFAULT_NAME, Manifest
from napari_nuclei.model.predictor import GpuPredictor

if TYPE_CHECKING:
    import keras

    from napari_nuclei.core.diameter import DiameterRange
    from napari_nuclei.core.instances import InstanceOptions
    from napari_nuclei.model.device import Device
    from napari_nuclei.model.network import Network
    from napari_nuclei.model.predictor import Predictor

_KEPT_IN_MEMORY = 2

# Who asks for a model that another thread is loading waits for that one.
_LOADING = Lock()

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Model:
    """A model that was read and checked.

    Attributes
    ----------
    manifest : Manifest
    network : Network
        Shared by all who load the model: to train it, take its `to_keras`.
    folder : Path
    """

    manifest: Manifest
    network: Network
    folder: Path

    @property
    def name(self) -> str:
        """The model's name."""
        return self.manifest.name

    @property
    def sha256(self) -> str:
        """The sha256 of the weights file, as ``sha256sum`` prints it."""
        return self.manifest.weights.sha256

    @property
    def thresholds(self) -> InstanceOptions:
        """The thresholds that were best on the validation images."""
        return self.manifest.thresholds

    @property
    def diameters(self) -> DiameterRange:
        """The sizes of nuclei that the network knows."""
        return self.manifest.diameters

    def predictor(self, batch_size: int, chosen: Device = "auto") -> Predictor:
        """Return what turns at most `batch_size` tiles at a time into maps, on the best device.

        That is the graphics card, unless there is none or the processor is chosen.
        """
        if not device.gpu_name(chosen):
            return self.network
        return GpuPredictor(self._on_card, batch_size, self.network)

    @cached_property
    def _on_card(self) -> keras.Model:
        return self.network.to_keras()


def save_model(
    folder: Path,
    network: Network,
    *,
    name: str,
    thresholds: InstanceOptions,
    diameters: DiameterRange,
    provenance: dict[str, Any],
) -> Manifest:
    """Write a model folder; kernels are rounded to float16.

    Parameters
    ----------
    folder : Path
        Must not hold a model yet: a saved model never replaces another.
    network : Network
        It keeps its own weights, not rounded.
    name : str
        Up to 64 letters, digits, spaces, dots, dashes and underscores.
    thresholds : InstanceOptions
        Used where nobody chooses others.
    diameters : DiameterRange
        Images whose nuclei are outside are resized for the network.
    provenance : dict
        JSON values, such as ``base``, ``data``, ``metrics`` and ``licence``; ``created`` and
        ``versions`` are added.

    Returns
    -------
    Manifest
        As `load_model` will find it.

    Raises
    ------
    ModelError
        When the folder has a model or cannot be written, or the network cannot be stored.
    """
    if (folder / MANIFEST_FILE).exists():
        raise ModelError(f"{folder}: there is a model already; choose another folder.")
    tensors = weights.rounded(network)
    # The probe is that of the rounded weights.
    stored = weights.network_of(network.config, tensors)
    encoded = weights.encode(tensors)
    described = Manifest(
        name,
        network.config,
        thresholds,
        diameters,
        {"created": _now(), "versions": _versions(), **provenance},
        weights.describe(tensors),
        weights.identify(encoded),
        weights.probe(stored),
    )
    written = manifest.dumps(described)
    contents.write_folder(folder, {WEIGHTS_FILE: encoded, MANIFEST_FILE: written})
    return manifest.loads(written, folder / MANIFEST_FILE)


def load_model(name_or_path: str | Path | None = None) -> Model:
    """Read and check a model, or return it when it is in memory already.

    Parameters
    ----------
    name_or_path : str or Path, optional
        Name of a model, or path of a model folder; default: the model that ships with the package.

    Raises
    ------
    ModelError
        When there is no such model, or it is damaged, or made for another version.
    """
    folder = _find(name_or_path)
    with _LOADING:
        return _load(folder, contents.read_file(folder / MANIFEST_FILE))


def is_installed(name_or_path: str | Path | None = None) -> bool:
    """Tell whether there is such a model, without reading it."""
    try:
        return (_find(name_or_path) / MANIFEST_FILE).is_file()
    except ModelError:
        return False


def list_models() -> list[Manifest]:
    """Return the manifests of the user's own models, by name; a damaged one is only logged."""
    root = paths.user_models()
    folders = sorted(root.iterdir()) if root.is_dir() else []
    models = []
    for folder in folders:
        if manifest.is_name(folder.name):
            try:
                models.append(_read_manifest(folder))
            except ModelError as error:
                _log.warning("Left out of the list of models: %s", error)
    return models


def present_name(name: str, sha256: str) -> str:
    """Return the name by which a model is found now: it may have been renamed since it was used.

    Parameters
    ----------
    name, sha256 : str
        As it was called then, and its weights.
    """
    names = [model.name for model in list_models() if model.weights.sha256 == sha256]
    is_there = name == DEFAULT_NAME or name in names
    return name if is_there or not names else names[0]


def delete_model(name: str) -> None:
    """Remove one of the user's own models.

    Raises
    ------
    ModelError
        When it is none of them, or its folder cannot be removed.
    """
    contents.remove_folder(_own_folder(name, "deleted"))


def rename_model(name: str, new_name: str) -> Manifest:
    """Give one of the user's own models another name; its weights stay the same to the last bit.

    Raises
    ------
    ModelError
        When it is none of them, the new name is not valid or taken, or the disk refuses.
    """
    folder = _own_folder(name, "renamed")
    manifest.check_own_name(new_name)
    found = contents.read(folder)
    described = replace(manifest.loads(found[MANIFEST_FILE], folder), name=new_name)
    renamed = {**found, MANIFEST_FILE: manifest.dumps(described)}
    target = paths.user_models() / new_name
    if target.exists():
        raise ModelError(f"{new_name}: there is a model of this name already.")
    contents.add_folder(target, renamed)
    contents.remove_folder(folder)
    return described


def export_model(name_or_path: str | Path | None, zip_path: Path) -> None:
    """Write a model as one zip to share, in place of a file that is there.

    Raises
    ------
    ModelError
        When the model is unknown or damaged, or the zip cannot be written.
    """
    folder = _find(name_or_path)
    found = contents.read(folder)
    _check(found, folder)
    contents.write_zip(zip_path, found)


def import_model(zip_or_folder: Path) -> Manifest:
    """Add a model that somebody shared to the user's own, after checking all of it.

    Parameters
    ----------
    zip_or_folder : Path
        As `export_model` or `save_model` wrote it.

    Raises
    ------
    ModelError
        When it is no model, is damaged, or a model of its name exists.
    """
    found = contents.read(zip_or_folder)
    model = _check(found, zip_or_folder)
    folder = paths.user_models() / model.name
    if model.name.lower() == DEFAULT_NAME or folder.exists():
        raise ModelError(f"{zip_or_folder}: there is a model named {model.name} already.")
    contents.add_folder(folder, found)
    return model.manifest


def _own_folder(name: str, what: str) -> Path:
    folder = paths.user_models() / name
    if not manifest.is_name(name) or not folder.is_dir():
        raise ModelError(f"{name}: not one of your own models, which alone can be {what}.")
    return folder


def _find(name_or_path: str | Path | None) -> Path:
    if name_or_path is None or name_or_path == DEFAULT_NAME:
        return paths.default_model()
    if isinstance(name_or_path, str) and manifest.is_name(name_or_path):
        own = paths.user_models() / name_or_path
        if own.is_dir():
            return own
    path = Path(name_or_path)
    try:
        if path.is_dir():
            return path.absolute()
        is_file = path.is_file()
    except OSError as error:  # such as a name that is too long
        raise ModelError(f"{path}: cannot be opened ({error.strerror}).") from error
    if is_file:
        raise ModelError(f"{path}: a model is used from its folder; import this file first.")
    known = ", ".join([DEFAULT_NAME, *(model.name for model in list_models())])
    raise ModelError(f"{path}: no such model; choose one of {known}, or a model folder.")


@lru_cache(maxsize=_KEPT_IN_MEMORY)
def _load(folder: Path, written: bytes) -> Model:
    found = {MANIFEST_FILE: written, WEIGHTS_FILE: contents.read_file(folder / WEIGHTS_FILE)}
    return _check(found, folder)


def _check(found: contents.Contents, source: Path) -> Model:
    described = manifest.loads(found[MANIFEST_FILE], source / MANIFEST_FILE)
    try:
        network = weights.restore(described, found[WEIGHTS_FILE])
    except ModelError as error:
        raise ModelError(f"{source / WEIGHTS_FILE}: {error}") from error
    return Model(described, network, source)


def _read_manifest(folder: Path) -> Manifest:
    found = manifest.loads(contents.read_file(folder / MANIFEST_FILE), folder / MANIFEST_FILE)
    if found.name != folder.name:
        raise ModelError(f"{folder}: its model is named {found.name}; give the folder that name.")
    return found


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _versions() -> dict[str, str]:
    import keras

    backend: str = keras.backend.backend()
    return {
        "napari-nuclei": napari_nuclei.__version__,
        "keras": keras.__version__,
        "backend": backend,
    }
