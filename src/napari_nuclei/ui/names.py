"""Names of new layers."""

from __future__ import annotations

OWN = "napari_nuclei_own"
"""Key in the metadata of layers that are only there to be looked at: no choice offers them."""


def nuclei_name(image_name: str) -> str:
    """Return the name of the labels of an image, without saying "nuclei nuclei".

    Examples
    --------
    >>> nuclei_name("cells"), nuclei_name("small nuclei")
    ('cells nuclei', 'small nuclei labels')
    """
    is_said = image_name.casefold().endswith("nuclei")
    return f"{image_name} labels" if is_said else f"{image_name} nuclei"
