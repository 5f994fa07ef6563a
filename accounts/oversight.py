"""Reads for those who watch over people: what waits for their decision, who is signed in, how strongly they sign in."""

from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from accounts import queries
from accounts.models import ApprovalRequest


def to_decide(user_id: UUID, *, at: datetime) -> QuerySet[ApprovalRequest]:
    """List the requests a person may decide, newest first: nobody decides their own."""
    return (
        queries.approvals(state=ApprovalRequest.State.PENDING)
        .filter(expires_at__gt=at)
        .exclude(requested_by=user_id)
    )
