from __future__ import annotations

import zipfile

import pytest

from napari_nuclei.errors import DatasetError
from napari_nuclei.pipeline.datasets import storage
from napari_nuclei.pipeline.datasets.storage import FolderStore, StoredFile, ZipStore, open_store


@pytest.fixture
def archive(tmp_path):
    """Return a function that writes a zip of the given names, each holding b"content"."""

    def write(*names):
        path = tmp_path / "data.zip"
        with zipfile.ZipFile(path, "w") as file:
            for name in names:
                file.writestr(name, b"content")
        return path

    return write


def test_folder_and_zip_list_and_read_the_same(tmp_path, archive):
    folder = tmp_path / "folder"
    (folder / "a" / "masks").mkdir(parents=True)
    (folder / "a" / "masks" / "1.PNG").write_bytes(b"content")
    stores = [open_store(folder), open_store(archive("a/", "a/masks/", "a/masks/1.PNG"))]
    for store in stores:
        assert store.names() == ["a/", "a/masks/", "a/masks/1.PNG"]
        file = StoredFile(store, "a/masks/1.PNG")
        assert (file.stem, file.suffix) == ("1", ".png")
        with file.open() as stream:
            assert stream.read() == b"content"


def test_leaves_out_what_operating_systems_leave_behind(archive):
    path = archive("a.png", ".DS_Store", "__MACOSX/a.png", "b/.hidden/c.png", "b/Thumbs.db")
    assert ZipStore(path).names() == ["a.png"]


def test_follows_links_but_not_in_circles(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "x.png").touch()
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "linked").symlink_to(tmp_path / "real")
    (tmp_path / "data" / "circle").symlink_to(tmp_path / "data")
    names = FolderStore(tmp_path / "data").names()
    assert "linked/x.png" in names
    assert max(name.rstrip("/").count("/") for name in names) == storage.MAX_DEPTH - 1


def test_missing_path_is_named(tmp_path):
    with pytest.raises(DatasetError, match=r"gone does not exist; give the data set's folder"):
        open_store(tmp_path / "gone")


def test_file_that_is_no_zip_is_named(tmp_path):
    (tmp_path / "data.zip").write_text("not an archive")
    with pytest.raises(DatasetError, match=r"data\.zip is not a readable zip archive"):
        open_store(tmp_path / "data.zip")


@pytest.mark.parametrize(
    "name", ["../x.png", "a/../../x.png", "/etc/x.png", "a\\x.png", "C:/x.png"]
)
def test_refuses_names_outside_the_archive(archive, name):
    with pytest.raises(DatasetError, match="unsafe file name"):
        ZipStore(archive("good.png", name))


def test_accepts_dots_within_a_name(archive):
    assert ZipStore(archive("a..b.png")).names() == ["a..b.png"]


@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
def test_refuses_a_name_that_is_there_twice(archive):
    with pytest.raises(DatasetError, match=r"a\.png is in the archive twice"):
        ZipStore(archive("a.png", "a.png"))


def test_refuses_absurd_declared_size_before_unpacking(archive, monkeypatch):
    monkeypatch.setattr(storage, "MAX_FILE_BYTES", len(b"content") - 1)
    with pytest.raises(DatasetError, match=r"a\.png declares 7 bytes, more than the 6"):
        ZipStore(archive("a.png"))


def test_refuses_an_encrypted_archive(archive):
    path = archive("a.png")
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1  # the flag in the central directory
    path.write_bytes(content)
    with pytest.raises(DatasetError, match=r"a\.png is encrypted"):
        ZipStore(path)
