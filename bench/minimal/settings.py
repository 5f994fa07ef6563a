"""Settings of the product, and the page."""

from config.settings.base import BASE_DIR, TEMPLATES
from config.settings.dev import *  # noqa: F403

ROOT_URLCONF = "bench.minimal.urls"
TEMPLATES[0]["DIRS"] = [*TEMPLATES[0]["DIRS"], BASE_DIR / "bench" / "minimal" / "templates"]
