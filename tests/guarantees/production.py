"""What production's settings are and answer: a program of its own, since one process has one set of settings.

`python -m tests.guarantees.production FOLDER` speaks as the app role to the database that the environment names,
collects the static files into FOLDER, and prints one JSON object.
"""

import contextlib
import io
import json
import os
import sys
from typing import Any

os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings.base"
# The suite's own environment, but for what makes it a demo on one machine.
os.environ |= {"STRONGBOX_PUBLIC_URL": "https://billing.example.com", "STRONGBOX_STATE_DIR": sys.argv[1]}

PAGES = {
    "login": "/login",
    "missing": "/nothing/here",
    "api": "/api/v1/customers",
    "health": "/healthz",
    "static": "",
}


def answers() -> dict[str, dict[str, Any]]:
    """Ask for one page of each kind, as a browser does over TLS."""
    from django.contrib.staticfiles.storage import staticfiles_storage
    from django.test import Client

    found = {}
    for name, path in PAGES.items():
        client = Client(raise_request_exception=False)
        url = path or staticfiles_storage.url("css/pages.css")
        response = client.get(url, secure=True, headers={"host": "billing.example.com"})
        found[name] = {
            "status": response.status_code,
            "headers": dict(response.headers),
            "cookies": {key: dict(morsel) for key, morsel in response.cookies.items()},
        }
    plain = Client().get("/login", headers={"host": "billing.example.com"})
    found["plain"] = {"status": plain.status_code, "headers": dict(plain.headers), "cookies": {}}
    return found


def main() -> None:
    """Print the findings."""
    import django
    from django.conf import settings
    from django.core.management import call_command, get_commands

    django.setup()
    call_command("collectstatic", interactive=False, verbosity=0)
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        call_command("check", deploy=True, fail_level="WARNING", stdout=said, stderr=said)
    wanted = ("DEBUG", "DEMO", "SILENCED_SYSTEM_CHECKS", "ALLOWED_HOSTS", "SESSION_COOKIE_NAME",
              "SESSION_COOKIE_SECURE", "SESSION_COOKIE_HTTPONLY", "SESSION_COOKIE_SAMESITE")  # fmt: skip
    result = {
        "check": said.getvalue().strip(),
        "commands": sorted(get_commands()),
        "settings": {name: getattr(settings, name) for name in wanted},
        "answers": answers(),
    }
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
