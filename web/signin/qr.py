"""A QR code as one path, drawn by the template: no image, no inline style, nothing to load."""

from dataclasses import dataclass

import segno

_QUIET = 4  # modules of white around it (ISO/IEC 18004, 5.3.8)


@dataclass(frozen=True, slots=True)
class Code:
    """The side in modules, and the path of the dark ones."""

    side: int
    path: str


def draw(text: str) -> Code:
    """Draw a text as a QR code with error correction M."""
    rows = [list(row) for row in segno.make(text, error="m", micro=False).matrix_iter(border=_QUIET)]
    runs: list[str] = []
    for y, row in enumerate(rows):
        x = 0
        while x < len(row):
            start = x
            while x < len(row) and row[x]:
                x += 1
            if x > start:
                runs.append(f"M{start} {y}h{x - start}v1h-{x - start}z")
            x += 1
    return Code(side=len(rows), path="".join(runs))
