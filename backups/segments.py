"""Places and names in PostgreSQL's stream of changes."""

import re

SEGMENT_BYTES = 16 * 1024 * 1024
_SEGMENTS_A_FILE = 0x100000000 // SEGMENT_BYTES
_SEGMENT = re.compile(r"[0-9A-F]{24}")
_HISTORY = re.compile(r"[0-9A-F]{8}\.history")


def is_segment(name: str) -> bool:
    """Tell whether this is the name of a segment: timeline, log and number."""
    return _SEGMENT.fullmatch(name) is not None


def is_history(name: str) -> bool:
    """Tell whether this is the name of a timeline's history."""
    return _HISTORY.fullmatch(name) is not None


def lsn(text: str) -> int:
    """Return a place in the stream of changes as a number."""
    high, _, low = text.partition("/")
    return (int(high, 16) << 32) + int(low, 16)


def segment_of(timeline: int, place: int) -> str:
    """Return the name of the segment in which a place stands."""
    number = place // SEGMENT_BYTES
    return f"{timeline:08X}{number // _SEGMENTS_A_FILE:08X}{number % _SEGMENTS_A_FILE:08X}"


def segment_end(name: str) -> int:
    """Return the place behind the last byte of a segment."""
    number = int(name[8:16], 16) * _SEGMENTS_A_FILE + int(name[16:24], 16)
    return (number + 1) * SEGMENT_BYTES
