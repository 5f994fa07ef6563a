"""How the world is put in order for a control, and how it is broken: what every story shares."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from accounts.models import Membership
from core.actor import Actor
from tenancy.context import Scope, scope
from tests import databases
from tests.make import accounts

ACTOR = Actor.system("tests")
owner = databases.as_owner


@dataclass
class World:
    """Organization a, and what pytest lends: its settings, its folder, its way to replace things."""

    tenant: UUID
    settings: Any
    folder: Path
    monkeypatch: Any


class Told:
    """How the world is put in order for a control, and how it is broken."""

    # Whether another connection changes the database, which then has to be made anew.
    commits = True

    def mend(self, world: World) -> None:
        """A new installation is in order."""

    def harm(self, world: World) -> None:
        """Nothing has to be done to the world."""


STORIES: dict[str, Told] = {}


def story(code: str) -> Callable[[type[Told]], type[Told]]:
    def keep(told: type[Told]) -> type[Told]:
        STORIES[code] = told()
        return told

    return keep


def old(table: str, column: str, days: int, where: str = "true") -> None:
    owner(f"UPDATE {table} SET {column} = now() - interval '{days} days' WHERE {where}")


# How far from now a control is asked after the harm.
SKEWED: dict[str, timedelta] = {}


def member(world: World, role: str = "billing_clerk", **values: Any) -> Membership:
    with scope(Scope(world.tenant)):
        made = accounts.member(role, **values)
        accounts.totp(made.user)
        return made
