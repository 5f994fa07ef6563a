"""Reviews of access: when the last was signed, and how far the open one has come. Read only: people review."""

from typing import Any

from django.http import HttpResponseBase
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import Permission
from api import fields, schema
from api.endpoint import Endpoint
from compliance import events
from compliance.reviews import queries
from compliance.reviews.queries import ReviewRow
from core import clock, ids
from edge import recording
from edge.access import access


class ShownReview(schema.Shown):
    """One review. `sha256` is the hash that was signed; it stands in the evidence pack as well."""

    id = fields.Id(kind="access_review")
    object = serializers.ChoiceField(choices=["access_review"])
    state = serializers.ChoiceField(choices=["open", "overdue", "signed"])
    begun_at = serializers.DateTimeField()
    due_on = serializers.DateField()
    lines = serializers.IntegerField()
    decided = serializers.IntegerField()
    kept = serializers.IntegerField()
    withdrawn = serializers.IntegerField()
    gone = serializers.IntegerField(help_text="What had ended before somebody decided.")
    signed_at = serializers.DateTimeField(allow_null=True)
    sha256 = serializers.CharField(help_text="Empty until it is signed.")


def write(row: ReviewRow) -> dict[str, Any]:
    """Write a review as it is shown."""
    return {
        "id": ids.encode("access_review", row.id),
        "object": "access_review",
        "state": row.state,
        "begun_at": row.begun_at,
        "due_on": row.due_on,
        "lines": row.lines,
        "decided": row.decided,
        "kept": row.kept,
        "withdrawn": row.withdrawn,
        "gone": row.gone,
        "signed_at": row.signed_at,
        "sha256": row.digest,
    }


@access(get=Permission.COMPLIANCE_READ)
class AccessReviews(Endpoint):
    """All reviews of access."""

    listed = "access_reviews"

    @schema.describe("access_reviews_list", "List reviews of access", gives=ShownReview, listed=True)
    def get(self, request: Request) -> Response:
        """Answer with a page of reviews, newest first."""
        page, _ = self.page()
        rows, after = queries.page(at=clock.now(), limit=page.limit, after=page.after)
        recording.read(self.edge, events.REVIEW_READ, subjects=[row.id for row in rows])
        return Response(page.answer([write(row) for row in rows], after))


@access(get=Permission.COMPLIANCE_READ)
class OneAccessReview(Endpoint):
    """One review of access."""

    @schema.describe("access_reviews_get", "Read about a review of access", gives=ShownReview)
    def get(self, request: Request, pk: str) -> HttpResponseBase:
        """Answer with the review."""
        row = queries.review(ids.decode("access_review", pk), at=clock.now())
        recording.read(self.edge, events.REVIEW_READ, subject=("access_review", row.id))
        return self.one(write(row))
