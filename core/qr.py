"""A QR code as one path: no image to load, no inline style; drawn by a template or set on a document."""

from dataclasses import dataclass

import segno

_QUIET = 4  # modules of white around it (ISO/IEC 18004, 5.3.8)


@dataclass(frozen=True, slots=True)
class Code:
    """The side in modules, and the path of the dark ones."""

    side: int
    path: str

    def svg(self) -> str:
        """Write the code as an SVG document, black on nothing."""
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.side} {self.side}">'
            f'<path d="{self.path}"/></svg>'
        )


def draw(text: str) -> Code:
    """Draw a text in UTF-8 as a QR code with error correction M, no more and no less (EPC069-12 asks for M)."""
    made = segno.make(text, error="m", micro=False, boost_error=False, encoding="utf-8")
    rows = [list(row) for row in made.matrix_iter(border=_QUIET)]
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
