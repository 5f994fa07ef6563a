"""Somebody without a mouse: each stop of the Tab key is seen, and nothing lies over it (WCAG 2.4.7, 2.4.11)."""

import pytest
from playwright.sync_api import Page

_STOP = """() => {
  const it = document.activeElement;
  const style = getComputedStyle(it);
  const box = it.getBoundingClientRect();
  const points = [[.5, .5], [.1, .5], [.9, .5], [.5, .1], [.5, .9]];
  const free = points.some(([x, y]) => {
    const top = document.elementFromPoint(box.left + box.width * x, box.top + box.height * y);
    return top && (it.contains(top) || top.contains(it) || [...(it.labels ?? [])].some((label) => label.contains(top)));
  });
  const ring = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1;
  return {
    name: it.matches("input, select, textarea") ? `${it.name}=${it.value}` : it.textContent.trim(),
    lost: it === document.body || it === document.documentElement,
    faults: [ring ? "" : "no ring", free ? "" : "hidden"].filter(Boolean),
  };
}"""


class Keys:
    """Presses keys, and reaches for the mouse never."""

    def __init__(self, page: Page) -> None:
        self.page, self.faults = page, list[str]()
        page.mouse.click = None  # type: ignore[assignment]  # whoever reaches for the mouse fails

    def press(self, *keys: str) -> None:
        """Press one key after the other."""
        for key in keys:
            self.page.keyboard.press(key)

    def at(self) -> str:
        """Return what the keyboard is at: its words, or its name and value."""
        return str(self.page.evaluate(_STOP)["name"])

    def to(self, wanted: str, *, most: int = 120) -> None:
        """Go on with the Tab key until the keyboard is at something; it fails when it cannot be reached."""
        for _ in range(most):
            self.page.keyboard.press("Tab")
            stop = self.page.evaluate(_STOP)
            # Past the last stop is the window of the browser.
            if not stop["lost"]:
                self.faults += [f"{fault}: {stop['name'][:60]}" for fault in stop["faults"]]
            if stop["name"].startswith(wanted):
                return
        pytest.fail(f"the Tab key does not reach {wanted!r}")

    def go(self, wanted: str) -> None:
        """Go to a link or a button and press it; it leads to another page."""
        self.to(wanted)
        before = self.page.url
        # What the page writes into its own address leads nowhere.
        with self.page.expect_navigation(url=lambda url: url != before):
            self.page.keyboard.press("Enter")

    def type(self, field: str, text: str) -> None:
        """Go to a field and write into it."""
        self.to(field)
        self.page.keyboard.insert_text(text)
