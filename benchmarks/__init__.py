"""What measures napari-nuclei against its peers; not part of the test run (see README.md)."""
