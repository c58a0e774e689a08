"""``napari-nuclei finetune``: corrected images and a model to a better model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_nuclei.cli.arguments import Commands, add_command
from napari_nuclei.cli.quiet import preload_network_library
from napari_nuclei.pipeline.finetune import finetune
from napari_nuclei.pipeline.messages import EpochEnded, Finished, Message, Started
from napari_nuclei.pipeline.recipe import FinetuneOptions

if TYPE_CHECKING:
    import argparse

    from napari_nuclei.pipeline.before_after import BeforeAfter

_DEFAULTS = FinetuneOptions()
_RUN_KEEPS = ("base", "name", "notes", "seed")


def add_to(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands, "finetune", run, "make a model better at images whose nuclei you have corrected"
    )
    parser.add_argument(
        "pairs",
        metavar="PAIRS",
        help="project folder, or folder with images/ and labels/ (same names), and checked/ where "
        "only parts were checked",
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        metavar="RUN",
        help="folder of the training: its model, and a report with the scores before and after",
    )
    parser.add_argument(
        "--max-seconds",
        type=float,
        default=_DEFAULTS.max_seconds,
        metavar="S",
        help="time for all of it, once the network library is loaded (default: %(default)g)",
    )
    parser.add_argument(
        "--resume", action="store_true", help="go on where the training in RUN stopped"
    )
    _add_new_run(parser)


def run(args: argparse.Namespace) -> int:
    """Tune, printing a line an epoch and the verdict."""
    given = [name for name in _RUN_KEEPS if getattr(args, name) is not None]
    if args.resume and given:
        args.wrong_use(f"--resume goes on as the training began: leave out {', '.join(given)}")
    preload_network_library(args.debug)
    finetune(
        args.pairs,
        args.base,
        folder=args.output,
        name=args.name or "my-model",
        notes=args.notes or "",
        resume=args.resume,
        on_message=_print,
        max_seconds=args.max_seconds,
        seed=_DEFAULTS.seed if args.seed is None else args.seed,
    )
    return 0


def _add_new_run(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("new model")
    group.add_argument(
        "--base",
        metavar="NAME|PATH",
        help="model to begin with (default: the one that ships with napari-nuclei)",
    )
    group.add_argument("--name", metavar="NAME", help="name of the model (default: my-model)")
    group.add_argument("--notes", metavar="TEXT", help="kept with the model")
    group.add_argument(
        "--seed",
        type=int,
        metavar="N",
        help=f"same seed, same held-out part and same crops (default: {_DEFAULTS.seed})",
    )


def _print(message: Message) -> None:
    lines = _lines(message)
    if lines:
        print("\n".join(lines), flush=True)


def _lines(message: Message) -> list[str]:
    if isinstance(message, Started):
        return [
            f"{message.checked_nuclei} checked nuclei in {message.images} images, "
            f"{message.held_out_nuclei} of them held out; mean AP {message.before.mean_ap:.2f}  "
            f"AP50 {message.before.ap50:.2f}"
        ]
    if isinstance(message, EpochEnded):
        return [
            f"epoch {message.number}/{message.epochs}  loss {message.loss:.3f}  "
            f"held-out loss {message.val_loss:.3f}  mean AP {message.held_out.mean_ap:.2f}  "
            f"AP50 {message.held_out.ap50:.2f}  {message.seconds:.0f} s"
        ]
    if isinstance(message, Finished):
        report = message.report
        return [
            report.verdict,
            f"held out: {_change(report.held_out)}",
            f"bundled sample: {_change(report.base_domain)}",
            f"model: {message.model}  ({report.seconds:.0f} s)",
        ]
    return []


def _change(scores: BeforeAfter) -> str:
    before, after = scores.before, scores.after
    return (
        f"mean AP {before.mean_ap:.3f} -> {after.mean_ap:.3f}  "
        f"AP50 {before.ap50:.3f} -> {after.ap50:.3f}  ({before.nuclei} nuclei)"
    )
