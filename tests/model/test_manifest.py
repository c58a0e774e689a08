from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from napari_nuclei.core.diameter import DiameterRange
from napari_nuclei.core.instances import InstanceOptions
from napari_nuclei.errors import ModelError
from napari_nuclei.model import manifest
from napari_nuclei.model.manifest import Manifest, TensorSpec, WeightsFile
from napari_nuclei.model.unet import UNetConfig

SOURCE = Path("somewhere", "manifest.json")
EXAMPLE = Manifest(
    name="my nuclei",
    config=UNetConfig((8, 8, 8, 8), dropout=0.1),
    thresholds=InstanceOptions(0.4, 0.6, 9),
    diameters=DiameterRange(10, 46),
    provenance={"licence": "CC0-1.0", "metrics": {"dice": 0.93}, "base": None, "by": "Å 5 µm"},
    tensors=(
        TensorSpec("logits/bias", (3,), "float32"),
        TensorSpec("logits/kernel", (3, 3, 3, 40), "float16"),
    ),
    weights=WeightsFile("weights.safetensors", "0123456789abcdef" * 4, 1234),
    probe=(0.25, -1.5),
)
CONTENT = manifest.dumps(EXAMPLE)

Change = Callable[[dict[str, Any]], object]


def _sealed_anew(change: Change) -> bytes:
    """Return the example's content after a change by somebody who knows how to seal it."""
    document = json.loads(CONTENT)
    del document["manifest_sha256"]
    change(document)
    seal = manifest._seal(document)
    return json.dumps({**document, "manifest_sha256": seal}).encode()


def test_a_manifest_survives_writing_and_reading() -> None:
    assert manifest.loads(CONTENT, SOURCE) == EXAMPLE


def test_the_layout_of_the_document_does_not_matter() -> None:
    document = json.loads(CONTENT)
    compact = json.dumps(dict(reversed(document.items())), separators=(",", ":"))

    assert manifest.loads(compact.encode(), SOURCE) == EXAMPLE


def test_a_key_that_is_there_twice_is_refused() -> None:
    twice = CONTENT.replace(b'"name":', b'"name": "other", "name":', 1)
    assert twice != CONTENT
    with pytest.raises(ModelError, match="damaged"):
        manifest.loads(twice, SOURCE)


def test_the_architecture_tells_all_that_decides_the_network() -> None:
    assert EXAMPLE.architecture == {
        "id": "mobilenetv2-unet",
        "version": 1,
        "config": {"decoder_filters": [8, 8, 8, 8], "outputs": 3, "dropout": 0.1},
    }


@settings(deadline=None)
@given(st.integers(0, len(CONTENT) - 1), st.integers(0, 255))
def test_one_changed_byte_is_noticed_or_means_the_same(position: int, value: int) -> None:
    changed = bytearray(CONTENT)
    changed[position] = value
    try:
        read = manifest.loads(bytes(changed), SOURCE)
    except ModelError:
        return
    assert read == EXAMPLE


@pytest.mark.parametrize("length", range(0, len(CONTENT), 7))
def test_a_cut_manifest_is_noticed(length: int) -> None:
    with pytest.raises(ModelError, match="damaged") as caught:
        manifest.loads(CONTENT[:length], SOURCE)
    assert str(caught.value).startswith(str(SOURCE))


@settings(deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_any_other_json_is_refused(document: object) -> None:
    with pytest.raises(ModelError):
        manifest.loads(json.dumps(document).encode(), SOURCE)


@settings(deadline=None)
@given(
    st.sampled_from(sorted(json.loads(CONTENT).keys() - {"manifest_sha256"})),
    st.none() | st.booleans() | st.integers() | st.floats(-1e9, 1e9) | st.just([[]]),
)
def test_an_entry_of_another_kind_is_refused_whoever_sealed_it(key: str, value: Any) -> None:
    assume(json.dumps(value) != json.dumps(json.loads(CONTENT)[key]))

    with pytest.raises(ModelError):
        manifest.loads(_sealed_anew(lambda document: document.update({key: value})), SOURCE)


@pytest.mark.parametrize("version", [2, 999])
def test_a_newer_format_asks_for_an_update(version: int) -> None:
    content = _sealed_anew(lambda d: d.update(format=version))

    with pytest.raises(ModelError, match=r"made by a newer version: update napari-nuclei\.$"):
        manifest.loads(content, SOURCE)


@pytest.mark.parametrize("version", [0, -1, "1", 1.0, True, None])
def test_a_format_that_never_was_is_refused(version: object) -> None:
    content = _sealed_anew(lambda d: d.update(format=version))

    with pytest.raises(ModelError, match="its format is unknown"):
        manifest.loads(content, SOURCE)


@pytest.mark.parametrize("change", [{"id": "resnet-unet"}, {"version": 2}, {"version": 0}])
def test_an_unknown_network_asks_for_an_update(change: dict[str, Any]) -> None:
    content = _sealed_anew(lambda d: d["architecture"].update(change))

    with pytest.raises(ModelError, match="network unknown to this version: update"):
        manifest.loads(content, SOURCE)


def test_another_normalisation_asks_for_an_update() -> None:
    content = _sealed_anew(lambda d: d["normalisation"].update(low_percentile=1.0))

    with pytest.raises(ModelError, match="another normalisation of images: update"):
        manifest.loads(content, SOURCE)


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.update(extra=1),
        lambda d: d.pop("probe"),
        lambda d: d["architecture"].update(code="import os"),
        lambda d: d["thresholds"].update(probability="0.5"),
        lambda d: d["thresholds"].update(probability=1.5),
        lambda d: d["thresholds"].update(min_area_px=2.0),
        lambda d: d["thresholds"].update(min_area_px=True),
        lambda d: d["diameters"].update(smallest_px=47.0),
        lambda d: d["diameters"].update(smallest_px=0.0),
        lambda d: d["diameters"].update(largest_px=1e9),
        lambda d: d["diameters"].update(largest_px=46),
        lambda d: d.update(diameters=None),
        lambda d: d["tensors"][0].update(shape="3"),
        lambda d: d["tensors"][0].update(offset=0),
        lambda d: d["weights"].update(bytes=1234.0),
        lambda d: d["weights"].update(bytes=0),
        lambda d: d["weights"].update(sha256="0" * 63),
        lambda d: d["weights"].update(file="../weights.safetensors"),
        lambda d: d["probe"].append(1e30),
        lambda d: d.update(name="../up"),
        lambda d: d.update(provenance=[["licence", "CC0-1.0"]]),
    ],
)
def test_an_entry_that_is_wrong_is_refused_whoever_sealed_it(change: Change) -> None:
    with pytest.raises(ModelError):
        manifest.loads(_sealed_anew(change), SOURCE)


@pytest.mark.parametrize(
    "change",
    [
        {"decoder_filters": [8, 8, 8]},
        {"decoder_filters": [8, 8, 8, 0]},
        {"decoder_filters": [10**9, 8, 8, 8]},
        {"outputs": 1},
        {"dropout": 1.0},
        {"dropout": 10**400},
    ],
)
def test_a_network_that_is_too_large_or_impossible_is_refused(change: dict[str, Any]) -> None:
    content = _sealed_anew(lambda d: d["architecture"]["config"].update(change))

    with pytest.raises(ModelError):
        manifest.loads(content, SOURCE)


def test_json_that_is_too_deep_is_refused() -> None:
    with pytest.raises(ModelError, match="damaged"):
        manifest.loads(b"[" * 500_000, SOURCE)


@pytest.mark.parametrize("provenance", [{"dice": float("nan")}, {"when": object()}])
def test_provenance_that_json_cannot_hold_is_refused(provenance: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match="cannot be described in JSON"):
        manifest.dumps(replace(EXAMPLE, provenance=provenance))


@pytest.mark.parametrize(
    "name", ["a", "My nuclei", "run-3_best.v2", "x" * 64, "console", "COM10", "a.nul", "default"]
)
def test_a_name_that_can_be_a_folder_is_one(name: str) -> None:
    manifest.check_name(name)


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", ".hidden", "a/b", "a\\b", "C:", "a.", "a ", " a", "a\n", "x" * 65, "Å",
     "CON", "nul.txt", "aux .v2", "Com1", "lpt9.tar.gz"],
)  # fmt: skip
def test_a_name_that_cannot_be_a_folder_everywhere_is_refused(name: str) -> None:
    with pytest.raises(ModelError, match="model name"):
        manifest.check_name(name)


@pytest.mark.parametrize("name", ["default", "Default"])
def test_the_name_of_the_shipped_model_is_nobody_elses(name: str) -> None:
    with pytest.raises(ModelError, match=r"is that of the shipped model: choose another\.$"):
        manifest.check_own_name(name)


def test_any_other_name_can_be_that_of_an_own_model() -> None:
    manifest.check_own_name("default-2")
    with pytest.raises(ModelError, match="is not valid"):
        manifest.check_own_name("nul")
