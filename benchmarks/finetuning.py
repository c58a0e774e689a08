"""Fine-tune on a few corrected crops: what a minute gains on their kind, and what it costs others.

    python -m benchmarks.finetuning DATASET    # all of it, about an hour
    python -m benchmarks.finetuning DATASET --crops 3 --seeds 1

Crops of 256 x 256 px are cut from images of one kind of the split ``val``, with their true labels
in the place of a person's corrections; every seed draws other images. The tuned model is scored on
the images of that kind that gave no crop, and, for what it forgot, on those of another kind, as
`napari_nuclei.segment` is called by anybody: with an estimated diameter. What was done is kept: a
run that was stopped goes on.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.command import exit_status, make_parser
from napari_nuclei import files
from napari_nuclei.errors import RunError
from napari_nuclei.model import store
from napari_nuclei.pipeline.before_after import Figures, read_report
from napari_nuclei.pipeline.datasets import Item, open_dataset, read_splits
from napari_nuclei.pipeline.evaluate import evaluate
from napari_nuclei.pipeline.finetune import finetune
from napari_nuclei.pipeline.projects import Pair
from napari_nuclei.pipeline.segment import segment

if TYPE_CHECKING:
    import argparse

OUT = Path("runs", "bench-finetuning")
CROP_PX = 256
_HEADER = "| crops | AP50 before | after | mean AP before | after | forgotten AP50 | seconds |"


@dataclass(frozen=True)
class Outcome:
    """One fine-tuning.

    Attributes
    ----------
    crops, seed : int
    target_before, target_after : Figures
        On the images of the tuned kind that gave no crop.
    others_before, others_after : Figures
        On the images of the kind that the base model is good at.
    seconds : float
        Wall time of `finetune`.
    """

    crops: int
    seed: int
    target_before: Figures
    target_after: Figures
    others_before: Figures
    others_after: Figures
    seconds: float


class Scorer:
    """Scores models on images; what a model makes of an image is found out once.

    Parameters
    ----------
    items : sequence of Item
    """

    def __init__(self, items: Sequence[Item]) -> None:
        self._items = items
        self._known: dict[str, dict[str, Any]] = {}

    def __call__(self, model: store.Model, names: Sequence[str]) -> Figures:
        """Return the mean over the images of those names."""
        known = self._known.setdefault(model.sha256, {})
        missing = [item for item in self._items if item.id in names and item.id not in known]
        if missing:

            def segmenter(image: NDArray[Any]) -> NDArray[np.int32]:
                return segment(image, model).labels

            report = evaluate(missing, segmenter)
            known |= {image.id: image.scores for image in report.per_image}
        scores = [known[name] for name in names]
        return Figures(
            float(np.mean([one.mean_ap for one in scores])),
            float(np.mean([one.ap50 for one in scores])),
            sum(one.n_true for one in scores),
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is missing, print a table of all, write all figures."""
    args = _parser().parse_args(arguments)
    return exit_status(lambda: _tune_all(args))


def _tune_all(args: argparse.Namespace) -> None:
    dataset = open_dataset(args.dataset).select(read_splits(args.splits), "val")
    target = [item for item in dataset.items if item.kind == args.kind]
    others = [item for item in dataset.items if item.kind == args.others]
    outcomes = list(_outcomes(args, target, others))
    print("\n".join(_table(outcomes)))
    content = {
        "base": args.base or "default",
        "kind": args.kind,
        "others": args.others,
        "max_seconds": args.max_seconds,
        "outcomes": [asdict(outcome) for outcome in outcomes],
    }
    files.write_text(args.out / "finetuning.json", json.dumps(content, indent=1))


def _parser() -> argparse.ArgumentParser:
    parser = make_parser("finetuning", __doc__)
    parser.add_argument("--base", metavar="NAME|PATH", help="default: the shipped model")
    parser.add_argument("--kind", default="stained", help="what is tuned for (default: stained)")
    parser.add_argument("--others", default="fluorescence", help="default: fluorescence")
    parser.add_argument("--crops", type=int, nargs="+", default=[1, 2, 3, 5], metavar="N")
    parser.add_argument("--seeds", type=int, default=3, metavar="N")
    parser.add_argument("--max-seconds", type=float, default=60, metavar="S")
    parser.add_argument("-o", "--out", type=Path, default=OUT, help=f"default: {OUT}")
    return parser


def _outcomes(
    args: argparse.Namespace, target: Sequence[Item], others: Sequence[Item]
) -> Iterator[Outcome]:
    base = store.load_model(args.base)
    _claim(args, base)
    scorer = Scorer([*target, *others])
    for crops in args.crops:
        for seed in range(args.seeds):
            drawn = set(np.random.default_rng(seed).permutation(len(target))[:crops].tolist())
            pairs = [_crop(item, seed) for i, item in enumerate(target) if i in drawn]
            left = [item.id for i, item in enumerate(target) if i not in drawn]
            tuned, seconds = _tuned(args, pairs, crops, seed)
            kept = [item.id for item in others]
            outcome = Outcome(
                crops,
                seed,
                target_before=scorer(base, left),
                target_after=scorer(tuned, left),
                others_before=scorer(base, kept),
                others_after=scorer(tuned, kept),
                seconds=seconds,
            )
            print(json.dumps(asdict(outcome)), file=sys.stderr, flush=True)
            yield outcome


def _claim(args: argparse.Namespace, base: store.Model) -> None:
    """Note in a new folder what its models begin with, or refuse one of other models."""
    path = args.out / "recipe.json"
    recipe = {"base_sha256": base.sha256, "kind": args.kind, "max_seconds": args.max_seconds}
    if not args.out.exists() or not any(args.out.iterdir()):
        files.write_text(path, json.dumps(recipe, indent=1))
    elif not path.exists() or json.loads(path.read_text()) != recipe:
        raise RunError(f"{args.out}: its models are of another base, kind or time; choose another.")


def _tuned(
    args: argparse.Namespace, pairs: Sequence[Pair], crops: int, seed: int
) -> tuple[store.Model, float]:
    folder = args.out / f"crops-{crops}-seed-{seed}"
    known = read_report(folder / "report.json")
    if known is None or not known.is_complete:
        finetune(
            pairs,
            args.base,
            folder=folder,
            max_seconds=args.max_seconds,
            seed=seed,
            resume=(folder / "plan.json").exists(),
        )
        known = read_report(folder / "report.json")
    return store.load_model(folder / "model"), known.seconds if known else float("nan")


def _crop(item: Item, seed: int) -> Pair:
    """Cut the part with most of the nuclei out of a few places."""
    image, labels = item.read_image(), item.read_labels()
    rng = np.random.default_rng(seed)
    room = [max(0, length - CROP_PX) for length in labels.shape]
    corners = [tuple(int(rng.integers(0, most + 1)) for most in room) for _ in range(5)]
    windows = [(slice(y, y + CROP_PX), slice(x, x + CROP_PX)) for y, x in corners]
    window = max(windows, key=lambda w: len(np.unique(labels[w])))
    return Pair(item.id[:12], image[window], labels[window])


def _table(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Yield the lines of the table in docs/fine-tuning.md: mean and spread over the seeds."""
    yield _HEADER
    yield "|---|---|---|---|---|---|---|"
    for crops in sorted({outcome.crops for outcome in outcomes}):
        some = [outcome for outcome in outcomes if outcome.crops == crops]
        forgotten = [o.others_before.ap50 - o.others_after.ap50 for o in some]
        columns = [
            [o.target_before.ap50 for o in some],
            [o.target_after.ap50 for o in some],
            [o.target_before.mean_ap for o in some],
            [o.target_after.mean_ap for o in some],
            forgotten,
        ]
        cells = [f"{np.mean(column):.3f} ± {np.std(column):.3f}" for column in columns]
        seconds = f"{np.mean([o.seconds for o in some]):.0f}"
        yield f"| {crops} | {' | '.join(cells)} | {seconds} |"


if __name__ == "__main__":
    sys.exit(main())
