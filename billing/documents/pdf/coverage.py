"""Which characters a document can show, and what becomes of the others.

Promise kept: any text whatever ends as characters that stand in our fonts. A PDF/A document may hold no character
without a glyph, no private one and none that turns the direction of writing, so a hostile text would otherwise
stop an invoice from being made, or read otherwise than it is.
"""

import struct
import unicodedata
from functools import cache
from pathlib import Path

FONTS = Path(__file__).with_name("fonts")
# In the order in which they are asked for a character.
FILES = ("inter-4.1.ttf", "heebo-3.100.ttf", "ibm-plex-sans-arabic-1.101-regular.ttf")
UNKNOWN = "\N{WHITE SQUARE}"


def showable(text: str) -> str:
    """Return a text with every character that the fonts lack replaced or left out; line ends stay."""
    if text.isascii() and text.isprintable():
        return text
    shown: list[str] = []
    base: frozenset[int] = frozenset()
    for letter in unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n")):
        category = unicodedata.category(letter)
        if letter == "\n":
            shown.append(letter)
            base = frozenset()
        elif category == "Cc" or category in ("Zs", "Zl", "Zp"):
            kept = letter if letter in " \u00a0\u202f" else " "
            shown.append(kept)
            base = frozenset()
        elif category == "Cf":
            continue  # joiners, marks of direction, tags: nothing of them is seen
        elif category[0] == "M":
            # A mark must come from the font of the letter it stands on: a cluster is never split among fonts.
            if ord(letter) in base:
                shown.append(letter)
        else:
            # What is private to a font means nothing to a reader, though the font may have a glyph for it.
            base = frozenset() if category == "Co" else _font_of(ord(letter))
            shown.append(letter if base else UNKNOWN)
    return "".join(shown)


def _font_of(code: int) -> frozenset[int]:
    """Return the characters of the first font that has this one; none when no font has."""
    return next((font for font in _fonts() if code in font), frozenset())


@cache
def _fonts() -> tuple[frozenset[int], ...]:
    return tuple(characters_of((FONTS / name).read_bytes()) for name in FILES)


def characters_of(font: bytes) -> frozenset[int]:
    """Return the characters a TrueType font has glyphs for (OpenType, cmap, formats 4 and 12)."""
    (tables,) = struct.unpack_from(">H", font, 4)
    records = (struct.unpack_from(">4sIII", font, 12 + 16 * index) for index in range(tables))
    start = next(offset for tag, _, offset, _ in records if tag == b"cmap")
    (subtables,) = struct.unpack_from(">H", font, start + 2)
    found: set[int] = set()
    for index in range(subtables):
        _, _, offset = struct.unpack_from(">HHI", font, start + 4 + 8 * index)
        (form,) = struct.unpack_from(">H", font, start + offset)
        if form == 4:
            found |= _segments(font, start + offset)
        elif form == 12:
            found |= _groups(font, start + offset)
    return frozenset(found)


def _segments(font: bytes, at: int) -> set[int]:
    (twice,) = struct.unpack_from(">H", font, at + 6)
    count = twice // 2
    ends = struct.unpack_from(f">{count}H", font, at + 14)
    starts = struct.unpack_from(f">{count}H", font, at + 16 + twice)
    deltas = struct.unpack_from(f">{count}H", font, at + 16 + 2 * twice)
    offsets_at = at + 16 + 3 * twice
    offsets = struct.unpack_from(f">{count}H", font, offsets_at)
    found: set[int] = set()
    for index, (first, last, delta, offset) in enumerate(zip(starts, ends, deltas, offsets, strict=True)):
        for code in range(first, last + 1):
            glyph = code
            if offset:
                (glyph,) = struct.unpack_from(
                    ">H", font, offsets_at + 2 * index + offset + 2 * (code - first)
                )
            if (glyph and (glyph + delta) % 65536) if offset else (code + delta) % 65536:
                found.add(code)
    return found - {0xFFFF}


def _groups(font: bytes, at: int) -> set[int]:
    (count,) = struct.unpack_from(">I", font, at + 12)
    found: set[int] = set()
    for index in range(count):
        first, last, glyph = struct.unpack_from(">III", font, at + 16 + 12 * index)
        found.update(range(first + (glyph == 0), last + 1))
    return found
