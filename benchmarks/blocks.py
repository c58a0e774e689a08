"""Images larger than memory: time, peak memory and equality with the labels in memory.

A mosaic of DSB2018 is made, and segmented block by block in a process of its own::

    python -m benchmarks.blocks stage1_train.zip --sides 4096 8192 16384 --json blocks.json
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from benchmarks.command import exit_status
from napari_nuclei import files
from napari_nuclei.core.metrics import score
from napari_nuclei.pipeline.blocks.ome_zarr import open_levels
from napari_nuclei.pipeline.datasets import Dataset, open_dataset
from napari_nuclei.pipeline.segment import segment

# With another estimate of the diameter each pixel would have another price.
_AS_IT_IS: dict[str, Any] = {"diameter_px": None}
PIECE_PX = 256
CHUNK_PX = 1024
EQUAL_SIDE_PX = 4096
# Peak memory is that of a process: each run has one of its own.
_CHILD = """
import json, sys, time
from benchmarks.fresh import peak_mb
from napari_nuclei import segment_blocks
image, output, scheduler, options = sys.argv[1:]
if __name__ == "__main__":
    started = time.perf_counter()
    found = segment_blocks(image, output, scheduler=scheduler or None, **json.loads(options))
    seconds = time.perf_counter() - started
    print(json.dumps({
        "seconds": round(seconds, 1),
        "peak_rss_gb": round(peak_mb() / 1e3, 2),
        "nuclei": found.n_nuclei,
        "diameter_px": found.diameter_px,
    }))
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run all and print a line for each."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("dataset", type=Path, help="stage1_train.zip, as Kaggle ships it")
    parser.add_argument("--sides", type=_side, nargs="+", default=[4096, 8192, 16384], metavar="PX")
    parser.add_argument("--workers", type=int, nargs="*", default=[1, 2], metavar="N")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures, too")
    args = parser.parse_args(arguments)
    return exit_status(lambda: _measure(args))


def _measure(args: argparse.Namespace) -> None:
    dataset = open_dataset(args.dataset)
    with tempfile.TemporaryDirectory() as folder:
        images = {side: Path(folder, f"{side}.zarr") for side in {*args.sides, EQUAL_SIDE_PX}}
        for side, path in images.items():
            write_mosaic(dataset, path, side)
        runs = [
            {"side_px": side} | _run(images[side], Path(folder), **_AS_IT_IS) for side in args.sides
        ]
        workers = [_run_on_cluster(images[EQUAL_SIDE_PX], Path(folder), n) for n in args.workers]
        equality = compare(images[EQUAL_SIDE_PX], Path(folder))
    record = {
        "runs": [run | _rate(run) for run in runs],
        "workers": workers,
        "equality": equality,
        "machine": {"processor": platform.machine(), "cores": os.cpu_count()},
    }
    print(json.dumps(record, indent=1))
    if args.json:
        files.write_text(args.json, json.dumps(record, indent=1) + "\n")


def _side(text: str) -> int:
    side_px = int(text)
    if side_px < PIECE_PX or side_px % PIECE_PX:
        raise argparse.ArgumentTypeError(f"{text} is no multiple of {PIECE_PX}")
    return side_px


def write_mosaic(dataset: Dataset, path: Path, side_px: int) -> None:
    """Fill a square uint8 Zarr array with pieces of the images, row by row."""
    mosaic = zarr.create_array(
        path, shape=(side_px, side_px), chunks=(CHUNK_PX, CHUNK_PX), dtype="uint8"
    )
    pieces = cycle(_pieces(dataset))
    for y in range(0, side_px, PIECE_PX):
        row = [next(pieces) for _ in range(side_px // PIECE_PX)]
        mosaic[y : y + PIECE_PX] = np.concatenate(row, axis=1)


def compare(image: Path, folder: Path) -> dict[str, Any]:
    """Compare blocks and memory on one image."""
    output = folder / "equal_labels.zarr"
    _run(image, folder, output=output)
    blocks = np.asarray(open_levels(output)[0][:], np.int32)
    memory = segment(np.asarray(zarr.open_array(image, mode="r")[:])).labels
    scores = score(memory, blocks)
    pairs = np.unique(np.stack([blocks, memory]).reshape(2, -1), axis=1)
    return {
        "side_px": EQUAL_SIDE_PX,
        "nuclei_in_blocks": int(blocks.max()),
        "nuclei_in_memory": int(memory.max()),
        "ap50": scores.ap50,
        "ap95": scores.ap[-1],
        "pixels_not_both_nucleus": int(np.count_nonzero((blocks > 0) != (memory > 0))),
        "nuclei_not_identical": int(pairs.shape[1] - 1 - memory.max()),
    }


def _pieces(dataset: Dataset) -> list[NDArray[np.uint8]]:
    pieces = []
    for item in dataset.items:
        grey = item.read_image()
        grey = grey if grey.ndim == 2 else grey.mean(axis=-1)
        height, width = (length // PIECE_PX * PIECE_PX for length in grey.shape)
        for y in range(0, height, PIECE_PX):
            for x in range(0, width, PIECE_PX):
                piece = grey[y : y + PIECE_PX, x : x + PIECE_PX]
                pieces.append(piece.astype(np.uint8))
    return pieces


def _run(
    image: Path, folder: Path, scheduler: str = "", output: Path | None = None, **options: Any
) -> dict[str, Any]:
    output = output or Path(tempfile.mkdtemp(dir=folder), "labels.zarr")
    command = [sys.executable, "-c", _CHILD, str(image), str(output), scheduler]
    command.append(json.dumps(options))
    root = Path(__file__).parents[1]
    done = subprocess.run(command, check=True, cwd=root, stdout=subprocess.PIPE, text=True)
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    print(image.stem, scheduler, result, flush=True)
    return result


def _run_on_cluster(image: Path, folder: Path, n_workers: int) -> dict[str, Any]:
    from distributed import LocalCluster

    with LocalCluster(n_workers=n_workers, threads_per_worker=1, dashboard_address=None) as cluster:
        run = _run(image, folder, cluster.scheduler_address, **_AS_IT_IS)
    return {"workers": n_workers, "side_px": EQUAL_SIDE_PX, "seconds": run["seconds"]}


def _rate(run: dict[str, Any]) -> dict[str, float]:
    return {"megapixels_per_s": round(run["side_px"] ** 2 / run["seconds"] / 1e6, 2)}


if __name__ == "__main__":
    sys.exit(main())
