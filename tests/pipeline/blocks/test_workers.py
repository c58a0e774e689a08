"""Real clusters, and real processes that are killed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import dask.array as da
import numpy as np
import pytest
from distributed import LocalCluster

from napari_nuclei.errors import InputError, ModelError, RunError
from napari_nuclei.model import store
from napari_nuclei.pipeline.blocks import BlockJob, block_steps
from napari_nuclei.pipeline.blocks.images import as_large_image, open_image
from napari_nuclei.pipeline.blocks.ome_zarr import open_levels
from napari_nuclei.pipeline.segment import SegmentOptions, segment
from napari_nuclei.pipeline.steps import result_of

OPTIONS = SegmentOptions(diameter_px=None)
BLOCK_PX = 64
CHILD = """
import sys
from pathlib import Path
from napari_nuclei.model import store
from napari_nuclei.pipeline.blocks import BlockJob, block_steps, open_image
from napari_nuclei.pipeline.segment import SegmentOptions
image, output, model = map(Path, sys.argv[1:])
job = BlockJob(open_image(image), output, SegmentOptions(diameter_px=None), block_px=64)
for progress in block_steps(job, store.load_model(model)):
    print(progress.done, flush=True)
"""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(280)]


@pytest.fixture
def image(write_ome_zarr, picture):
    return write_ome_zarr((255 * picture[..., 2]).astype(np.uint8), "yx", [1.0, 1.0])


@pytest.fixture
def output(tmp_path):
    return tmp_path / "cells_labels.zarr"


def run(job, model):
    return result_of(block_steps(job, store.load_model(model)))


def assert_labels_are_those_in_memory(found, image, model):
    expected = segment(np.asarray(open_image(image).array[:]), model, diameter_px=None).labels
    labels = np.asarray(open_levels(found.labels)[0][:])
    np.testing.assert_array_equal(labels > 0, expected > 0)
    assert labels.max() == expected.max() > 0


@pytest.fixture(scope="module")
def cluster():
    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as cluster:
        yield cluster


def test_processes_of_a_cluster_give_the_same_labels(cluster, image, output, tiny_model):
    address = cluster.scheduler_address
    job = BlockJob(open_image(image), output, OPTIONS, scheduler=address, block_px=BLOCK_PX)
    found = run(job, tiny_model)
    assert_labels_are_those_in_memory(found, image, tiny_model)
    assert not job.folder.path.exists()


def test_a_cluster_reads_dask_arrays_and_refuses_those_of_this_process(
    cluster, image, output, tiny_model
):
    pixels = np.asarray(open_image(image).array[:])
    address = cluster.scheduler_address
    lazy = as_large_image(da.from_array(pixels, chunks=50) // 1)
    job = BlockJob(lazy, output, OPTIONS, scheduler=address, block_px=100)
    assert_labels_are_those_in_memory(run(job, tiny_model), image, tiny_model)
    with pytest.raises(InputError, match="cannot read an array of this process"):
        BlockJob(as_large_image(pixels), output, OPTIONS, scheduler=address)


def test_a_worker_with_another_model_is_told(cluster, image, output, tiny_model, monkeypatch):
    model = store.load_model(tiny_model)
    monkeypatch.setattr(store.Model, "sha256", "f" * 64)
    address = cluster.scheduler_address
    job = BlockJob(open_image(image), output, OPTIONS, scheduler=address, block_px=BLOCK_PX)
    with pytest.raises(ModelError, match="the worker has another model there"):
        result_of(block_steps(job, model))


def test_an_address_where_nobody_is_is_told(image, output, tiny_model, monkeypatch):
    from napari_nuclei.pipeline.blocks import workers

    monkeypatch.setattr(workers, "_CONNECT_S", 1)
    job = BlockJob(open_image(image), output, OPTIONS, scheduler="tcp://127.0.0.1:9")
    with pytest.raises(RunError, match=r"No scheduler answers at tcp://127\.0\.0\.1:9"):
        run(job, tiny_model)


def test_a_killed_process_loses_no_finished_block(image, output, tiny_model):
    command = [sys.executable, "-c", CHILD, str(image), str(output), str(tiny_model)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    for line in child.stdout:
        if int(line) >= 3:
            break
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    job = BlockJob(open_image(image), output, OPTIONS, block_px=BLOCK_PX)
    finished = list(job.folder.path.glob("blocks-*/[!.]*.npz"))
    assert 3 <= len(finished) < 12
    assert not output.exists()
    stamps = {path: path.stat().st_mtime_ns for path in finished}
    steps = block_steps(job, store.load_model(tiny_model))
    seen = []
    for step in steps:
        seen.append(step)
        if step.total and step.done == 11:
            assert {path: path.stat().st_mtime_ns for path in finished} == stamps
    first = next(step for step in seen if step.total)
    assert first.done == len(finished)
    found = run(job, tiny_model)
    assert found.done_before
    assert_labels_are_those_in_memory(found, image, tiny_model)
    assert json.loads(json.dumps(found.recipe)) == found.recipe
