"""The napari side: the only importer of napari and Qt."""
