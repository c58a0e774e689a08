from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_nuclei import paths
from napari_nuclei.core.diameter import DiameterRange
from napari_nuclei.core.instances import InstanceOptions
from napari_nuclei.errors import ModelError
from napari_nuclei.model import device, manifest, store, unet
from napari_nuclei.model.network import Network
from napari_nuclei.model.predictor import GpuPredictor
from napari_nuclei.model.unet import UNetConfig


@pytest.fixture(autouse=True)
def _nothing_in_memory() -> Iterator[None]:
    store._load.cache_clear()
    yield
    store._load.cache_clear()


def _own(model: Path, name: str = "tiny") -> Path:
    """Put a copy of a model among the user's own, under the name of its manifest or another."""
    folder = paths.user_models() / name
    shutil.copytree(model, folder)
    found = manifest.loads((folder / "manifest.json").read_bytes(), folder)
    (folder / "manifest.json").write_bytes(manifest.dumps(replace(found, name=name)))
    return folder


def _damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _names() -> list[str]:
    return [found.name for found in store.list_models()]


def _save(folder: Path, network: Any, **changes: Any) -> manifest.Manifest:
    config = changes.pop("config", UNetConfig((8, 8, 8, 8)))
    options = {
        "name": "mine",
        "thresholds": InstanceOptions(),
        "diameters": DiameterRange(10, 46),
        "provenance": {},
    }
    return store.save_model(folder, Network.of(network, config), **options | changes)


def test_a_saved_model_loads_as_it_was_saved(tiny_model: Path, tiny_network: Any) -> None:
    model = store.load_model(tiny_model)

    assert (model.name, model.folder) == ("tiny", tiny_model)
    assert model.thresholds == InstanceOptions(0.4, 0.6, 9)
    assert model.manifest.provenance["licence"] == "CC0-1.0"
    image = np.random.default_rng(0).random((1, 64, 64, 3), np.float32)
    # The kernels were rounded to float16.
    expected, actual = np.asarray(tiny_network(image)), model.network.logits(image)
    assert np.abs(actual - expected).mean() < 0.01 * expected.std()


def test_saving_adds_when_and_with_which_versions(tiny_model: Path) -> None:
    provenance = store.load_model(tiny_model).manifest.provenance

    assert provenance["created"].endswith("+00:00")
    assert provenance["versions"].keys() == {"napari-nuclei", "keras", "backend"}


def test_saving_returns_the_manifest_and_leaves_the_network_alone(
    tiny_network: Any, tmp_path: Path
) -> None:
    before = [variable.numpy() for variable in tiny_network.weights]

    saved = _save(tmp_path / "model", tiny_network, provenance={"shape": (128, 128)})

    assert saved == manifest.loads((tmp_path / "model" / "manifest.json").read_bytes(), tmp_path)
    assert all(map(np.array_equal, before, (v.numpy() for v in tiny_network.weights)))


def test_a_saved_model_never_replaces_another(tiny_model: Path, tiny_network: Any) -> None:
    before = {path: path.read_bytes() for path in tiny_model.iterdir()}

    with pytest.raises(ModelError, match="there is a model already"):
        _save(tiny_model, tiny_network)

    assert {path: path.read_bytes() for path in tiny_model.iterdir()} == before


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"name": "../mine"}, "model name"),
        ({"provenance": {"dice": float("nan")}}, "JSON"),
        ({"config": UNetConfig((8, 8, 8, 9))}, "belong to another network"),
    ],
)
def test_what_cannot_be_stored_is_refused_before_anything_is_written(
    changes: dict[str, Any], reason: str, tiny_network: Any, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match=reason):
        _save(tmp_path / "model", tiny_network, **changes)

    assert not (tmp_path / "model").exists()


def test_a_disk_that_is_full_leaves_no_model(
    tiny_network: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)

    with pytest.raises(ModelError, match="No space left"):
        _save(tmp_path / "model", tiny_network)

    assert list((tmp_path / "model").iterdir()) == []


def test_a_model_is_found_by_name_path_or_text_of_the_path(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = _own(tiny_model)
    monkeypatch.chdir(tiny_model.parent)

    assert store.load_model("tiny").folder == own
    assert store.load_model("./tiny").folder == tiny_model
    assert store.load_model(Path("tiny")).folder == tiny_model
    assert store.load_model(str(tiny_model)).folder == tiny_model


@pytest.mark.parametrize("name", [None, "default"])
def test_no_name_or_default_is_the_model_that_ships(
    name: str | None, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paths, "default_model", lambda: tiny_model)

    assert store.load_model(name).folder == tiny_model


def test_a_model_is_built_once(tiny_model: Path) -> None:
    assert store.load_model(tiny_model) is store.load_model(str(tiny_model))


def test_another_model_in_the_same_folder_is_loaded_anew(tiny_model: Path) -> None:
    folder = _own(tiny_model)
    before = store.load_model("tiny")
    changed = replace(before.manifest, thresholds=InstanceOptions(0.7))
    (folder / "manifest.json").write_bytes(manifest.dumps(changed))

    assert store.load_model("tiny").thresholds.probability == 0.7


def test_the_processor_predicts_where_it_is_chosen(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device, "_GPU_DRIVERS", (tiny_model,))
    monkeypatch.setattr(device, "_found_gpu", lambda: "Great Card")
    model = store.load_model(tiny_model)

    assert isinstance(model.predictor(2), GpuPredictor)
    assert isinstance(model.predictor(2, "auto"), GpuPredictor)
    assert model.predictor(2, "cpu") is model.network


def test_a_model_predicts_tiles(tiny_model: Path) -> None:
    maps = store.load_model(tiny_model).predictor(2).predict(np.zeros((1, 32, 32, 3), np.float32))

    assert maps.shape == (1, 32, 32, 3)


def test_the_sha256_is_that_of_the_weights_file(tiny_model: Path) -> None:
    content = (tiny_model / "weights.safetensors").read_bytes()

    assert store.load_model(tiny_model).sha256 == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("name", ["nobody", "../tiny", "a/b/c", "nul\0"])
def test_an_unknown_model_is_refused_with_the_known_ones(name: str, tiny_model: Path) -> None:
    _own(tiny_model)

    with pytest.raises(ModelError, match="no such model; choose one of default, tiny, or"):
        store.load_model(name)


@pytest.mark.parametrize("name", ["", "x" * 5000])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(ModelError):
        store.load_model(name)


def test_a_file_is_no_model_folder(tmp_path: Path) -> None:
    path = tmp_path / "model.zip"
    path.write_bytes(b"")

    with pytest.raises(ModelError, match="import this file first"):
        store.load_model(path)


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no model here \(manifest.json is missing\)"):
        store.load_model(tmp_path)


def test_missing_weights_are_named(tiny_model: Path) -> None:
    (_own(tiny_model) / "weights.safetensors").unlink()

    with pytest.raises(ModelError, match=r"no model here \(weights.safetensors is missing\)"):
        store.load_model("tiny")


@settings(deadline=None)
@given(data=st.data())
def test_one_changed_byte_in_the_weights_is_refused(
    data: Any, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("changed")
    shutil.copy(tiny_model / "manifest.json", folder)
    content = bytearray((tiny_model / "weights.safetensors").read_bytes())
    position = data.draw(st.integers(0, len(content) - 1))
    content[position] ^= data.draw(st.integers(1, 255))
    (folder / "weights.safetensors").write_bytes(content)

    with pytest.raises(ModelError, match=r"weights\.safetensors: damaged"):
        store.load_model(folder)
    shutil.rmtree(folder)


@pytest.mark.parametrize("share", [0, 0.3, 0.999])
@pytest.mark.parametrize("file", ["manifest.json", "weights.safetensors"])
def test_a_cut_file_is_refused(file: str, share: float, tiny_model: Path) -> None:
    path = _own(tiny_model) / file
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])

    with pytest.raises(ModelError, match=f"{file}: .*damaged"):
        store.load_model("tiny")


def test_white_space_in_the_manifest_does_not_matter(tiny_model: Path) -> None:
    path = _own(tiny_model) / "manifest.json"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))

    assert store.load_model("tiny").manifest == store.list_models()[0]


def test_a_newer_format_asks_for_an_update(tiny_model: Path) -> None:
    path = _own(tiny_model) / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 999}))

    with pytest.raises(ModelError, match="made by a newer version: update napari-nuclei"):
        store.load_model("tiny")


def test_the_users_models_are_listed_by_name(tiny_model: Path) -> None:
    for name in ("b", "a"):
        _own(tiny_model, name)
    (paths.user_models() / ".unfinished").mkdir()

    assert _names() == ["a", "b"]


def test_without_models_the_list_is_empty() -> None:
    assert store.list_models() == []


def test_a_damaged_model_is_left_out_of_the_list_and_logged(
    tiny_model: Path, caplog: pytest.LogCaptureFixture
) -> None:
    _own(tiny_model, "a")
    _damage(_own(tiny_model, "b") / "manifest.json")
    _own(tiny_model, "c").rename(paths.user_models() / "d")

    assert _names() == ["a"]
    assert len(caplog.records) == 2
    assert "its model is named c" in caplog.text


def test_a_deleted_model_is_gone(tiny_model: Path) -> None:
    _own(tiny_model, "a")
    _own(tiny_model, "b")

    store.delete_model("a")

    assert [path.name for path in paths.user_models().iterdir()] == ["b"]


@pytest.mark.parametrize("name", ["default", "nobody", "..", ".", "", "../outside"])
def test_only_the_users_own_models_can_be_deleted(name: str, tiny_model: Path) -> None:
    _own(tiny_model)
    outside = paths.user_models().parent / "outside"
    outside.mkdir()

    with pytest.raises(ModelError, match="not one of your own models"):
        store.delete_model(name)

    assert _names() == ["tiny"]
    assert outside.exists()


def test_a_model_is_found_by_its_weights_under_the_name_that_it_has_now(tiny_model: Path) -> None:
    sha256 = manifest.loads((tiny_model / "manifest.json").read_bytes(), tiny_model).weights.sha256
    assert store.present_name("gone", sha256) == "gone"
    for name in ("a", "b"):
        _own(tiny_model, name)
    assert store.present_name("b", sha256) == "b"
    assert store.present_name("gone", sha256) == "a"
    assert store.present_name("gone", "0" * 64) == "gone"
    assert store.present_name("default", sha256) == "default"


def test_a_renamed_model_has_the_same_weights_and_opens(tiny_model: Path) -> None:
    _own(tiny_model)

    assert store.rename_model("tiny", "small").name == "small"

    assert _names() == ["small"]
    assert store.load_model("small").sha256 == store.load_model(tiny_model).sha256
    assert store.load_model("small").manifest.provenance["licence"] == "CC0-1.0"


@pytest.mark.parametrize(
    ("name", "new_name", "message"),
    [
        ("tiny", "other", "a model of this name already"),
        ("tiny", "tiny", "a model of this name already"),
        ("tiny", "../out", "is not valid"),
        ("tiny", "Default", "that of the shipped model"),
        ("nobody", "new", "not one of your own models, which alone can be renamed"),
        ("default", "new", "not one of your own models, which alone can be renamed"),
    ],
)
def test_a_name_that_cannot_be_given_changes_nothing(
    name: str, new_name: str, message: str, tiny_model: Path
) -> None:
    _own(tiny_model)
    store.rename_model("tiny", "other")
    _own(tiny_model)

    with pytest.raises(ModelError, match=message):
        store.rename_model(name, new_name)

    assert _names() == ["other", "tiny"]


def test_an_exported_model_can_be_imported(tiny_model: Path, tmp_path: Path) -> None:
    store.export_model(tiny_model, tmp_path / "tiny.zip")

    imported = store.import_model(tmp_path / "tiny.zip")

    assert imported.name == "tiny"
    assert _names() == ["tiny"]
    for file in ("manifest.json", "weights.safetensors"):
        copy = paths.user_models() / "tiny" / file
        assert copy.read_bytes() == (tiny_model / file).read_bytes()


def test_a_folder_can_be_imported(tiny_model: Path) -> None:
    assert store.import_model(tiny_model).name == "tiny"
    assert _names() == ["tiny"]


def test_an_imported_model_does_not_replace_another(tiny_model: Path) -> None:
    own = _own(tiny_model)
    (own / "notes.txt").write_text("mine")

    with pytest.raises(ModelError, match="a model named tiny already"):
        store.import_model(tiny_model)

    assert (own / "notes.txt").read_text() == "mine"


def test_nobody_can_import_a_default_model(tiny_model: Path, tmp_path: Path) -> None:
    found = manifest.loads((tiny_model / "manifest.json").read_bytes(), tiny_model)
    shutil.copy(tiny_model / "weights.safetensors", tmp_path)
    (tmp_path / "manifest.json").write_bytes(manifest.dumps(replace(found, name="Default")))

    with pytest.raises(ModelError, match="a model named Default already"):
        store.import_model(tmp_path)


@pytest.mark.parametrize("step", [store.import_model, lambda path: store.export_model(path, path)])
def test_a_damaged_model_is_neither_imported_nor_exported(
    step: Callable[[Path], object], tiny_model: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "damaged"
    shutil.copytree(tiny_model, folder)
    _damage(folder / "weights.safetensors")

    with pytest.raises(ModelError, match=r"weights\.safetensors: damaged"):
        step(folder)

    assert not paths.user_models().exists()
    assert sorted(tmp_path.iterdir()) == [folder]


def test_a_full_disk_leaves_no_imported_model(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)

    with pytest.raises(ModelError, match="No space left"):
        store.import_model(tiny_model)

    assert list(paths.user_models().iterdir()) == []


def test_a_model_survives_its_way_through_disk_twice(tiny_model: Path, tmp_path: Path) -> None:
    model = store.load_model(tiny_model)

    network = model.network.to_keras()
    again = _save(tmp_path / "again", network, name="tiny")

    assert again.weights == model.manifest.weights
    assert again.tensors == model.manifest.tensors
    assert unet.named_weights(network).keys() == {t.name for t in again.tensors}
