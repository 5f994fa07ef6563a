"""Reading the trail: pages for investigators, the state of its proof, and who has seen a record."""

from django.db import connections

_MONTHS = """
SELECT to_char(month, 'YYYY_MM') FROM generate_series(
  date_trunc('month', now() AT TIME ZONE 'UTC'), date_trunc('month', now() AT TIME ZONE 'UTC') + interval '1 month',
  interval '1 month') AS month
WHERE to_regclass('audit_event_' || to_char(month, 'YYYY_MM')) IS NULL
"""


def missing_months() -> list[str]:
    """Return this month and the next, as YYYY_MM, where they have no partition yet."""
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT to_regclass('audit_event') IS NULL")
        if cursor.fetchone() == (True,):
            return []
        cursor.execute(_MONTHS)
        return [month for (month,) in cursor.fetchall()]
