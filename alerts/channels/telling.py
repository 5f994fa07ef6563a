"""What is said of an alert, outside: what a rule looks for, how bad, how often, since when; never about whom."""

from uuid import UUID

from django.conf import settings

from alerts.models import Alert
from alerts.ocsf import Finding
from alerts.rules import BY_CODE
from core import ids
from tenancy import context
from tenancy.models import Tenant


def finding(alert_id: UUID) -> Finding:
    """Describe an alert of the organization in scope."""
    row = Alert.objects.get(pk=alert_id)
    rule = BY_CODE.get(row.rule)
    return Finding(
        id=row.pk,
        tenant_id=context.current_tenant(),
        rule=row.rule,
        title=rule.title if rule is not None else row.rule,
        severity=str(row.severity),
        count=row.count,
        first_at=row.first_seen_at,
        last_at=row.last_seen_at,
        url=f"{settings.PUBLIC_URL}/o/{slug()}/alerts/{ids.encode('alert', row.pk)}",
    )


def slug() -> str:
    """Return the name of the organization in scope as its addresses have it."""
    return str(Tenant.objects.values_list("slug", flat=True).get(pk=context.current_tenant()))
