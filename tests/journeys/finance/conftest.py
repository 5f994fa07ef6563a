"""The browser and the running product, as the browser tests have them."""

from tests.browser.conftest import browser, live

__all__ = ["browser", "live"]
