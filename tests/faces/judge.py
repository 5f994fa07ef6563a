"""Judges pages that a browser shows, each shape once: what two pages share was judged with the first of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Page

from tests.browser import harness
from tests.browser.harness import DESK, NARROW, PHONE, TABLET


@dataclass
class Judge:
    """What was judged so far, and where pictures go."""

    pictures: Path | None = None
    known: tuple[set[int], set[int]] = field(default_factory=lambda: (set(), set()))
    kinds: set[str] = field(default_factory=set)
    shapes: int = 0

    def is_new(self, parts: tuple[int, int]) -> bool:
        """Say whether a page of this shape was judged before; from now on it was."""
        fresh = [part not in known for part, known in zip(parts, self.known, strict=True)]
        for part, known in zip(parts, self.known, strict=True):
            known.add(part)
        self.shapes += any(fresh)
        return any(fresh) or self.pictures is not None

    def faults(self, page: Page, name: str) -> list[str]:
        """Every rule at a desk, and on a phone what size and theme can change: one page begins light, the next dark."""
        page.evaluate("document.fonts.ready.then(() => true)")
        dark = self.shapes % 2 == 0
        harness.look(page, DESK, dark=dark)
        faults = harness.axe(page) + harness.small_targets(page) + harness.overflowing(page)
        found = [f"1440 wide, {_theme(dark=dark)}: {fault}" for fault in faults]
        faults = harness.turn(page, size=PHONE, dark=not dark)
        found += [f"360 wide, {_theme(dark=not dark)}: {fault}" for fault in faults]
        found += [fault for size in (NARROW, TABLET) for fault in _wide(page, size)]
        if self.pictures:
            self._photograph(page, self.pictures, name)
        harness.look(page, DESK, dark=False)
        return found

    def _photograph(self, page: Page, folder: Path, name: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for dark in (False, True):
            for size in (PHONE, DESK):
                harness.look(page, size, dark=dark)
                page.screenshot(path=folder / f"{name}-{_theme(dark=dark)}-{size[0]}.png", full_page=True)


def _theme(*, dark: bool) -> str:
    return "dark" if dark else "light"


def _wide(page: Page, size: tuple[int, int]) -> list[str]:
    page.set_viewport_size({"width": size[0], "height": size[1]})
    return [f"{size[0]} wide: {fault}" for fault in harness.overflowing(page)]
