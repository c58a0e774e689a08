from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_nuclei.core.diameter import DiameterRange
from napari_nuclei.core.instances import InstanceOptions
from napari_nuclei.model.network import Network
from napari_nuclei.model.store import save_model
from napari_nuclei.model.unet import UNetConfig

if TYPE_CHECKING:
    from conftest import Command

TINY = UNetConfig((8, 8, 8, 8))

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


def test_show_tells_programs_all_that_is_known(command: Command, tiny_model: Path) -> None:
    command("models", "import", tiny_model)
    content = json.loads(command("models", "show", "tiny", "--json").out)
    assert content["name"] == "tiny"
    assert content["architecture"]["config"]["decoder_filters"] == [8, 8, 8, 8]
    assert content["thresholds"] == {"probability": 0.4, "separation": 0.6, "min_area_px": 9}
    assert content["diameters"] == {"smallest_px": 12.0, "largest_px": 46.0}
    assert content["provenance"]["licence"] == "CC0-1.0"
    assert content["bytes"] == (tiny_model / "weights.safetensors").stat().st_size


def test_show_tells_people_what_they_want_to_know(command: Command, tiny_model: Path) -> None:
    lines = command("models", "show", tiny_model).out.splitlines()
    words = dict(re.split(r"  +", line, maxsplit=1) for line in lines)
    assert words["name"] == "tiny"
    assert words["learnt from"] == "made up"
    assert words["nuclei"] == "12 to 46 px across; images with others are resized"
    assert words["thresholds"] == "probability 0.4, separation 0.6, at least 9 px"
    assert words["licence"] == "CC0-1.0"
    assert not {"notes", "base model", "held out"} & words.keys()


def test_show_and_list_tell_where_a_tuned_model_comes_from(
    command: Command, tiny_network: Any, tmp_path: Path
) -> None:
    change = {
        "before": {"mean_ap": 0.25, "ap50": 0.5, "nuclei": 7},
        "after": {"mean_ap": 0.5, "ap50": 0.75, "nuclei": 7},
    }
    save_model(
        tmp_path / "model",
        Network.of(tiny_network, TINY),
        name="liver",
        thresholds=InstanceOptions(),
        diameters=DiameterRange(12.0, 46.0),
        provenance={
            "base": {"name": "default", "sha256": "0123456789abcdef"},
            "notes": "H&E, scanner 2",
            "pairs": [{"name": "a"}, {"name": "b"}],
            "metrics": {"checked_nuclei": 41, "held_out": change, "base_domain": change},
        },
    )
    command("models", "import", tmp_path / "model")
    assert command("models", "list").out.endswith("H&E, scanner 2\n")
    shown = command("models", "show", "liver").out
    for words in (
        "H&E, scanner 2\n",
        "default (sha256 0123456789ab...)\n",
        "41 checked nuclei in 2 images\n",
        "mean AP 0.250 -> 0.500, AP50 0.500 -> 0.750 (7 nuclei)\n",
    ):
        assert words in shown


def test_what_a_stranger_wrote_gives_the_terminal_no_orders(
    command: Command, tiny_network: Any, tmp_path: Path
) -> None:
    save_model(
        tmp_path / "model",
        Network.of(tiny_network, TINY),
        name="liver",
        thresholds=InstanceOptions(),
        diameters=DiameterRange(12.0, 46.0),
        provenance={"notes": "\x1b[2J\x1b]0;owned\x07hello"},
    )
    command("models", "import", tmp_path / "model")
    for shown in (command("models", "list").out, command("models", "show", "liver").out):
        assert "hello\n" in shown
        assert not {"\x1b", "\x07"} & set(shown)


def test_a_model_gets_another_name(command: Command, tiny_model: Path) -> None:
    command("models", "import", tiny_model)
    assert command("models", "rename", "tiny", "small").out == "tiny: now named small\n"
    assert command("models", "list").out.startswith(f"{SHIPPED}small  (made 20")
    assert command("models", "show", "small").status == 0
    done = command("models", "rename", "small", "default")
    assert (done.status, done.err.count("\n")) == (1, 1)


def test_deleting_what_is_not_there_is_one_line(command: Command) -> None:
    done = command("models", "delete", "default")
    assert (done.status, done.out, done.err.count("\n")) == (1, "", 1)
    assert done.err.startswith("napari-nuclei: error: default: not one of your own models")
