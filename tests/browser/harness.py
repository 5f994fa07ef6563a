"""A real browser judges a page: what axe finds, the console says, the policy blocked, and where it overflows.

Every function takes an address, so that any server can be behind it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, ConsoleMessage, Page, Playwright, Request, expect

# As long as clicks wait for their element: how busy a machine is says nothing about a page.
expect.set_options(timeout=60_000)

EXECUTABLE = "/usr/bin/chromium-headless-shell"
# Silent: the browser speaks to the page's server and to nobody else. A page lives for a second: compiling its scripts
# for speed takes longer than they run.
FLAGS = [
    "--js-flags=--no-opt --no-maglev",
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
AXE = Path(__file__).parent / "vendor" / "axe-4.14.1.min.js"
PHONE, NARROW, TABLET, DESK = (360, 800), (320, 640), (768, 1024), (1440, 900)
_RULES = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
# What another size or theme can change about elements that were judged before.
_SEEN = {"type": "rule", "values": ["color-contrast", "link-in-text-block", "scrollable-region-focusable"]}

_PARTS = "document.querySelectorAll('aside.side, body > dialog')"
# The form of each part of the frame; what a hidden field carries is not seen, and the nonce is another each time.
_FRAME = f"""() => [...{_PARTS}].map((part) => {{
  const copy = part.cloneNode(true);
  copy.querySelectorAll("input[type=hidden]").forEach((field) => field.removeAttribute("value"));
  copy.querySelectorAll("[hx-nonce]").forEach((element) => element.removeAttribute("hx-nonce"));
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  return [innerWidth, dark, document.documentElement.dataset.theme, copy.outerHTML].join(" ");
}})"""
# Every rule runs; of what passes it need not tell where, and only the faults leave the browser.
_AXE = f"""async ([rules, known]) => {{
  const parts = {_PARTS};
  const context = {{include: [document], exclude: known.map((place) => parts[place])}};
  const found = await axe.run(context, {{runOnly: rules, resultTypes: ["violations"]}});
  return found.violations.flatMap((fault) => fault.nodes.map((node) =>
    `${{fault.id}}: ${{node.target.join(" ")}} (${{node.failureSummary.split("\\n").at(-1).trim()}})`));
}}"""
_good: set[str] = set()


def launch(playwright: Playwright) -> Browser:
    """Start the browser of the system."""
    return playwright.chromium.launch(executable_path=EXECUTABLE, args=FLAGS)


@dataclass
class Watch:
    """What went wrong on a page while it was watched."""

    console: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def heard(self, message: ConsoleMessage) -> None:
        """Keep an error the console printed."""
        if message.type == "error":
            self.console.append(message.text)

    def missed(self, request: Request) -> None:
        """Keep what did not arrive; what the page still asked for when it was left is no fault of it."""
        if request.resource_type != "fetch" or request.failure != "net::ERR_ABORTED":
            self.failed.append(f"{request.url} {request.failure}")

    def forget(self) -> None:
        """Begin anew, for the next page."""
        for kind in (self.console, self.violations, self.failed):
            kind.clear()

    def faults(self) -> list[str]:
        """Return everything that should not have happened."""
        return self.console + self.violations + self.failed


# Set before any script of the page: a violation is reported by the document whatever caused it.
_LISTEN = """
window.__violations = [];
document.addEventListener("securitypolicyviolation", (event) => {
  window.__violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
});
"""


@contextmanager
def watched(
    browser: Browser,
    *,
    size: tuple[int, int] = DESK,
    dark: bool = False,
    cookies: list[dict[str, str]] | None = None,
    javascript: bool = True,
    many: bool = True,
) -> Iterator[tuple[Page, Watch]]:
    """Give a browser of one's own with an empty page, and watch what happens on it; `many` pages will be judged."""
    # bypass_csp stays off: the policy is part of what is judged.
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if dark else "light",
        reduced_motion="reduce",
        java_script_enabled=javascript,
        locale="en-GB",
        timezone_id="Europe/Berlin",
    )
    try:
        if cookies:
            context.add_cookies(cookies)  # type: ignore[arg-type]
        page, watch = context.new_page(), Watch()
        page.add_init_script(_LISTEN)
        if many:
            # The browser keeps what it compiled of it: handed in page by page it was a tenth of looking at one.
            page.add_init_script(path=AXE)
        page.on("console", watch.heard)
        page.on("pageerror", lambda error: watch.console.append(str(error)))
        page.on("requestfailed", watch.missed)
        yield page, watch
    finally:
        context.close()


@contextmanager
def opened(
    browser: Browser,
    url: str,
    *,
    size: tuple[int, int] = DESK,
    dark: bool = False,
    cookies: list[dict[str, str]] | None = None,
    javascript: bool = True,
) -> Iterator[tuple[Page, Watch]]:
    """Open an address and watch it until it is left."""
    with watched(browser, size=size, dark=dark, cookies=cookies, javascript=javascript, many=False) as (
        page,
        watch,
    ):
        _go(page, url)
        yield page, watch
        if javascript:
            leave(page, watch)


def visit(page: Page, url: str, *, size: tuple[int, int], dark: bool) -> list[str]:
    """Open an address and return what can be seen to be wrong with the page."""
    look(page, size, dark=dark)
    _go(page, url)
    return axe(page) + small_targets(page) + overflowing(page)


def turn(page: Page, *, size: tuple[int, int], dark: bool) -> list[str]:
    """Show the same page at another size and in the other theme, and return what is wrong with it there."""
    look(page, size, dark=dark)
    return axe(page, _SEEN) + small_targets(page) + overflowing(page)


def squeezed(page: Page, *, size: tuple[int, int]) -> list[str]:
    """Return what sticks out, or is cut, at another size of the same page."""
    page.set_viewport_size({"width": size[0], "height": size[1]})
    return [f"at {size[0]}: {fault}" for fault in overflowing(page) + cut(page)]


def cut(page: Page) -> list[str]:
    """Return words that do not fit where they stand: long ones of other languages, in a button or a tag."""
    return page.evaluate(
        """() => [...document.querySelectorAll(".button, .tag, .nav-item, h1, h2, dt, th, label, .languages a")]
          .filter((element) => element.checkVisibility() && !element.closest(".unseen, .table-region, .paper-region"))
          .filter((element) => element.scrollWidth > element.clientWidth + 1 && element.clientWidth > 1)
          .map((element) => `cut: ${element.tagName} ${element.textContent.trim().slice(0, 60)}`)"""
    )


def leave(page: Page, watch: Watch) -> None:
    """Note what the policy of the page blocked."""
    watch.violations += page.evaluate("window.__violations")


def look(page: Page, size: tuple[int, int], *, dark: bool) -> None:
    """Show the same page at a size and in a theme."""
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.emulate_media(color_scheme="dark" if dark else "light", reduced_motion="reduce")


def _go(page: Page, url: str) -> None:
    page.goto(url, wait_until="load")
    page.evaluate("document.fonts.ready.then(() => true)")


def axe(page: Page, rules: Mapping[str, object] = _RULES) -> list[str]:
    """Return every WCAG 2.2 A and AA fault axe finds, one line each: rule, element.

    The side and the dialogs are the same on page after page and more than half of it: a form of them that was found
    to be good at this size, in this theme, is left out.
    """
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text())
    forms = [f"{rules} {form}" for form in page.evaluate(_FRAME)]
    known = [place for place, form in enumerate(forms) if form in _good]
    faults: list[str] = page.evaluate(_AXE, [rules, known])
    if not faults:
        _good.update(forms)
    return faults


def broken(page: Page) -> list[str]:
    """Return figures that stand on more than one line: nobody reads an amount digit by digit."""
    return page.evaluate(
        """() => [...document.querySelectorAll(".numeric")]
          .filter((cell) => cell.checkVisibility() && !/\\s/.test(cell.innerText.trim()))
          .filter((cell) => {
            const range = document.createRange();
            range.selectNodeContents(cell);
            const tops = [...range.getClientRects()].map((box) => Math.round(box.bottom / 8));
            return Math.max(...tops) - Math.min(...tops) > 1;
          })
          .map((cell) => `broken: ${cell.textContent.trim()}`)"""
    )


def overflowing(page: Page) -> list[str]:
    """Return what sticks out to the side (WCAG 1.4.10); what stands in a region that scrolls may."""
    return broken(page) + page.evaluate(
        """() => {
          const wide = document.documentElement.clientWidth;
          if (document.documentElement.scrollWidth <= wide) return [];
          const holds = (element) => /(auto|scroll|hidden|clip)/.test(getComputedStyle(element).overflowX);
          const scrolls = (element) => element && (holds(element) || scrolls(element.parentElement));
          const right = (element) => element.getBoundingClientRect().right;
          return [...document.body.querySelectorAll("*")]
            .filter((element) => right(element) > wide + 0.5 && !scrolls(element.parentElement))
            .map((element) => `${element.tagName}.${element.getAttribute("class")} ${right(element)}`);
        }"""
    )


def small_targets(page: Page) -> list[str]:
    """Return controls smaller than 24 by 24 CSS pixels that do not stand in running text (WCAG 2.5.8)."""
    return page.evaluate(
        """() => [...document.querySelectorAll("a[href], button, input, select, textarea, summary")]
          .filter((element) => element.checkVisibility({visibilityProperty: true, opacityProperty: true}))
          .filter((element) => !element.closest("p, .unseen, li:not([class])") && element.type !== "hidden")
          .map((element) => [element, element.getBoundingClientRect()])
          .filter(([, box]) => box.width > 0 && (box.width < 24 || box.height < 24))
          .filter(([element]) => !["checkbox", "radio"].includes(element.type))
          .map(([element, box]) => `${element.textContent.trim()} ${box.width}x${box.height}`)"""
    )


def photograph(browser: Browser, url: str, folder: Path, name: str) -> list[Path]:
    """Take the four pictures a person looks at: light and dark, phone and desk."""
    folder.mkdir(parents=True, exist_ok=True)
    pictures = []
    for dark in (False, True):
        for size in (PHONE, DESK):
            picture = folder / f"{name}-{'dark' if dark else 'light'}-{size[0]}.png"
            with opened(browser, url, size=size, dark=dark) as (page, _):
                page.evaluate("document.activeElement?.blur(); window.scrollTo(0, 0)")
                page.screenshot(path=picture, full_page=True)
            pictures.append(picture)
    return pictures
