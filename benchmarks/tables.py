"""Rows of text as a table for the terminal."""

from __future__ import annotations

from collections.abc import Sequence


def aligned(rows: Sequence[Sequence[str]], text_columns: int = 1) -> str:
    """Return rows of equal length in columns: the first ones to the left, figures to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]

    def cell(text: str, column: int) -> str:
        width = widths[column]
        return text.ljust(width) if column < text_columns else text.rjust(width)

    lines = ("  ".join(cell(text, column) for column, text in enumerate(row)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)
