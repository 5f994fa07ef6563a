"""Which holds stand."""

from collections.abc import Collection
from uuid import UUID

from django.db.models import Q

from compliance.retention.models import LegalHold


def standing(customer_ids: Collection[UUID]) -> bool:
    """Tell whether a hold keeps one of these customers, or everything."""
    covers = Q(customer_id__in=list(customer_ids)) | Q(customer_id__isnull=True)
    return LegalHold.objects.filter(covers, lifted_at__isnull=True).exists()
