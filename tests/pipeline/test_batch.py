from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import imageio.v3 as iio
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from napari_nuclei.core.diameter import DiameterRange
from napari_nuclei.core.instances import InstanceOptions
from napari_nuclei.errors import InputError
from napari_nuclei.pipeline import batch
from napari_nuclei.pipeline.datasets import decoding
from napari_nuclei.pipeline.results import Extras
from napari_nuclei.pipeline.segment import SegmentOptions

NO_OPTIONS = SegmentOptions(tile_px=32, halo_px=4)
ALL = Extras(probability=True, table=True, overlay=True)


@dataclass
class BrightIsNucleus:
    """Stands for a model: a pixel is nucleus as surely as it is bright."""

    name: str = "bright"
    sha256: str = "0" * 64
    thresholds: InstanceOptions = field(default_factory=InstanceOptions)
    diameters: DiameterRange = field(default_factory=lambda: DiameterRange(1, 1000))

    def predictor(self, batch_size: int) -> BrightIsNucleus:
        return self

    def predict(self, tiles: NDArray[np.float32]) -> NDArray[np.float32]:
        bright = tiles[..., 0]
        return np.stack([bright, np.zeros_like(bright), bright], axis=-1)


def two_squares() -> NDArray[np.uint8]:
    image = np.zeros((20, 30), np.uint8)
    image[2:8, 2:8] = image[10:18, 15:25] = 255
    return image


def write(path: Path, image: NDArray[Any] | None = None) -> Path:
    image = two_squares() if image is None else image
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix.lower() == ".npy":
        np.save(path, image)
    else:
        iio.imwrite(path, image)
    return path


def run(*images: Path, folder: Path, extras: Extras = ALL) -> list[Any]:
    plan = batch.plan_batch(images, folder)
    return list(batch.segment_files(plan, BrightIsNucleus(), NO_OPTIONS, extras))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_each_image_gives_its_labels_and_what_is_wanted(tmp_path: Path) -> None:
    out = tmp_path / "out"
    (done,) = run(write(tmp_path / "a.png"), folder=out)
    labels = tifffile.imread(out / "a_labels.tif")
    assert labels.dtype == np.int32
    np.testing.assert_array_equal(labels > 0, two_squares() > 0)
    assert labels.max() == done.n_nuclei == 2
    assert done.nucleus_share == pytest.approx((36 + 80) / 600)
    probability = tifffile.imread(out / "a_probability.tif")
    assert probability.dtype == np.float32
    np.testing.assert_allclose(probability, two_squares() / 255, atol=1e-6)
    assert len((out / "a_nuclei.csv").read_text().splitlines()) == 3
    assert iio.imread(out / "a_overlay.png").shape == (20, 30, 3)


def test_only_the_labels_are_written_when_nothing_else_is_wanted(tmp_path: Path) -> None:
    run(write(tmp_path / "a.png"), folder=tmp_path / "out", extras=Extras())
    assert names(tmp_path / "out") == ["a_labels.tif"]


def test_extras_of_an_earlier_run_are_removed_and_nothing_else(tmp_path: Path) -> None:
    image, out = write(tmp_path / "a.png"), tmp_path / "out"
    run(image, folder=out)
    for name in ("a_nuclei.txt", "b_nuclei.csv", "aa_overlay.png"):
        (out / name).touch()
    run(image, folder=out, extras=Extras(table=True))
    assert names(out) == sorted(
        ["a_labels.tif", "a_nuclei.csv", "a_nuclei.txt", "aa_overlay.png", "b_nuclei.csv"]
    )


def test_labels_hold_the_recipe_and_are_compressed(tmp_path: Path) -> None:
    run(write(tmp_path / "a.png"), folder=tmp_path, extras=Extras())
    with tifffile.TiffFile(tmp_path / "a_labels.tif") as tiff:
        recipe = tiff.shaped_metadata[0]["recipe"]
        compression = tiff.pages[0].compression
    assert recipe["model"] == {"name": "bright", "sha256": "0" * 64}
    assert recipe["options"]["tile_px"] == 32
    assert compression == tifffile.COMPRESSION.ADOBE_DEFLATE


@pytest.mark.parametrize("suffix", sorted(decoding.SUFFIXES))
def test_every_suffix_that_is_taken_from_a_folder_can_be_read(suffix: str, tmp_path: Path) -> None:
    write(tmp_path / "in" / f"a{suffix.upper()}")
    (done,) = run(tmp_path / "in", folder=tmp_path / "out", extras=Extras())
    assert done.n_nuclei == 2


def test_a_folder_gives_its_images_in_order_and_nothing_else(tmp_path: Path) -> None:
    for name in ("b.png", "a.tif", "notes.txt", ".hidden.png", "deeper/c.png"):
        path = tmp_path / "in" / name
        if path.suffix == ".txt":
            path.write_text("notes")
        else:
            write(path)
    # Results of an earlier run on the image alone.
    for name in ("a_labels.tif", "b_overlay.png"):
        write(tmp_path / "in" / name)
    (tmp_path / "in" / "folder.png").mkdir()
    plan = batch.plan_batch([tmp_path / "in"], tmp_path / "out")
    assert [image.name for image in plan.images] == ["a.tif", "b.png"]


def test_one_that_fails_stops_no_other_and_leaves_nothing(tmp_path: Path) -> None:
    first, last = write(tmp_path / "a.png"), write(tmp_path / "c.png")
    bad = write(tmp_path / "b.npy", np.full((9, 9), np.nan))
    out = tmp_path / "out"
    done = run(first, bad, last, folder=out, extras=Extras())
    assert [type(outcome) for outcome in done] == [batch.Segmented, batch.Failed, batch.Segmented]
    assert str(done[1].reason).startswith(f"{bad}: The image has no finite pixel")
    assert names(out) == ["a_labels.tif", "c_labels.tif"]


def test_a_full_disk_leaves_no_labels_and_no_half_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, *_: Any, **__: Any) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tifffile, "imwrite", refuse)
    (done,) = run(write(tmp_path / "a.png"), folder=tmp_path / "out")
    assert done.reason.errno == 28
    assert names(tmp_path / "out") == []


def test_too_little_memory_names_the_image_and_its_shape(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(BrightIsNucleus, "predict", refuse)
    (done,) = run(write(tmp_path / "a.png"), folder=tmp_path / "out")
    assert str(done.reason).startswith(f"{tmp_path / 'a.png'}: there is not enough memory")
    assert "(20, 30)" in str(done.reason)


def touch(folder: Path, *files: str) -> list[Path]:
    paths = [folder / file for file in files]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return paths


Inputs = Callable[[Path], list[Path]]


@pytest.mark.parametrize(
    ("inputs", "reason"),
    [
        (lambda root: [root / "nobody.png"], r"nobody\.png does not exist"),
        (lambda root: touch(root, "in/notes.txt")[0].parents[:1], r"in has no images \(\.bmp"),
        (lambda root: touch(root, "x/a.png", "y/a.tif"), r"a\.png and .*a\.tif would both write"),
        (lambda root: touch(root, "x/a.png", "x/A.tif"), r"a\.png and .*A\.tif would both write"),
        (lambda root: touch(root, "x/a.png", "out/a_labels.tif"), r"would replace the image .*out"),
        (lambda root: touch(root, "out/a.png")[0].parents[:1], r"The results cannot go to .*out"),
    ],
    ids=["missing", "empty", "same stem", "same stem elsewhere", "replaces input", "into input"],
)
def test_a_plan_that_would_lose_something_is_refused(
    inputs: Inputs, reason: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=reason):
        batch.plan_batch(list(inputs(tmp_path)), tmp_path / "out")


def test_results_cannot_go_to_a_file(tmp_path: Path) -> None:
    image, out = touch(tmp_path, "a.png", "out")
    with pytest.raises(InputError, match=r"out is a file: choose a folder"):
        batch.plan_batch([image], out)


@pytest.mark.skipif(os.name != "posix", reason="links need rights on Windows")
def test_an_input_behind_a_link_is_not_replaced(tmp_path: Path) -> None:
    (image, labels) = touch(tmp_path, "in/a.png", "in/a_labels.tif")
    (tmp_path / "link").symlink_to(tmp_path / "in")
    with pytest.raises(InputError, match="would replace the image"):
        batch.plan_batch([image, labels], tmp_path / "link")
