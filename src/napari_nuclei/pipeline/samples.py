"""Sample images: one ships with the package, the others are downloaded once and kept.

Every file is checked against the sha256 of ``sample_data/index.json``, wherever it comes from: the
package, the download, the cache, or the copy of DSB2018 that ``NAPARI_NUCLEI_DATA`` points at.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from napari_nuclei import paths
from napari_nuclei.errors import DatasetError, DownloadError
from napari_nuclei.pipeline.datasets.decoding import read_image
from napari_nuclei.pipeline.datasets.labels import merge_masks, read_label_image
from napari_nuclei.pipeline.datasets.storage import Store, StoredFile, open_store

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

OnProgress = Callable[[int, int], None]

_CONNECTIONS = 8
_TIMEOUT_S = 20


@dataclass(frozen=True)
class Artifact:
    """A file, by its path under the sample folder or the root of DSB2018, and its sha256."""

    path: str
    sha256: str


@dataclass(frozen=True)
class Sample:
    """A sample image.

    Attributes
    ----------
    key, title, kind : str
        Identifier, name on screen, kind of image (``fluorescence``, ``stained``, ``brightfield``).
    bundled : bool
        Whether the files ship with the package.
    image : Artifact
        The image.
    truth : tuple of Artifact
        One label image when bundled, otherwise one 0/255 mask a nucleus.
    base_url : str
        Where ``path`` of a file that is not bundled starts.
    """

    key: str
    title: str
    kind: str
    bundled: bool
    image: Artifact
    truth: tuple[Artifact, ...]
    base_url: str

    @property
    def artifacts(self) -> tuple[Artifact, ...]:
        """All files, the image first."""
        return (self.image, *self.truth)


@dataclass(frozen=True)
class SampleData:
    """Pixels of a sample: `image` as stored, (Y, X) or (Y, X, 3), and `labels`, int32 (Y, X)."""

    sample: Sample
    image: NDArray[Any]
    labels: NDArray[np.int32]


def list_samples() -> tuple[Sample, ...]:
    """Return all samples, in the order in which menus show them."""
    index = json.loads((paths.bundled_samples() / "index.json").read_text(encoding="utf-8"))
    return tuple(_parse(entry, index["base_url"]) for entry in index["samples"])


def read_sample(key: str, on_progress: OnProgress | None = None) -> SampleData:
    """Return the pixels of a sample; downloads its files unless they are there already.

    Parameters
    ----------
    key : str
        One of the keys of `list_samples`.
    on_progress : callable, optional
        Called in this thread with the number of files that are there and the number of all files.

    Raises
    ------
    DownloadError
        When a file cannot be downloaded or is not the file that was expected.
    DatasetError
        When the key is unknown, or the local copy of DSB2018 lacks a file.
    """
    sample = _find(key)
    store = _open(sample, on_progress or _ignore)
    image, *truth = (StoredFile(store, artifact.path) for artifact in sample.artifacts)
    labels = read_label_image(truth) if sample.bundled else merge_masks(truth)
    return SampleData(sample, _drop_equal_channels(read_image(image)), labels)


def _ignore(done: int, total: int) -> None:
    """Report nothing."""


def _parse(entry: dict[str, Any], base_url: str) -> Sample:
    image, *truth = (
        Artifact(file["path"], file["sha256"]) for file in [entry["image"], *entry["truth"]]
    )
    return Sample(
        entry["key"], entry["title"], entry["kind"], entry["bundled"], image, tuple(truth), base_url
    )


def _find(key: str) -> Sample:
    samples = {sample.key: sample for sample in list_samples()}
    if key not in samples:
        raise DatasetError(f"There is no sample {key!r}: choose one of {', '.join(samples)}.")
    return samples[key]


def _open(sample: Sample, on_progress: OnProgress) -> Store:
    """Return a store in which all files of `sample` are there and correct."""
    if sample.bundled:
        return _verified(open_store(paths.bundled_samples()), sample, on_progress)
    local = paths.local_data()
    if local is None:
        return _download(sample, on_progress)
    return _verified(_open_local(local), sample, on_progress)


def _open_local(path: Path) -> Store:
    """Open stage1_train, which is at `path` or in it, unpacked or not."""
    nested = [path / "stage1_train", path / "stage1_train.zip"]
    return open_store(next(filter(Path.exists, nested), path))


def _verified(store: Store, sample: Sample, on_progress: OnProgress) -> Store:
    for done, artifact in enumerate(sample.artifacts, start=1):
        if _sha256(StoredFile(store, artifact.path)) != artifact.sha256:
            raise DownloadError(
                f"{store.path / artifact.path} is not the file that was expected (its sha256 "
                "differs): replace it by the original."
            )
        on_progress(done, len(sample.artifacts))
    return store


def _sha256(file: StoredFile) -> str:
    try:
        with file.open() as stream:
            return hashlib.sha256(stream.read()).hexdigest()
    except (KeyError, FileNotFoundError) as error:
        raise DatasetError(
            f"{file} is missing: point NAPARI_NUCLEI_DATA at a complete copy of DSB2018 "
            "stage1_train, or unset it to download the sample."
        ) from error


def _download(sample: Sample, on_progress: OnProgress) -> Store:
    """Download what the cache does not have yet."""
    import requests

    try:
        for done, _ in enumerate(_fetch(sample), start=1):
            on_progress(done, len(sample.artifacts))
    except requests.RequestException as error:
        raise DownloadError(
            f"The sample {sample.title!r} could not be downloaded ({_reason(error)} from "
            f"{urlsplit(sample.base_url).netloc}): check the internet connection, or set "
            "NAPARI_NUCLEI_DATA to a local copy of DSB2018."
        ) from error
    except ValueError as error:
        raise DownloadError(
            f"A downloaded file of the sample {sample.title!r} is not the one that was expected "
            "(its sha256 differs) and was thrown away: try again later."
        ) from error
    except OSError as error:
        raise DownloadError(
            f"The sample {sample.title!r} could not be kept in {paths.sample_cache()} "
            f"({error.strerror}): make room there, or set NAPARI_NUCLEI_HOME to another folder."
        ) from error
    return open_store(paths.sample_cache())


def _fetch(sample: Sample) -> Iterator[str]:
    """Yield each file's path once it is in the cache with the right sha256."""
    import pooch

    pooch.get_logger().setLevel(logging.WARNING)
    registry = {artifact.path: f"sha256:{artifact.sha256}" for artifact in sample.artifacts}
    cache = pooch.create(paths.sample_cache(), sample.base_url, registry=registry)
    download = pooch.HTTPDownloader(timeout=_TIMEOUT_S)
    for path in registry:
        # Two threads of pooch that make the same folder get in each other's way.
        (paths.sample_cache() / path).parent.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(_CONNECTIONS) as pool:
        yield from pool.map(lambda path: cache.fetch(path, downloader=download), registry)


def _reason(error: Exception) -> str:
    response = getattr(error, "response", None)
    return "no answer" if response is None else f"error {response.status_code}"


def _drop_equal_channels(image: NDArray[Any]) -> NDArray[Any]:
    """Return (Y, X) where the colours of (Y, X, 3) are equal: most of DSB2018 is grey in truth."""
    grey = image.ndim == 3 and (image == image[..., :1]).all()
    return image[..., 0] if grey else image
