"""Bases of the management commands: a scope, an actor, `--json`, and an exit code that tells the truth."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, NoReturn

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError

from core.actor import Actor
from core.errors import Refusal
from tenancy import context
from tenancy.models import Tenant


class StrongboxCommand(BaseCommand):
    """A command prints for people, and with `--json` one object on its last line; it fails with a non-zero code.

    `run` returns the object. A refusal becomes one clear sentence. A result with `errors` or a truthy `failed`
    exits with 1 after the result is printed.
    """

    requires_migrations_checks = False
    requires_system_checks: ClassVar[list[str]] = []  # type: ignore[misc]  # `make check` and the server run them

    def add_arguments(self, parser: CommandParser) -> None:
        """Add `--json`."""
        parser.add_argument("--json", action="store_true", dest="as_json", help="print one JSON object last")

    @property
    def actor(self) -> Actor:
        """Name the command as the one who acts."""
        return Actor.system(f"command:{type(self).__module__.rpartition('.')[2]}")

    def say(self, text: str) -> None:
        """Print for people; with `--json` it goes to standard error, so that the last line stays the object."""
        (self.stderr if self._as_json else self.stdout).write(text)

    def handle(self, *args: Any, **options: Any) -> None:
        """Run, print, and exit.

        Raises:
            CommandError: the work was refused.
        """
        self._as_json: bool = options.pop("as_json", False)
        try:
            result = self.run(**options)
        except Refusal as refusal:
            self._fail(refusal.code, refusal.message)
        except OperationalError:
            self._fail("unavailable", "The database does not answer. Is the stack running (make run)?")
        except CommandError as error:
            self._fail("failed", str(error))
        if self._as_json:
            self.stdout.write(json.dumps(result, default=str))
        else:
            self.show(result)
        if result.get("errors") or result.get("failed"):
            sys.exit(1)

    def _fail(self, code: str, message: str) -> NoReturn:
        """Say what is wrong, as an object with `--json`, and exit with 1."""
        if not self._as_json:
            raise CommandError(message) from None
        self.stdout.write(json.dumps({"error": code, "message": message}))
        sys.exit(1)

    def show(self, result: dict[str, Any]) -> None:
        """Print the result for people, a line a value."""
        for name, value in result.items():
            self.stdout.write(f"{name.replace('_', ' ')}: {value}")

    def run(self, **options: Any) -> dict[str, Any]:
        """Do the work and return the object that `--json` prints."""
        raise TypeError(f"{type(self).__name__} does nothing")

    @contextmanager
    def organization(self, slug: str) -> Iterator[Tenant]:
        """Open the scope of one organization.

        Raises:
            CommandError: there is none of that name.
        """
        with context.system_scope(reason="a command names its organization by slug"):
            tenant = Tenant.objects.filter(slug=slug).first()
        if tenant is None:
            raise CommandError(f"There is no organization '{slug}'.")
        with context.scope(context.Scope(tenant.pk)):
            yield tenant

    def organizations(self, slug: str | None = None) -> list[Tenant]:
        """List every organization, or the one named.

        Raises:
            CommandError: there is none of that name.
        """
        with context.system_scope(reason="a command walks the organizations one by one"):
            rows = Tenant.objects.order_by("slug")
            found = list(rows.filter(slug=slug) if slug else rows)
        if slug and not found:
            raise CommandError(f"There is no organization '{slug}'.")
        return found


class TenantCommand(StrongboxCommand):
    """A command that works inside one organization, named by `--organization`."""

    def add_arguments(self, parser: CommandParser) -> None:
        """Add `--organization` and `--json`."""
        super().add_arguments(parser)
        parser.add_argument("--organization", required=True, metavar="SLUG", help="the organization's slug")

    def run(self, **options: Any) -> dict[str, Any]:
        """Open the organization's scope and do the work in it."""
        with self.organization(options.pop("organization")) as tenant:
            return self.run_in(tenant, **options)

    def run_in(self, tenant: Tenant, **options: Any) -> dict[str, Any]:
        """Do the work inside the organization's scope."""
        raise TypeError(f"{type(self).__name__} does nothing")
