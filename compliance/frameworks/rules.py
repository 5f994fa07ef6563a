"""What a framework asks for, in our own words, and who answers for it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Duty(StrEnum):
    """Who answers for a requirement."""

    PRODUCT = "product"
    ORGANIZATION = "organization"
    SHARED = "shared"
    PROVIDER = "provider"


@dataclass(frozen=True, slots=True)
class Requirement:
    """One requirement. `id` is the standard's number where `checked`; elsewhere a control only maps to it."""

    id: str
    words: str
    duty: Duty = Duty.SHARED


@dataclass(frozen=True, slots=True, kw_only=True)
class Framework:
    """A standard or a law. `checked`: its numbers were compared with the official text, one by one."""

    code: str
    name: str
    edition: str
    about: str
    requirements: Sequence[Requirement]
    checked: bool = False

    def label(self, requirement: str) -> str:
        """Write a requirement as it may be printed: its number, or that something maps to it."""
        return f"{self.name} {requirement}" if self.checked else f"maps to {self.name} {requirement}"

    def requirement(self, wanted: str) -> Requirement | None:
        """Return a requirement by its number."""
        return next((each for each in self.requirements if each.id == wanted), None)
