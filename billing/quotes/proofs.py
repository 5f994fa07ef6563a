"""What must hold of quotes, proved from nothing but their rows."""

from billing.ledger.queries import prove

prove(
    "number_missing_in_quotes",
    """
    SELECT c.id FROM billing_seriescounter c JOIN billing_series s ON s.tenant_id = c.tenant_id AND s.id = c.series_id
    WHERE c.tenant_id = %(tenant)s AND s.purpose = 'quote' AND c.last_sequence <> (
      SELECT count(*) FROM billing_quote q WHERE q.tenant_id = c.tenant_id AND q.series_id = c.series_id
        AND q.fiscal_year = c.fiscal_year AND q.sequence IS NOT NULL)""",
)
