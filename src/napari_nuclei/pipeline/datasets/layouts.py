"""The three folder layouts: which one a data set has, and which files belong together.

========  =====================================================  =================================
Layout    Files                                                  Nuclei
========  =====================================================  =================================
kaggle    ``<id>/images/<id>.png`` and ``<id>/masks/*.png``      one 0/255 mask each
course    ``train|test/inputs/*`` and ``train|test/masks/*``     one 0/255 or 0/1 mask an image
pairs     ``images/*`` and ``labels/*`` or ``masks/*``           one label image an image
========  =====================================================  =================================

In the last two, a picture and its mask have the same name up to the suffix. One folder around it
all (``stage1_train/``) is looked through.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from napari_nuclei.errors import DatasetError
from napari_nuclei.pipeline.datasets.items import Item, make_item
from napari_nuclei.pipeline.datasets.labels import merge_masks, read_label_image, separate_mask
from napari_nuclei.pipeline.datasets.storage import Store, StoredFile

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

Layout = Literal["kaggle", "course", "pairs"]

_GROUPS = ("train", "test")


@dataclass(frozen=True)
class _Tree:
    """Folders (relative, without a final ``/``; the root is ``""``) and the files in each."""

    path: Path
    folders: dict[str, list[StoredFile]]

    def at(self, folder: str) -> list[StoredFile]:
        """Return the files of a folder.

        Raises
        ------
        DatasetError
            There is no such folder, nothing in it, or another folder, which nobody would read.
        """
        if not self.folders.get(folder):
            state = "is empty" if folder in self.folders else "is missing"
            raise DatasetError(
                f"{self.path / folder} {state}; an image needs both its picture and its masks."
            )
        for inner in self.folders:
            if inner.startswith(f"{folder}/"):
                raise DatasetError(
                    f"{self.path / inner} is a folder where only images are expected; move it away."
                )
        return self.folders[folder]

    def children(self) -> list[str]:
        """Return the folders directly below the root, sorted."""
        return sorted({folder.partition("/")[0] for folder in self.folders if folder})

    def below(self, folder: str) -> _Tree:
        """Return the part of the tree below one folder."""
        inside = {
            name[len(folder) :].lstrip("/"): files
            for name, files in self.folders.items()
            if name == folder or name.startswith(f"{folder}/")
        }
        return _Tree(self.path / folder, inside)


def find_items(store: Store) -> tuple[Layout, tuple[Item, ...]]:
    """Recognise the layout of a data set and pair its files.

    Parameters
    ----------
    store : Store
        The opened folder or archive.

    Returns
    -------
    layout : str
        ``"kaggle"``, ``"course"`` or ``"pairs"``.
    items : tuple of Item
        Sorted by id; sizes compared from the files' headers.

    Raises
    ------
    DatasetError
        No layout fits, a file has no counterpart, or two have the same id.
    """
    tree = _tree_of(store)
    if not any(tree.folders.values()):
        raise DatasetError(f"{store.path} is empty; give a folder or .zip with images and masks.")
    for candidate in _candidates(tree):
        for layout, (fits, collect) in _LAYOUTS.items():
            if fits(candidate):
                return layout, tuple(sorted(collect(candidate), key=lambda item: item.id))
    raise DatasetError(
        f"{store.path} has none of the known layouts: <id>/images + <id>/masks, "
        "train|test/inputs + train|test/masks, or images + labels or masks; arrange its files "
        "like one."
    )


def _tree_of(store: Store) -> _Tree:
    folders: dict[str, list[StoredFile]] = {"": []}
    for name in store.names():
        folder, _, file = name.rpartition("/")
        files = folders.setdefault(folder, [])
        if file:
            files.append(StoredFile(store, name))
    return _Tree(store.path, folders)


def _candidates(tree: _Tree) -> list[_Tree]:
    """Return the trees to try: inside the one folder around everything first, if there is one.

    A Kaggle archive of one image looks like that, too; there the picture has the folder's name. So
    does the course layout without its ``test``.
    """
    children = tree.children()
    if len(children) != 1 or _has_own_picture(tree, children[0]) or _is_course(tree):
        return [tree]
    return [tree.below(children[0]), tree]


def _has_own_picture(tree: _Tree, name: str) -> bool:
    return any(file.stem == name for file in tree.folders.get(f"{name}/images", ()))


def _is_pairs(tree: _Tree) -> bool:
    return not {"images", "labels", "masks"}.isdisjoint(tree.folders)


def _pairs_items(tree: _Tree) -> list[Item]:
    if "labels" in tree.folders and "masks" in tree.folders:
        raise DatasetError(
            f"{tree.path} has both labels/ and masks/ beside images/; keep the one with one id a "
            "nucleus."
        )
    labels = tree.at("masks" if "masks" in tree.folders else "labels")
    pairs = _pair(tree.at("images"), labels)
    return [make_item(image.stem, image, [label], read_label_image) for image, label in pairs]


def _is_course(tree: _Tree) -> bool:
    return any(f"{group}/inputs" in tree.folders for group in _GROUPS)


def _course_items(tree: _Tree) -> list[Item]:
    return [
        make_item(f"{group}/{image.stem}", image, [mask], separate_mask, group)
        for group in _GROUPS
        if group in tree.children()
        for image, mask in _pair(tree.at(f"{group}/inputs"), tree.at(f"{group}/masks"))
    ]


def _is_kaggle(tree: _Tree) -> bool:
    return any(_has_own_picture(tree, name) for name in tree.children())


def _kaggle_items(tree: _Tree) -> list[Item]:
    return [_kaggle_item(tree, name) for name in tree.children()]


def _kaggle_item(tree: _Tree, name: str) -> Item:
    pictures = tree.at(f"{name}/images")
    if len(pictures) > 1:
        raise DatasetError(f"{pictures[1]} is a second picture for {name}; keep one in images/.")
    if pictures[0].stem != name:
        raise DatasetError(
            f"{pictures[0]} should have the name of its folder, {name}; rename one of the two."
        )
    return make_item(name, pictures[0], tree.at(f"{name}/masks"), merge_masks)


def _pair(
    images: Sequence[StoredFile], labels: Sequence[StoredFile]
) -> list[tuple[StoredFile, StoredFile]]:
    """Pair pictures and label files by their stems, all of both."""
    image_of, label_of = _by_stem(images), _by_stem(labels)
    for stem in sorted(image_of.keys() ^ label_of.keys()):
        alone = image_of.get(stem) or label_of[stem]
        lacking, others = ("mask", labels) if stem in image_of else ("image", images)
        raise DatasetError(
            f"{alone} has no {lacking} of the same name (such as {others[0]}); add it, or remove "
            "this file."
        )
    return [(image_of[stem], label_of[stem]) for stem in image_of]


def _by_stem(files: Sequence[StoredFile]) -> dict[str, StoredFile]:
    found: dict[str, StoredFile] = {}
    for file in files:
        if file.stem in found:
            raise DatasetError(f"{file} has the same name as {found[file.stem]}; rename one.")
        found[file.stem] = file
    return found


_LAYOUTS: dict[Layout, tuple[Callable[[_Tree], bool], Callable[[_Tree], list[Item]]]] = {
    "pairs": (_is_pairs, _pairs_items),
    "course": (_is_course, _course_items),
    "kaggle": (_is_kaggle, _kaggle_items),
}
