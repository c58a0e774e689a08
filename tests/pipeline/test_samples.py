"""Samples: bundled, downloaded from a real server on this machine, or from a local copy."""

from __future__ import annotations

import hashlib
import json
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import imageio.v3 as iio
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

from napari_nuclei import paths
from napari_nuclei.errors import DatasetError, DownloadError
from napari_nuclei.pipeline.samples import list_samples, read_sample

GREY = np.arange(20, dtype=np.uint8).reshape(4, 5)
RGBA = np.dstack([GREY, GREY, GREY, np.full_like(GREY, 255)])
LABELS = np.array([[1, 1, 0, 0, 2], [1, 0, 0, 2, 2], [0, 0, 0, 0, 0], [0, 3, 3, 0, 0]], np.int32)
IMAGE = "cells/images/cells.png"
MASKS = [f"cells/masks/{name}.png" for name in "abc"]

# Of the pixels of img2d.tif and mask2d.tif in the wheel stardist 0.9.2, little-endian.
IMAGE_SHA256 = "8952cab7611450bd761f81e14b95bdd197d5b17487ed98f6814fd35720e65963"
LABELS_SHA256 = "13ef0db2a960a93cf97cc419d9e02aa90038feb4b143fe6e0623bcfcc10ad5f4"


class QuietHandler(SimpleHTTPRequestHandler):
    """Serve files and remember which were asked for."""

    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        super().do_GET()

    def log_message(self, *_: Any) -> None:
        pass


@dataclass
class Server:
    folder: Path
    url: str
    asked: list[str]
    server: ThreadingHTTPServer

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Return a folder in the Kaggle layout with one image of three nuclei."""
    folder = tmp_path / "stage1_train"
    for name in [IMAGE, *MASKS]:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
    iio.imwrite(folder / IMAGE, RGBA)
    for index, name in enumerate(MASKS, start=1):
        iio.imwrite(folder / name, np.uint8(255) * (index == LABELS))
    return folder


@pytest.fixture
def server(dataset: Path) -> Iterator[Server]:
    asked: list[str] = []
    handler = type("Handler", (QuietHandler,), {"asked": asked})
    http = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(dataset)))
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield Server(dataset, f"http://127.0.0.1:{http.server_port}/", asked, http)
    http.shutdown()
    http.server_close()
    thread.join()


@pytest.fixture
def index(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the index of samples name the image on the server and its true sha256."""
    folder = tmp_path / "sample_data"
    folder.mkdir()
    image, *truth = (
        {"path": name, "sha256": hashlib.sha256((server.folder / name).read_bytes()).hexdigest()}
        for name in [IMAGE, *MASKS]
    )
    entry = {"key": "cells", "title": "Cells", "kind": "fluorescence", "bundled": False}
    samples = [entry | {"image": image, "truth": truth}]
    (folder / "index.json").write_text(json.dumps({"base_url": server.url, "samples": samples}))
    monkeypatch.setattr(paths, "bundled_samples", lambda: folder)


def cached_files() -> list[str]:
    cache = paths.sample_cache()
    return sorted(p.relative_to(cache).as_posix() for p in cache.rglob("*") if p.is_file())


def assert_is_cells(image: NDArray[Any], labels: NDArray[np.int32]) -> None:
    assert_array_equal(image, GREY)
    assert labels.dtype == np.int32
    assert_array_equal(labels, LABELS)


def test_bundled_sample_has_the_pixels_of_its_source() -> None:
    data = read_sample("dsb2018")
    assert (data.image.dtype, data.labels.dtype) == (np.uint16, np.int32)
    assert hashlib.sha256(data.image.astype("<u2").tobytes()).hexdigest() == IMAGE_SHA256
    assert hashlib.sha256(data.labels.astype("<u2").tobytes()).hexdigest() == LABELS_SHA256


def test_damaged_bundled_sample_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = json.loads((paths.bundled_samples() / "index.json").read_text())
    for artifact in (index["samples"][0]["image"], *index["samples"][0]["truth"]):
        content = (paths.bundled_samples() / artifact["path"]).read_bytes()
        (tmp_path / artifact["path"]).parent.mkdir()
        (tmp_path / artifact["path"]).write_bytes(content[:-1] + b"?")
    (tmp_path / "index.json").write_text(json.dumps(index))
    monkeypatch.setattr(paths, "bundled_samples", lambda: tmp_path)
    with pytest.raises(DownloadError, match=r"dsb2018\.tif is not the file that was expected"):
        read_sample("dsb2018")


def test_unknown_key_names_the_known_ones() -> None:
    with pytest.raises(DatasetError, match="There is no sample 'moon': choose one of dsb2018, "):
        read_sample("moon")


def test_every_kind_of_image_has_a_sample() -> None:
    kinds = {sample.kind for sample in list_samples() if not sample.bundled}
    assert kinds == {"fluorescence", "stained", "brightfield"}


@pytest.mark.usefixtures("index")
def test_download_merges_masks_and_reports_progress() -> None:
    reports: list[tuple[int, int]] = []
    data = read_sample("cells", lambda done, total: reports.append((done, total)))
    assert_is_cells(data.image, data.labels)
    assert reports == [(1, 4), (2, 4), (3, 4), (4, 4)]


@pytest.mark.usefixtures("index")
def test_second_time_needs_no_server(server: Server) -> None:
    read_sample("cells")
    asked = list(server.asked)
    server.stop()
    data = read_sample("cells")
    assert_is_cells(data.image, data.labels)
    assert server.asked == asked


@pytest.mark.usefixtures("index")
def test_damaged_cache_is_downloaded_again(server: Server) -> None:
    read_sample("cells")
    server.asked.clear()
    (paths.sample_cache() / MASKS[0]).write_bytes(b"damaged")
    data = read_sample("cells")
    assert_is_cells(data.image, data.labels)
    assert server.asked == [f"/{MASKS[0]}"]


@pytest.mark.usefixtures("index")
def test_wrong_sha256_keeps_nothing_of_the_file(server: Server) -> None:
    (server.folder / MASKS[1]).write_bytes((server.folder / MASKS[0]).read_bytes())
    with pytest.raises(DownloadError, match=r"'Cells' is not the one that was expected"):
        read_sample("cells")
    assert cached_files() == sorted([IMAGE, MASKS[0], MASKS[2]])


@pytest.mark.usefixtures("index")
def test_missing_on_the_server(server: Server) -> None:
    (server.folder / IMAGE).unlink()
    with pytest.raises(DownloadError, match=r"'Cells' could not be downloaded \(error 404 from "):
        read_sample("cells")
    assert IMAGE not in cached_files()


@pytest.mark.usefixtures("index")
def test_no_server(server: Server) -> None:
    server.stop()
    with pytest.raises(DownloadError, match=r"no answer from 127\.0\.0\.1.*check the internet"):
        read_sample("cells")
    assert cached_files() == []


@pytest.mark.usefixtures("index")
def test_cache_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("NAPARI_NUCLEI_HOME", str(tmp_path / "file"))
    with pytest.raises(DownloadError, match=r"'Cells' could not be kept in .*NAPARI_NUCLEI_HOME"):
        read_sample("cells")


@pytest.mark.usefixtures("index")
@pytest.mark.parametrize("copy", ["stage1_train", "", "zip/stage1_train.zip", "zip"])
def test_local_copy_instead_of_a_download(
    copy: str, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "zip").mkdir()
    with zipfile.ZipFile(tmp_path / "zip" / "stage1_train.zip", "w") as archive:
        for name in [IMAGE, *MASKS]:
            archive.write(server.folder / name, name)
    monkeypatch.setenv("NAPARI_NUCLEI_DATA", str(tmp_path / copy))
    data = read_sample("cells")
    assert_is_cells(data.image, data.labels)
    assert server.asked == []
    assert not paths.sample_cache().exists()


@pytest.mark.usefixtures("index")
def test_local_copy_is_checked_too(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAPARI_NUCLEI_DATA", str(server.folder))
    iio.imwrite(server.folder / IMAGE, RGBA[::-1])
    with pytest.raises(DownloadError, match=r"cells\.png is not the file that was expected"):
        read_sample("cells")
    (server.folder / IMAGE).unlink()
    with pytest.raises(DatasetError, match=r"cells\.png is missing: point NAPARI_NUCLEI_DATA"):
        read_sample("cells")


def test_index_is_that_of_the_data_set(
    dsb2018_zip: Path, dsb2018_splits: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NAPARI_NUCLEI_DATA", str(dsb2018_zip))
    rows = dict(row.split(",", 1) for row in dsb2018_splits.read_text().split())
    for sample in list_samples():
        if not sample.bundled:
            data = read_sample(sample.key)
            assert rows[sample.image.path.split("/")[0]] == f"{sample.kind},train"
            assert data.labels.max() == len(sample.truth) <= 60
