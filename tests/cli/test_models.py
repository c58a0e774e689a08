from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conftest import Command

SHIPPED = "default  (ships with napari-nuclei)\n"


def test_a_model_goes_out_as_a_zip_and_comes_back(
    command: Command, tiny_model: Path, tmp_path: Path
) -> None:
    archive = tmp_path / "tiny.zip"
    assert command("models", "list").out == SHIPPED
    assert command("models", "import", tiny_model).out == "tiny: imported\n"
    assert command("models", "list").out.startswith(f"{SHIPPED}tiny  (made 20")
    assert command("models", "export", "tiny", archive).out == f"tiny: written to {archive}\n"
    assert command("models", "delete", "tiny").out == "tiny: deleted\n"
    assert command("models", "list").out == SHIPPED
    assert command("models", "import", archive).out == "tiny: imported\n"


def test_show_tells_what_is_known(command: Command, tiny_model: Path) -> None:
    command("models", "import", tiny_model)
    content = json.loads(command("models", "show", "tiny").out)
    assert content["name"] == "tiny"
    assert content["architecture"]["config"]["decoder_filters"] == [8, 8, 8, 8]
    assert content["thresholds"] == {"probability": 0.4, "separation": 0.6, "min_area_px": 9}
    assert content["provenance"]["licence"] == "CC0-1.0"
    assert content["bytes"] == (tiny_model / "weights.safetensors").stat().st_size


def test_deleting_what_is_not_there_is_one_line(command: Command) -> None:
    done = command("models", "delete", "default")
    assert (done.status, done.out, done.err.count("\n")) == (1, "", 1)
    assert done.err.startswith("napari-nuclei: error: default: not one of your own models")
