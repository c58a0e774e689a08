from __future__ import annotations

import csv
import json
import shutil
import threading
from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest
import zarr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from napari_nuclei.core.measure import measure
from napari_nuclei.errors import InputError, RunError
from napari_nuclei.pipeline.blocks import BlockJob, block_steps, segment_blocks
from napari_nuclei.pipeline.blocks.images import as_large_image
from napari_nuclei.pipeline.blocks.ome_zarr import open_levels, open_pixels, read_our_attribute
from napari_nuclei.pipeline.planes import ArrayPlanes
from napari_nuclei.pipeline.prediction import Progress
from napari_nuclei.pipeline.segment import SegmentOptions, segment_steps
from napari_nuclei.pipeline.stack import segment_planes_steps
from napari_nuclei.pipeline.steps import result_of
from napari_nuclei.pipeline.tables import write_csv

AS_IS = SegmentOptions(diameter_px=None)


def make_job(image, folder, options=AS_IS, *, names=(), **fields):
    fields = {"block_px": 64} | fields
    return BlockJob(as_large_image(image, names), folder / "cells_labels.zarr", options, **fields)


def run(job, model):
    return result_of(block_steps(job, model))


def read_labels(path):
    return np.asarray(open_levels(path)[0][:])


def read_rows(path):
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def assert_same_nuclei(found, expected):
    """Compare labels whose ids are in another order."""
    np.testing.assert_array_equal(found > 0, expected > 0)
    n = expected.max()
    pairs = np.unique(np.stack([found, expected]).reshape(2, -1), axis=1)
    pairs = pairs[:, pairs[1] > 0]
    assert [sorted(ids.tolist()) for ids in pairs] == [list(range(1, n + 1))] * 2


@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(block_px=st.integers(20, 240), tile_px=st.sampled_from([64, 128]))
def test_any_grid_of_blocks_gives_the_labels_of_the_image_in_memory(
    block_px, tile_px, picture, model, tmp_path_factory
):
    options = replace(AS_IS, tile_px=tile_px)
    job = make_job(picture, tmp_path_factory.mktemp("run"), options, block_px=block_px)
    found = run(job, model)
    expected = result_of(segment_steps(picture, model, options)).labels
    assert_same_nuclei(read_labels(found.labels), expected)
    assert found.n_nuclei == expected.max() > 30
    assert found.counts.nucleus_share == np.count_nonzero(expected) / expected.size


@pytest.mark.parametrize("diameter_px", [None, "auto", 4, 60])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_scale_and_size_are_those_of_the_image_in_memory(
    dtype, diameter_px, picture, model, tmp_path
):
    image = (37 + 200 * picture).astype(dtype)
    options = SegmentOptions(diameter_px=diameter_px)
    found = run(make_job(image, tmp_path, options), model)
    expected = result_of(segment_steps(image, model, options))
    assert found.diameter_px == expected.diameter_px
    assert expected.labels.max() > 10
    assert_same_nuclei(read_labels(found.labels), expected.labels)


def with_holes(image):
    image = image.copy()
    image[50:90, 30:80], image[130] = np.nan, np.inf
    return image


def test_no_nucleus_lies_where_nothing_was_recorded(picture, model, tmp_path):
    image = with_holes(picture[..., 2])
    model.predict = np.ones_like
    found = run(make_job(image, tmp_path, replace(AS_IS, semantic=True)), model)
    np.testing.assert_array_equal(read_labels(found.labels) > 0, np.isfinite(image))


def test_holes_look_as_they_do_in_memory(picture, model, tmp_path):
    image = with_holes(picture[..., 2])
    found = run(make_job(image, tmp_path), model)
    expected = result_of(segment_steps(image, model, AS_IS)).labels
    assert_same_nuclei(read_labels(found.labels), expected)


def test_the_network_runs_on_the_chosen_device(picture, model, tmp_path):
    run(make_job(picture, tmp_path, SegmentOptions(device="cpu")), model)
    assert model.devices == {"cpu"}


def test_grey_images_are_read_like_colours(picture, model, tmp_path):
    grey = picture[..., 2]
    found = run(make_job(grey, tmp_path), model)
    expected = result_of(segment_steps(grey, model, AS_IS)).labels
    assert_same_nuclei(read_labels(found.labels), expected)


def test_the_table_is_that_of_the_labels(picture, model, tmp_path):
    found = run(make_job(picture, tmp_path, pixel_um=0.5), model)
    labels = read_labels(found.labels)
    maps = result_of(segment_steps(picture, model, AS_IS)).maps
    write_csv(measure(labels, maps[..., 0], picture, pixel_um=0.5), tmp_path / "expected.csv")
    assert found.table == tmp_path / "cells_nuclei.csv"
    assert read_rows(found.table) == read_rows(tmp_path / "expected.csv")


def test_planes_of_a_stack_have_ids_of_their_own(picture, model, tmp_path):
    stack = np.stack([picture[..., 2], 0 * picture[..., 2], picture[::-1, :, 2]])
    found = run(make_job(stack, tmp_path, names=("z", "y", "x")), model)
    source = ArrayPlanes(stack, ("z",))
    expected = result_of(segment_planes_steps(source, model, AS_IS))
    assert_same_nuclei(read_labels(found.labels), expected.labels)
    rows = read_rows(found.table)
    assert {row["z"] for row in rows} == {"0", "2"}
    assert [int(row["index"]) for row in rows] == list(range(1, expected.labels.max() + 1))


def test_semantic_gives_the_mask_and_no_table(picture, model, tmp_path):
    options = replace(AS_IS, semantic=True)
    found = run(make_job(picture, tmp_path, options), model)
    expected = result_of(segment_steps(picture, model, options)).labels
    np.testing.assert_array_equal(read_labels(found.labels), expected)
    assert found.table is None
    assert [path.name for path in tmp_path.iterdir()] == ["cells_labels.zarr"]


def test_a_nucleus_longer_than_the_margin_is_seen_whole(model, tmp_path):
    image = np.zeros((80, 300, 3), np.float32)
    image[40:44, 20:270] = 1  # of 250 px, with a margin of 60 px and blocks of 64 px
    found = run(make_job(image, tmp_path, SegmentOptions(diameter_px=20)), model)
    assert_same_nuclei(read_labels(found.labels), (image[..., 0] > 0).astype(int))


def test_nothing_else_is_left_when_done(picture, model, tmp_path):
    found = run(make_job(picture, tmp_path), model)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "cells_labels.zarr",
        "cells_nuclei.csv",
    ]
    ours = read_our_attribute(found.labels)
    assert ours["model"] == {"name": "fake", "sha256": model.sha256}
    assert json.loads(json.dumps(found.recipe)) == found.recipe


def test_labels_lie_on_their_image(picture, model, tmp_path):
    place = {"scale": (0.5, 0.25), "units": ("micrometer",) * 2, "translation": (30.0, -4.0)}
    job = make_job(picture[..., 2], tmp_path)
    found = open_pixels(run(replace(job, image=replace(job.image, **place)), model).labels)
    assert {name: getattr(found, name) for name in place} == place


def test_an_image_that_lies_elsewhere_is_another_one(picture, model, tmp_path):
    job = make_job(picture[..., 2], tmp_path)
    here = replace(job, image=replace(job.image, scale=(0.5, 0.5)))
    run(here, model)
    assert run(here, model).done_before
    elsewhere = replace(here, image=replace(here.image, scale=(0.25, 0.25)))
    with pytest.raises(RunError, match=r"cells_labels\.zarr"):
        run(elsewhere, model)


def test_progress_counts_blocks(picture, model, tmp_path):
    steps = list(block_steps(make_job(picture, tmp_path, block_px=100), model))
    known = [step for step in steps if step.total]
    assert known[0] == Progress(0, 6)
    assert Progress(6, 6) in known


def stop_after(model, batches):
    def interrupt(number):
        if number > batches:
            raise RuntimeError("the power went off")

    model.before_batch = interrupt


def wait_for_threads():
    """Let threads of a run that ended save the block that they are at."""
    for thread in threading.enumerate():
        if thread.name.startswith("napari-nuclei-blocks"):
            thread.join()


def test_finished_blocks_are_not_made_again(picture, model, tmp_path):
    job = make_job(picture, tmp_path)
    n_batches = type(model)()
    run(make_job(picture, tmp_path / "whole"), n_batches)
    stop_after(model, 5)
    with pytest.raises(RuntimeError):
        run(job, model)
    wait_for_threads()
    finished = len(list(job.folder.path.glob("blocks-*/*.npz")))
    assert finished > 0
    assert not job.output.exists()
    again = type(model)()
    found = run(job, again)
    assert again.batches == n_batches.batches - finished
    expected = result_of(segment_steps(picture, again, AS_IS)).labels
    assert_same_nuclei(read_labels(found.labels), expected)
    assert not job.folder.path.exists()


def test_closing_keeps_finished_blocks(picture, model, tmp_path):
    job = make_job(picture, tmp_path)
    steps = block_steps(job, model)
    for step in steps:
        if step.done > 2:
            break
    steps.close()
    first = next(step for step in block_steps(job, type(model)()) if step.total)
    assert step.done <= first.done < first.total


def test_blocks_that_arrive_late_are_not_taken_for_those_of_another_run(picture, model, tmp_path):
    job = make_job(picture, tmp_path)
    stop_after(model, 5)
    with pytest.raises(RuntimeError):
        run(job, model)
    wait_for_threads()
    # A worker that goes on after the folder is gone makes it anew.
    kept = job.folder.path.rename(tmp_path / "kept")
    for blocks in kept.glob("blocks*"):
        shutil.copytree(blocks, job.folder.path / blocks.name)
    again, options = type(model)(), replace(AS_IS, min_area_px=150)
    found = run(make_job(picture, tmp_path, options), again)
    expected = result_of(segment_steps(picture, again, options)).labels
    assert_same_nuclei(read_labels(found.labels), expected)


@pytest.mark.parametrize("change", ["options", "image", "model"])
def test_blocks_of_another_run_are_refused(change, picture, model, tmp_path):
    stop_after(model, 5)
    with pytest.raises(RuntimeError):
        run(make_job(picture, tmp_path), model)
    options = replace(AS_IS, min_area_px=9) if change == "options" else AS_IS
    image = picture[::-1] if change == "image" else picture
    other = replace(model, before_batch=lambda number: None)
    other.sha256 = "1" * 64 if change == "model" else model.sha256
    with pytest.raises(RunError, match="has blocks of other options, or of another image"):
        run(make_job(image, tmp_path, options), other)


def test_what_is_there_is_not_made_again(picture, model, tmp_path):
    first = run(make_job(picture, tmp_path), model)
    before = model.batches
    again = run(make_job(picture, tmp_path), model)
    assert model.batches == before
    assert again == replace(first, done_before=True)


@pytest.mark.parametrize("found", ["other options", "no table", "foreign"])
def test_what_is_there_is_never_replaced(found, picture, model, tmp_path):
    job = make_job(picture, tmp_path)
    if found == "foreign":
        zarr.create_array(job.output, data=np.arange(5))
    else:
        run(job, model)
    if found == "no table":
        job.table.unlink()
    options = replace(AS_IS, probability=0.9) if found == "other options" else AS_IS
    with pytest.raises(RunError, match="is there already, and not of this image"):
        run(make_job(picture, tmp_path, options), model)


@pytest.mark.parametrize("is_begun", [True, False])
def test_labels_of_a_file_of_the_same_stem_keep_their_table(is_begun, picture, model, tmp_path):
    job = make_job(picture, tmp_path)
    if is_begun:
        stop_after(model, 5)
        with pytest.raises(RuntimeError):
            run(job, model)
        wait_for_threads()
        model = type(model)()
    (tmp_path / "cells_labels.tif").touch()
    with pytest.raises(
        RunError, match=r"cells_labels\.tif is there already, and not of this image"
    ):
        run(job, model)
    assert not job.table.exists()
    found = run(replace(job, is_numbered=True), model)
    assert found.table == tmp_path / "cells_2_nuclei.csv"


def test_a_table_that_is_not_of_the_run_is_not_replaced(picture, model, tmp_path):
    job = make_job(picture, tmp_path)
    job.table.write_text("index\n1\n")
    with pytest.raises(
        RunError, match=r"cells_nuclei\.csv is there already, and not of this image"
    ):
        run(job, model)
    assert job.table.read_text() == "index\n1\n"


def test_a_mask_has_no_table_that_could_replace_another(picture, model, tmp_path):
    job = make_job(picture, tmp_path, replace(AS_IS, semantic=True))
    job.table.write_text("index\n1\n")
    assert run(job, model).table is None
    assert job.table.read_text() == "index\n1\n"


def test_the_table_of_a_run_that_was_killed_before_its_labels_came_is_replaced(
    picture, model, tmp_path
):
    job = make_job(picture, tmp_path)
    stop_after(model, 5)
    with pytest.raises(RuntimeError):
        run(job, model)
    wait_for_threads()
    job.table.write_text("index\n1\n")
    found = run(job, type(model)())
    assert len(read_rows(found.table)) == found.n_nuclei > 1


@pytest.mark.parametrize("is_finished", [True, False])
def test_a_numbered_output_leaves_its_place_to_others(is_finished, picture, model, tmp_path):
    first = make_job(picture, tmp_path)
    if not is_finished:
        stop_after(model, 5)
    with nullcontext() if is_finished else pytest.raises(RuntimeError):
        run(first, model)
    model = type(model)()
    second = replace(first, image=as_large_image(picture[::-1]), is_numbered=True)
    found = run(second, model)
    assert found.labels == tmp_path / "cells_2_labels.zarr"
    assert found.table == tmp_path / "cells_2_nuclei.csv"
    expected = result_of(segment_steps(picture[::-1], model, AS_IS)).labels
    assert_same_nuclei(read_labels(found.labels), expected)
    assert run(second, model) == replace(found, done_before=True)
    again = run(replace(first, is_numbered=True), model)
    assert (again.labels, again.done_before) == (first.output, is_finished)


def test_a_run_that_another_process_is_at_is_refused(picture, model, tmp_path):
    job = make_job(picture, tmp_path)
    with job.folder.held(), pytest.raises(RunError, match="another process is still at it"):
        run(job, model)


def test_a_damaged_record_is_told(picture, model, tmp_path):
    job = make_job(picture, tmp_path)
    job.folder.path.mkdir()
    (job.folder.path / "run.json").write_text("{")
    with pytest.raises(RunError, match=r"run\.json is damaged"):
        run(job, model)


def test_python_takes_paths_and_options_by_name(write_ome_zarr, picture, tiny_model, tmp_path):
    path = write_ome_zarr(picture[..., 0], "yx", [0.5, 0.5])
    found = segment_blocks(path, tmp_path / "a.zarr", tiny_model, diameter_px=None, semantic=True)
    assert read_labels(found.labels).shape == (180, 230)
    with pytest.raises(InputError, match="probability"):
        segment_blocks(path, tmp_path / "a.zarr", tiny_model, probability=2)
