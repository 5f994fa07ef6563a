"""Controls: what is checked, by what, and where each stands. Read only."""

from typing import Any
from uuid import UUID

from django.http import HttpResponseBase
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import Permission
from api import fields, schema
from api.endpoint import Endpoint
from compliance import events, frameworks
from compliance.controls import queries
from compliance.controls.queries import ControlRow
from compliance.controls.rules import FAMILIES, Standing
from core import clock, ids
from core.errors import NotFound
from edge import recording
from edge.access import access

_STANDINGS = [each.value for each in Standing]


class ShownMapping(schema.Shown):
    """What a control stands behind. `label` is the standard's number where it was compared, else "maps to"."""

    framework = serializers.CharField()
    requirement = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]


class ShownControl(schema.Shown):
    """One control. `state` is what people see of it; nothing here says that a law is met."""

    id = fields.Id(kind="control")
    object = serializers.ChoiceField(choices=["control"])
    code = serializers.CharField()
    title = serializers.CharField()
    family = serializers.ChoiceField(choices=list(FAMILIES))
    live = serializers.BooleanField(help_text="Decided by a machine; else people bring evidence.")
    state = serializers.ChoiceField(choices=_STANDINGS)
    summary = serializers.CharField(help_text="What the last run found; empty when it never ran.")
    checked_at = serializers.DateTimeField(allow_null=True)
    since = serializers.DateTimeField(allow_null=True)
    excepted_until = serializers.DateField(allow_null=True)
    evidence_until = serializers.DateField(allow_null=True)
    maps = ShownMapping(many=True)


def write(row: ControlRow, tenant_id: UUID) -> dict[str, Any]:
    """Write a control as it is shown."""
    return {
        "id": ids.encode("control", row.control.id_in(tenant_id)),
        "object": "control",
        "code": row.control.code,
        "title": row.control.title,
        "family": row.control.family,
        "live": row.control.is_live,
        "state": row.standing.value,
        "summary": row.summary,
        "checked_at": row.checked_at,
        "since": row.since,
        "excepted_until": row.excepted_until,
        "evidence_until": row.evidence_until,
        "maps": [
            {"framework": code, "requirement": requirement, "label": found.label(requirement)}
            for code, requirement in row.control.maps
            if (found := frameworks.of(code)) is not None
        ],
    }


@access(get=Permission.COMPLIANCE_READ)
class Controls(Endpoint):
    """All controls."""

    listed = "controls"
    filters = frozenset({"state"})

    @schema.describe(
        "controls_list",
        "List controls",
        gives=ShownControl,
        listed=True,
        filters=[("state", "Only those that stand so.")],
    )
    def get(self, request: Request) -> Response:
        """Answer with a page of controls, family by family."""
        page, filters = self.page()
        state = self.choice(filters, "state", _STANDINGS)
        rows = [row for row in queries.rows(at=clock.now()) if not state or row.standing.value == state]
        places = [row.control.id_in(self.tenant_id) for row in rows]
        first = places.index(page.after) + 1 if page.after in places else 0
        shown = rows[first : first + page.limit]
        more = first + page.limit < len(rows)
        recording.read(self.edge, events.CONTROLS_READ, facts={"controls": len(shown)})
        written = [write(row, self.tenant_id) for row in shown]
        return Response(page.answer(written, places[first + page.limit - 1] if more else None))


@access(get=Permission.COMPLIANCE_READ)
class OneControl(Endpoint):
    """One control."""

    @schema.describe("controls_get", "Read about a control", gives=ShownControl)
    def get(self, request: Request, pk: str) -> HttpResponseBase:
        """Answer with the control."""
        wanted = ids.decode("control", pk)
        rows = queries.rows(at=clock.now())
        row = next((row for row in rows if row.control.id_in(self.tenant_id) == wanted), None)
        if row is None:
            raise NotFound
        recording.read(self.edge, events.CONTROLS_READ, facts={"control": row.control.code})
        return self.one(write(row, self.tenant_id))
