"""How a state looks: a word, a shape and a tint; web.kit.status says which state has which."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Shape = Literal["hollow", "dot", "square", "diamond"]
Tint = Literal["neutral", "info", "ok", "warn", "bad", "person"]


@dataclass(frozen=True, slots=True)
class Status:
    """How one state of one kind of object is shown."""

    word: str
    shape: Shape
    tint: Tint


def idle(word: str) -> Status:
    """Something not started, or ended."""
    return Status(word, "hollow", "neutral")


def moving(word: str) -> Status:
    """Something in motion."""
    return Status(word, "dot", "info")


def good(word: str) -> Status:
    """Something in order."""
    return Status(word, "dot", "ok")


def care(word: str) -> Status:
    """Something that needs care."""
    return Status(word, "square", "warn")


def wrong(word: str) -> Status:
    """Something wrong."""
    return Status(word, "diamond", "bad")


def waits(word: str) -> Status:
    """Something that waits for somebody."""
    return Status(word, "square", "person")
