"""The napari side: the only importer of napari, Qt and magicgui."""
