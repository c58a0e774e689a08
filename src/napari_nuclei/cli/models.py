"""``napari-nuclei models``: the models that are there, and those that others share."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_nuclei.cli.arguments import Commands, add_command, add_group
from napari_nuclei.model import store
from napari_nuclei.model.manifest import DEFAULT_NAME

if TYPE_CHECKING:
    import argparse


def add_to(commands: Commands) -> None:
    """Add the commands."""
    actions = add_group(commands, "models", "list, show, rename, share and delete models")
    add_command(actions, "list", _list, "list the models that are there")
    for name, run, summary in (
        ("show", _show, "check a model and show what is known of it"),
        ("rename", _rename, "give one of your own models another name"),
        ("export", _export, "write a model to a zip file for others"),
        ("delete", _delete, "delete one of your own models"),
    ):
        parser = add_command(actions, name, run, summary)
        parser.add_argument("name", metavar="NAME")
        if run is _show:
            parser.add_argument("--json", action="store_true", help="all of it, for programs")
        if run is _rename:
            parser.add_argument("new_name", metavar="NEW")
        if run is _export:
            parser.add_argument("zip", type=Path, metavar="ZIP")
    parser = add_command(actions, "import", _import, "add a model to your own")
    parser.add_argument(
        "zip",
        type=Path,
        metavar="ZIP",
        help="as export wrote it, or a model folder such as RUN/model",
    )


def _list(args: argparse.Namespace) -> int:
    print(f"{DEFAULT_NAME}  (ships with napari-nuclei)")
    for model in store.list_models():
        notes = model.provenance.get("notes")
        made = f"made {model.provenance.get('created', 'at an unknown time')}"
        print(_plain(f"{model.name}  ({made})" + (f"  {notes}" if notes else "")))
    return 0


def _show(args: argparse.Namespace) -> int:
    model = store.load_model(args.name)
    print(json.dumps(_content(model), indent=1) if args.json else "\n".join(_describe(model)))
    return 0


def _content(model: store.Model) -> dict[str, Any]:
    return {
        "name": model.name,
        "folder": str(model.folder),
        "sha256": model.sha256,
        "bytes": model.manifest.weights.bytes,
        "architecture": model.manifest.architecture,
        "thresholds": asdict(model.thresholds),
        "diameters": asdict(model.diameters),
        "provenance": model.manifest.provenance,
    }


def _describe(model: store.Model) -> Iterator[str]:
    """Yield what a person wants to know, a line each; what is not known has none."""
    known = model.manifest.provenance
    thresholds, diameters = model.thresholds, model.diameters
    decoder = ", ".join(map(str, model.manifest.config.decoder_filters))
    lines = {
        "name": model.name,
        "notes": known.get("notes"),
        "made": known.get("created"),
        "base model": _base(known.get("base")),
        "learnt from": _data(known),
        "held out": _scores(known, "held_out"),
        "bundled sample": _scores(known, "base_domain"),
        "nuclei": f"{diameters.smallest_px:g} to {diameters.largest_px:g} px across; images with "
        "others are resized",
        "thresholds": f"probability {thresholds.probability:g}, separation "
        f"{thresholds.separation:g}, at least {thresholds.min_area_px} px",
        "network": f"U-Net on MobileNetV2, decoder of {decoder} filters",
        "licence": known.get("licence"),
        "folder": model.folder,
        "sha256": model.sha256,
    }
    width = max(map(len, lines))
    return (f"{name:<{width}}  {_plain(text)}" for name, text in lines.items() if text)


def _plain(text: object) -> str:
    """Return text of a stranger's model without what a terminal would take for a command."""
    return "".join(letter if letter.isprintable() else " " for letter in str(text))


def _base(base: Any) -> str | None:
    if isinstance(base, dict):
        return f"{base.get('name')} (sha256 {str(base.get('sha256'))[:12]}...)"
    return base if isinstance(base, str) else None


def _data(known: dict[str, Any]) -> str | None:
    try:
        metrics = known["metrics"]
        nuclei = metrics["checked_nuclei"]
        images = metrics.get("images") or len(known["pairs"])
        return f"{nuclei} checked nuclei in {images} images"
    # Written by a training from scratch, or by another program.
    except (LookupError, TypeError):
        return str(known["data"]) if known.get("data") else None


def _scores(known: dict[str, Any], part: str) -> str | None:
    """Return the scores before and after a fine-tuning."""
    try:
        before, after = (known["metrics"][part][when] for when in ("before", "after"))
        return (
            f"mean AP {before['mean_ap']:.3f} -> {after['mean_ap']:.3f}, AP50 "
            f"{before['ap50']:.3f} -> {after['ap50']:.3f} ({before['nuclei']} nuclei)"
        )
    except (LookupError, TypeError, ValueError):
        return None


def _rename(args: argparse.Namespace) -> int:
    store.rename_model(args.name, args.new_name)
    print(f"{args.name}: now named {args.new_name}")
    return 0


def _export(args: argparse.Namespace) -> int:
    store.export_model(args.name, args.zip)
    print(f"{args.name}: written to {args.zip}")
    return 0


def _import(args: argparse.Namespace) -> int:
    print(f"{store.import_model(args.zip).name}: imported")
    return 0


def _delete(args: argparse.Namespace) -> int:
    store.delete_model(args.name)
    print(f"{args.name}: deleted")
    return 0
