"""One browser for all tests of this folder, and a server that shows the component page."""

import os
from collections.abc import Iterator

import pytest
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.test import override_settings
from django.test.testcases import LiveServerThread
from playwright.sync_api import Browser, sync_playwright

from tests.browser import harness
from tests.browser import live as whole


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Start the browser once and stop it after the last test of the folder.

    Playwright keeps an event loop in this thread, and Django would refuse the database beside it; the tests
    here speak to it in turn, never at once.
    """
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    try:
        with sync_playwright() as playwright:
            started = harness.launch(playwright)
            yield started
            started.close()
    finally:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture(scope="package")
def kit_url() -> Iterator[str]:
    """Serve the component page under the product's own headers; it needs no database."""
    settings = override_settings(
        ROOT_URLCONF="tests.browser.urls",
        MIDDLEWARE=[
            "edge.headers.SecurityHeadersMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
        ],
    )
    settings.enable()
    server = LiveServerThread("127.0.0.1", StaticFilesHandler, connections_override={})
    server.daemon = True
    server.start()
    server.is_ready.wait()
    try:
        assert server.error is None
        yield f"http://127.0.0.1:{server.port}/kit/"
    finally:
        server.terminate()
        settings.disable()


@pytest.fixture
def live(transactional_db: None) -> Iterator[whole.Live]:
    """Serve the whole product on a database of the test's own."""
    with whole.running() as address:
        yield whole.Live(address)
