"""How an organization stands against a framework: each requirement by its worst control."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from compliance import frameworks
from compliance.controls import queries, registry, rules
from compliance.controls.queries import ControlRow
from compliance.controls.rules import Standing
from compliance.frameworks.rules import Framework, Requirement
from core.errors import NotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class RequirementRow:
    """A requirement, the controls that map to it, and where it stands; None: no control covers it."""

    requirement: Requirement
    label: str
    controls: Sequence[ControlRow]
    standing: Standing | None

    @property
    def is_live(self) -> bool:
        """Tell whether a machine decides at least part of it."""
        return any(row.control.is_live for row in self.controls)


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameworkRow:
    """A framework and the count of its requirements by where they stand."""

    framework: Framework
    requirements: Sequence[RequirementRow]

    @property
    def counts(self) -> dict[str, int]:
        """Count requirements by where they stand; `uncovered` has no control."""
        counted = {standing.value: 0 for standing in Standing} | {"uncovered": 0}
        for row in self.requirements:
            counted[row.standing.value if row.standing else "uncovered"] += 1
        return counted

    @property
    def failing_label(self) -> str:
        """Say what the count of failing requirements is of."""
        return f"{self.framework.name.removesuffix(' 164.')}: failing"

    @property
    def passing_label(self) -> str:
        """Say what the count of passing requirements is of."""
        return f"{self.framework.name.removesuffix(' 164.')}: checks passing"

    @property
    def live(self) -> int:
        """Count requirements that live checks decide."""
        return sum(row.is_live for row in self.requirements)

    @property
    def controls(self) -> list[ControlRow]:
        """List the controls behind it, each once."""
        found = {each.control.code: each for row in self.requirements for each in row.controls}
        return list(found.values())


def get(code: str, *, at: datetime) -> FrameworkRow:
    """Return a framework with each requirement.

    Raises:
        NotFound: there is no such framework.
    """
    framework = frameworks.of(code)
    if framework is None:
        raise NotFound
    return _row(framework, queries.rows(at=at))


def all_rows(*, at: datetime) -> list[FrameworkRow]:
    """List every framework with each requirement."""
    rows = queries.rows(at=at)
    return [_row(framework, rows) for framework in frameworks.ALL]


def unmapped() -> list[tuple[str, str, str]]:
    """List what controls map to and no framework holds; empty when all is right."""
    found = []
    for control in registry.controls():
        for code, requirement in control.maps:
            framework = frameworks.of(code)
            if framework is None or framework.requirement(requirement) is None:
                found.append((control.code, code, requirement))
    return found


def _row(framework: Framework, rows: Sequence[ControlRow]) -> FrameworkRow:
    by_requirement: dict[str, list[ControlRow]] = {}
    for row in rows:
        for code, requirement in row.control.maps:
            if code == framework.code:
                by_requirement.setdefault(requirement, []).append(row)
    return FrameworkRow(
        framework=framework,
        requirements=[
            RequirementRow(
                requirement=each,
                label=framework.label(each.id),
                controls=by_requirement.get(each.id, []),
                standing=rules.worst([row.standing for row in by_requirement.get(each.id, [])]),
            )
            for each in framework.requirements
        ],
    )
