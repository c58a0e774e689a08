"""``napari-nuclei models``: the models that are there, and those that others share."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from napari_nuclei.cli.arguments import Commands, add_command, add_group
from napari_nuclei.cli.quiet import preload_network_library
from napari_nuclei.model import store
from napari_nuclei.model.manifest import DEFAULT_NAME

if TYPE_CHECKING:
    import argparse


def add_to(commands: Commands) -> None:
    """Add the commands."""
    actions = add_group(commands, "models", "list, show, share and delete models")
    add_command(actions, "list", _list, "list the models that are there")
    for name, run, summary in (
        ("show", _show, "check a model and show what is known of it"),
        ("export", _export, "write a model to a zip file for others"),
        ("delete", _delete, "delete one of your own models"),
    ):
        parser = add_command(actions, name, run, summary)
        parser.add_argument("name", metavar="NAME")
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
        print(f"{model.name}  (made {model.provenance.get('created', 'at an unknown time')})")
    return 0


def _show(args: argparse.Namespace) -> int:
    preload_network_library(args.debug)
    model = store.load_model(args.name)
    content = {
        "name": model.name,
        "folder": str(model.folder),
        "sha256": model.sha256,
        "bytes": model.manifest.weights.bytes,
        "architecture": model.manifest.architecture,
        "thresholds": asdict(model.thresholds),
        "provenance": model.manifest.provenance,
    }
    print(json.dumps(content, indent=1))
    return 0


def _export(args: argparse.Namespace) -> int:
    preload_network_library(args.debug)
    store.export_model(args.name, args.zip)
    print(f"{args.name}: written to {args.zip}")
    return 0


def _import(args: argparse.Namespace) -> int:
    preload_network_library(args.debug)
    print(f"{store.import_model(args.zip).name}: imported")
    return 0


def _delete(args: argparse.Namespace) -> int:
    store.delete_model(args.name)
    print(f"{args.name}: deleted")
    return 0
