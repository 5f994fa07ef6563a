"""Tables as people bring them along."""

import io
import zipfile

import openpyxl

HEADS = ("Firma", "E-Mail", "Straße", "PLZ", "Ort", "Land", "USt-IdNr.", "Kundennummer", "Zahlungsziel")


def people(count: int, *, first: int = 1) -> list[list[str]]:
    """Rows of as many customers."""
    return [
        [f"Kunde {n} GmbH", f"k{n}@kunde.example", f"Weg {n}", "1010", "Wien", "at", "", f"K-{n:05}", "30"]
        for n in range(first, first + count)
    ]


def csv_file(rows, *, heads=HEADS, delimiter=";", encoding="utf-8") -> bytes:
    """Write a CSV file."""
    return "\n".join(delimiter.join(row) for row in [list(heads), *rows]).encode(encoding)


def workbook(rows, *, heads=HEADS) -> bytes:
    """Write an Excel workbook as Excel would."""
    book = openpyxl.Workbook()
    sheet = book.active
    for row in [list(heads), *rows]:
        sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def bomb(size: int) -> bytes:
    """A workbook whose one sheet unpacks to so many bytes."""
    out = io.BytesIO(workbook([["x"]], heads=("name",)))
    with (
        zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED) as parts,
        parts.open("xl/media/big.bin", "w") as part,
    ):
        for _ in range(size // 1_000_000):
            part.write(b"\0" * 1_000_000)
    return out.getvalue()
