from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from napari_nuclei.model.store import load_model

if TYPE_CHECKING:
    from conftest import Command


def test_the_table_goes_to_the_output_and_the_progress_does_not(
    command: Command, pairs: Path, tiny_model: Path
) -> None:
    done = command("evaluate", pairs, "--model", tiny_model)
    header, overall, kind = done.out.splitlines()
    assert done.status == 0
    assert header.split()[-3:] == ["nuclei", "found", "images"]
    assert (overall.split()[0], overall.split()[-3], overall.split()[-1]) == ("all", "6", "3")
    assert kind.split()[0] == "image"
    progress = done.err.splitlines()
    assert [line.split()[0] for line in progress] == ["1/3", "2/3", "3/3"]
    assert [line.split()[-1] for line in progress] == ["a", "b", "c"]


def test_json_on_the_output_is_alone_there(command: Command, pairs: Path, tiny_model: Path) -> None:
    done = command("evaluate", pairs, "--model", tiny_model, "--json", "-")
    content = json.loads(done.out)
    assert content["model"] == {"name": "tiny", "sha256": load_model(tiny_model).sha256}
    assert content["overall"]["n_images"] == 3
    assert [image["id"] for image in content["images"]] == ["a", "b", "c"]


def test_json_and_pictures_go_to_files_beside_the_table(
    command: Command, pairs: Path, tiny_model: Path, tmp_path: Path
) -> None:
    target, pictures = tmp_path / "scores" / "all.json", tmp_path / "pictures"
    done = command(
        "evaluate", pairs, "--model", tiny_model, "--json", target, "--figures", pictures
    )
    assert done.out.splitlines()[1].startswith("all")
    assert json.loads(target.read_text())["overall"]["n_true"] == 6
    assert len(list(pictures.glob("*.png"))) == 3


def test_scores_are_there_even_if_the_pictures_cannot_be_drawn(
    command: Command, pairs: Path, tiny_model: Path, tmp_path: Path
) -> None:
    target, pictures = tmp_path / "all.json", tmp_path / "pictures"
    pictures.write_text("in the way")
    done = command(
        "evaluate", pairs, "--model", tiny_model, "--json", target, "--figures", pictures
    )
    assert done.status == 1
    assert done.out.splitlines()[1].startswith("all")
    assert json.loads(target.read_text())["overall"]["n_images"] == 3


def test_a_splits_file_chooses_the_images(
    command: Command, pairs: Path, tiny_model: Path, tmp_path: Path
) -> None:
    splits = tmp_path / "splits.csv"
    splits.write_text("image_id,kind,split\na,dark,train\nb,light,val\nc,dark,val\n")
    done = command("evaluate", pairs, "--splits", splits, "--model", tiny_model, "--json", "-")
    kinds = json.loads(done.out)["kinds"]
    assert {kind: figures["n_images"] for kind, figures in kinds.items()} == {"dark": 1, "light": 1}


def test_a_part_that_is_not_there_is_one_line(command: Command, pairs: Path) -> None:
    done = command("evaluate", pairs, "--split", "test")
    assert (done.status, done.out) == (1, "")
    assert done.err == f"napari-nuclei: error: {pairs} has no part 'test'; its parts: none.\n"
