"""Pure functions on arrays: images, tiles, targets, labels, measures; no files, no network."""
