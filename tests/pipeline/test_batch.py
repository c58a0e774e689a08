from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass, field, replace
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
from napari_nuclei.pipeline import batch, batch_plan, summary
from napari_nuclei.pipeline.datasets import decoding
from napari_nuclei.pipeline.results import Extras
from napari_nuclei.pipeline.segment import SegmentOptions
from napari_nuclei.pipeline.steps import result_of
from napari_nuclei.pipeline.summary import Failed, Segmented

CALLS: list[int] = []
NO_OPTIONS = SegmentOptions(tile_px=32, halo_px=4)
ALL = Extras(probability=True, table=True, overlay=True)


@dataclass
class BrightIsNucleus:
    """Stands for a model: a pixel is nucleus as surely as it is bright."""

    name: str = "bright"
    sha256: str = "0" * 64
    thresholds: InstanceOptions = field(default_factory=InstanceOptions)
    diameters: DiameterRange = field(default_factory=lambda: DiameterRange(1, 1000))

    def predictor(self, batch_size: int, chosen: str = "auto") -> BrightIsNucleus:
        return self

    def predict(self, tiles: NDArray[np.float32]) -> NDArray[np.float32]:
        CALLS.append(len(tiles))
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


def run(
    *images: Path, folder: Path, extras: Extras = ALL, options: SegmentOptions = NO_OPTIONS
) -> list[Any]:
    plan = batch_plan.plan_batch(images, folder)
    return list(result_of(batch.batch_steps(plan, BrightIsNucleus(), options, extras)))


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
    plan = batch_plan.plan_batch([tmp_path / "in"], tmp_path / "out")
    assert plan.has_summary
    assert [image.name for image in plan.images] == ["a.tif", "b.png"]


def test_one_that_fails_stops_no_other_and_leaves_nothing(tmp_path: Path) -> None:
    first, last = write(tmp_path / "a.png"), write(tmp_path / "c.png")
    bad = write(tmp_path / "b.npy", np.full((9, 9), np.nan))
    out = tmp_path / "out"
    done = run(first, bad, last, folder=out, extras=Extras())
    assert [type(outcome) for outcome in done] == [Segmented, Failed, Segmented]
    assert str(done[1].reason).startswith(f"{bad}: The image has no finite pixel")
    assert names(out) == ["a_labels.tif", "c_labels.tif", "summary.csv"]


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


def test_a_full_disk_leaves_the_results_of_another_request_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, *_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    image, out, table = write(tmp_path / "a.png"), tmp_path / "out", Extras(table=True)
    run(image, folder=out, extras=table)
    before = {path: path.read_bytes() for path in out.iterdir()}
    fewer = replace(NO_OPTIONS, min_area_px=50)
    with monkeypatch.context() as patch:
        patch.setattr(tifffile, "imwrite", refuse)
        (failed,) = run(image, folder=out, extras=table, options=fewer)
    assert failed.reason.errno == 28
    assert {path: path.read_bytes() for path in out.iterdir()} == before
    (again,) = run(image, folder=out, extras=table)
    assert again.done_before


@pytest.mark.parametrize("place", [(BrightIsNucleus, "predict"), (tifffile, "imwrite")])
def test_too_little_memory_names_the_image_and_its_shape(
    place: tuple[object, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(*place, refuse)
    (done,) = run(write(tmp_path / "a.png"), folder=tmp_path / "out")
    assert str(done.reason).startswith(f"{tmp_path / 'a.png'}: there is not enough memory")
    assert "(20, 30)" in str(done.reason)


def test_images_that_differ_in_their_suffix_alone_have_results_of_their_own(tmp_path: Path) -> None:
    images, out = tmp_path / "in", tmp_path / "out"
    write(images / "a.png")
    write(images / "A.tif", two_squares()[:, :12])
    write(images / "b.png")
    done = run(images, folder=out, extras=Extras())
    assert [outcome.n_nuclei for outcome in done] == [1, 2, 2]
    labels = ["A.tif_labels.tif", "a.png_labels.tif", "b_labels.tif"]
    assert names(out) == [*labels, "summary.csv"]
    assert tifffile.imread(out / "A.tif_labels.tif").shape == (20, 12)
    assert all(outcome.done_before for outcome in run(images, folder=out, extras=Extras()))


@pytest.mark.parametrize("later", ["a.tif", "A.bmp"])
def test_an_image_keeps_its_results_when_another_of_its_stem_comes_and_goes(
    later: str, tmp_path: Path
) -> None:
    images, out = tmp_path / "in", tmp_path / "out"
    write(images / "a.png")
    run(images, folder=out, extras=Extras())
    write(images / later, two_squares()[:, :12])
    both = {outcome.image.name: outcome for outcome in run(images, folder=out, extras=Extras())}
    assert (both["a.png"].done_before, both[later].done_before) == (True, False)
    assert names(out) == sorted(["a_labels.tif", f"{later}_labels.tif", "summary.csv"])
    (images / "a.png").unlink()
    (alone,) = run(images, folder=out, extras=Extras())
    assert alone.done_before
    assert names(out) == sorted(["a_labels.tif", f"{later}_labels.tif", "summary.csv"])


def test_an_image_alone_leaves_the_results_of_another_of_its_stem(tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(write(tmp_path / "a.png"), folder=out, extras=Extras())
    before = (out / "a_labels.tif").read_bytes()
    run(write(tmp_path / "a.tif", two_squares()[:, :12]), folder=out, extras=Extras())
    assert names(out) == ["a.tif_labels.tif", "a_labels.tif"]
    assert (out / "a_labels.tif").read_bytes() == before


def test_results_beside_images_of_one_stem_are_no_images(tmp_path: Path) -> None:
    images = write(tmp_path / "a.png"), write(tmp_path / "a.tif")
    run(*images, folder=tmp_path, extras=Extras())
    assert batch_plan.plan_batch([tmp_path], tmp_path / "out").images == images


def test_labels_of_another_program_under_a_shared_stem_are_left_alone(tmp_path: Path) -> None:
    images, out = (write(tmp_path / "a.png"), write(tmp_path / "a.tif")), tmp_path / "out"
    theirs = write(out / "a_labels.tif").read_bytes()
    run(*images, folder=out, extras=Extras())
    assert names(out) == ["a.png_labels.tif", "a.tif_labels.tif", "a_labels.tif", "summary.csv"]
    assert (out / "a_labels.tif").read_bytes() == theirs


def test_a_single_pixel_is_reported_and_skipped(tmp_path: Path) -> None:
    pixel = write(tmp_path / "a.png", np.full((1, 1), 9, np.uint8))
    done = run(pixel, write(tmp_path / "b.png"), folder=tmp_path / "out", extras=Extras())
    assert str(done[0].reason) == f"{pixel} is a single pixel: there is nothing to segment."
    assert done[1].n_nuclei == 2
    assert names(tmp_path / "out") == ["b_labels.tif", "summary.csv"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of two good images with a bad one between them."""
    write(tmp_path / "in" / "a.png")
    (tmp_path / "in" / "b.png").write_text("no picture")
    write(tmp_path / "in" / "c.png", two_squares()[:, :12])
    return tmp_path / "in"


def summary_of(out: Path) -> list[list[str]]:
    with (out / "summary.csv").open(newline="", encoding="utf-8") as stream:
        return [row[:4] for row in csv.reader(stream)][1:]


def test_the_summary_has_a_row_for_each_image(folder: Path, tmp_path: Path) -> None:
    run(folder, folder=tmp_path / "out")
    assert summary_of(tmp_path / "out") == [
        ["a.png", "segmented", "2", "0.1933"],
        ["b.png", "failed", "", ""],
        ["c.png", "segmented", "1", "0.15"],
    ]
    assert "b.png cannot be read" in (tmp_path / "out" / "summary.csv").read_text()


def test_a_semantic_summary_counts_nothing(folder: Path, tmp_path: Path) -> None:
    options = replace(NO_OPTIONS, semantic=True)
    run(folder, folder=tmp_path / "out", extras=Extras(), options=options)
    assert summary_of(tmp_path / "out")[0] == ["a.png", "segmented", "", "0.1933"]


def test_a_foreign_summary_is_not_replaced(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "summary.csv").write_text("my,own,notes\n")
    with pytest.raises(InputError, match="is not from napari-nuclei and would be replaced"):
        batch_plan.plan_batch([folder], tmp_path / "out")
    batch_plan.plan_batch([folder / "a.png"], tmp_path / "out")  # writes none


@pytest.fixture
def bar(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Return what bars the summary, as an open spreadsheet does, so many times from now on."""
    write_summary = summary.write_summary

    def bar(times: int) -> None:
        left = iter(range(times))

        def write(*args: Any, **options: Any) -> None:
            if next(left, None) is not None:
                raise PermissionError(13, "Permission denied")
            write_summary(*args, **options)

        monkeypatch.setattr(summary, "write_summary", write)

    return bar


def test_a_summary_that_is_barred_for_a_while_is_whole_in_the_end(
    folder: Path, tmp_path: Path, bar: Callable[[int], None]
) -> None:
    bar(2)
    assert len(run(folder, folder=tmp_path / "out", extras=Extras())) == 3
    assert [row[1] for row in summary_of(tmp_path / "out")] == ["segmented", "failed", "segmented"]


def test_a_summary_that_stays_barred_costs_no_results(
    folder: Path, tmp_path: Path, bar: Callable[[int], None]
) -> None:
    bar(3)
    with pytest.raises(InputError, match=r"summary\.csv cannot be written \(Permission denied\)"):
        run(folder, folder=tmp_path / "out", extras=Extras())
    assert names(tmp_path / "out") == ["a_labels.tif", "c_labels.tif"]


def test_what_is_done_is_not_done_again(folder: Path, tmp_path: Path) -> None:
    first = run(folder, folder=tmp_path / "out")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("*_*")}
    CALLS.clear()
    again = run(folder, folder=tmp_path / "out")
    assert CALLS == []
    assert [outcome.done_before for outcome in again] == [True, False, True]
    assert [(o.n_nuclei, o.nucleus_share) for o in again[::2]] == [
        (o.n_nuclei, o.nucleus_share) for o in first[::2]
    ]
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert summary_of(tmp_path / "out")[2] == ["c.png", "segmented", "1", "0.15"]


def test_another_device_is_no_other_wish(folder: Path, tmp_path: Path) -> None:
    run(folder, folder=tmp_path / "out")
    again = run(folder, folder=tmp_path / "out", options=replace(NO_OPTIONS, device="cpu"))
    assert [outcome.done_before for outcome in again] == [True, False, True]


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


@pytest.mark.parametrize(
    "change",
    [
        lambda folder, out: write(folder / "a.png", two_squares().T),
        lambda folder, out: (out / "a_nuclei.csv").unlink(),
        lambda folder, out: _truncate(out / "a_labels.tif"),
        lambda folder, out: (out / "a_labels.tif").write_text("no TIFF"),
        lambda folder, out: tifffile.imwrite(out / "a_labels.tif", np.ones((20, 30), np.int32)),
    ],
    ids=["another image", "no table", "cut labels", "no labels", "labels of another program"],
)
def test_what_changed_is_done_again(
    change: Callable[[Path, Path], object], folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    run(folder, folder=out)
    change(folder, out)
    again = run(folder, folder=out)
    assert [outcome.done_before for outcome in again] == [False, False, True]
    labels = tifffile.imread(out / "a_labels.tif")
    np.testing.assert_array_equal(labels > 0, iio.imread(folder / "a.png") > 0)


@pytest.mark.parametrize(
    ("options", "extras"),
    [
        (replace(NO_OPTIONS, probability=0.4), ALL),
        (replace(NO_OPTIONS, diameter_px=9), ALL),
        (NO_OPTIONS, replace(ALL, overlay=False)),
        (NO_OPTIONS, replace(ALL, pixel_um=0.5)),
    ],
    ids=["threshold", "diameter", "fewer files", "micrometres"],
)
def test_other_wishes_are_done_again(
    options: SegmentOptions, extras: Extras, folder: Path, tmp_path: Path
) -> None:
    run(folder, folder=tmp_path / "out")
    again = run(folder, folder=tmp_path / "out", extras=extras, options=options)
    assert not any(outcome.done_before for outcome in again)


def test_progress_names_the_image_and_counts_its_tiles(folder: Path, tmp_path: Path) -> None:
    plan = batch_plan.plan_batch([folder], tmp_path / "out")
    steps = list(batch.batch_steps(plan, BrightIsNucleus(), NO_OPTIONS, Extras()))
    ends = [(step.done, step.image.name) for step in steps if step.outcome]
    assert ends == [(1, "a.png"), (2, "b.png"), (3, "c.png")]
    assert {step.total for step in steps} == {3}
    tiles = [step.tiles for step in steps if step.tiles and step.image.name == "a.png"]
    assert (tiles[-1].done, tiles[-1].total) == (1, 1)


def test_a_batch_that_is_stopped_leaves_whole_files_and_goes_on(
    folder: Path, tmp_path: Path
) -> None:
    plan = batch_plan.plan_batch([folder], tmp_path / "out")
    steps = batch.batch_steps(plan, BrightIsNucleus(), NO_OPTIONS, ALL)
    for step in steps:
        if step.image.name == "c.png" and step.tiles:
            steps.close()
    assert not [name for name in names(tmp_path / "out") if name.startswith((".", "c"))]
    assert [row[1] for row in summary_of(tmp_path / "out")] == ["segmented", "failed", "waiting"]
    again = run(folder, folder=tmp_path / "out")
    assert [outcome.done_before for outcome in again] == [True, False, False]
    assert summary_of(tmp_path / "out")[2][:2] == ["c.png", "segmented"]


def test_the_table_has_intensities_and_micrometres(tmp_path: Path) -> None:
    run(write(tmp_path / "a.png"), folder=tmp_path, extras=Extras(table=True, pixel_um=0.5))
    with (tmp_path / "a_nuclei.csv").open(newline="", encoding="utf-8") as stream:
        first = next(csv.DictReader(stream))
    assert float(first["area_um2"]) == 9
    assert float(first["mean_intensity"]) == 255
