"""What must hold between credit notes, what was given up, and the books, proved from nothing but their rows."""

from billing.ledger.queries import prove

prove(
    "credit_note_without_posting",
    """
    SELECT n.id FROM billing_creditnote n WHERE n.tenant_id = %(tenant)s AND 1 <> (
      SELECT count(*) FROM billing_ledgertransaction t WHERE t.tenant_id = n.tenant_id AND t.source_id = n.id
        AND t.kind = CASE WHEN n.imported_number IS NULL THEN 'credit_note_issued' ELSE 'credit_note_opening' END)""",
)
prove(
    "posting_without_credit_note",
    """
    SELECT id FROM billing_ledgertransaction t WHERE tenant_id = %(tenant)s AND kind LIKE 'credit_note%%'
      AND NOT EXISTS (
        SELECT 1 FROM billing_creditnote n WHERE n.tenant_id = t.tenant_id AND n.id = t.source_id)""",
)
prove(
    "credit_note_differs_from_posting",
    """
    SELECT n.id FROM billing_creditnote n JOIN billing_ledgertransaction t
      ON t.tenant_id = n.tenant_id AND t.source_id = n.id AND t.kind LIKE 'credit_note%%'
    CROSS JOIN LATERAL (
      SELECT coalesce(sum(amount_minor) FILTER (WHERE account = 'receivable'), 0) AS receivable,
             coalesce(sum(amount_minor) FILTER (WHERE account IN ('revenue', 'customer_deposits')), 0)
               AS revenue,
             coalesce(sum(amount_minor) FILTER (WHERE account = 'tax'), 0) AS tax,
             coalesce(sum(amount_minor) FILTER (WHERE account = 'rounding'), 0) AS rounded,
             coalesce(sum(amount_minor) FILTER (WHERE account = 'customer_credit'), 0) AS credit,
             coalesce(sum(amount_minor) FILTER (WHERE account = 'refunds'), 0) AS refunds,
             coalesce(sum(amount_minor) FILTER (WHERE account = 'opening_balance'), 0) AS opening,
             coalesce(bool_and(currency = n.currency AND customer_id = n.customer_id), false) AS own
      FROM billing_ledgerentry e WHERE e.tenant_id = t.tenant_id AND e.transaction_id = t.id) AS posted
    WHERE n.tenant_id = %(tenant)s AND NOT (own
      AND receivable = -n.offset_minor AND credit = -n.credit_minor AND refunds = -n.refund_minor
      AND revenue = CASE WHEN n.imported_number IS NULL THEN n.subtotal_minor ELSE 0 END
      AND rounded = CASE WHEN n.imported_number IS NULL THEN n.rounding_minor ELSE 0 END
      AND tax = CASE WHEN n.imported_number IS NULL THEN n.tax_minor ELSE 0 END
      AND opening = CASE WHEN n.imported_number IS NULL THEN 0 ELSE n.offset_minor + n.credit_minor END)""",
)
prove(
    "credited_differs_from_credit_notes",
    """
    SELECT i.id FROM billing_invoice i LEFT JOIN (
      SELECT invoice_id, sum(total_minor) AS noted, sum(offset_minor) AS credited FROM billing_creditnote
      WHERE tenant_id = %(tenant)s AND invoice_id IS NOT NULL GROUP BY invoice_id) AS n ON n.invoice_id = i.id
    WHERE i.tenant_id = %(tenant)s AND (
      i.noted_minor <> coalesce(n.noted, 0) OR i.credited_minor <> coalesce(n.credited, 0))""",
)
prove(
    "credit_note_differs_from_credit",
    """
    SELECT n.id FROM billing_creditnote n LEFT JOIN (
      SELECT credit_note_id, sum(amount_minor) AS given FROM billing_creditentry
      WHERE tenant_id = %(tenant)s AND cause = 'credit_note' AND credit_note_id IS NOT NULL
      GROUP BY credit_note_id) AS e ON e.credit_note_id = n.id
    WHERE n.tenant_id = %(tenant)s
      AND coalesce(e.given, 0) NOT BETWEEN n.credit_minor AND n.credit_minor + n.refund_minor""",
)
prove(
    "written_off_differs_from_rows",
    """
    SELECT i.id FROM billing_invoice i LEFT JOIN (
      SELECT invoice_id, sum(amount_minor) AS lost FROM billing_writeoff
      WHERE tenant_id = %(tenant)s GROUP BY invoice_id) AS w ON w.invoice_id = i.id
    WHERE i.tenant_id = %(tenant)s AND i.written_off_minor <> coalesce(w.lost, 0)""",
)
prove(
    "bad_debt_differs_from_invoices",
    """
    SELECT coalesce(i.customer_id, l.customer_id) FROM (
      SELECT customer_id, currency, sum(written_off_minor) AS lost FROM billing_invoice
      WHERE tenant_id = %(tenant)s AND written_off_minor <> 0 GROUP BY customer_id, currency) AS i
    FULL JOIN (
      SELECT customer_id, currency, sum(amount_minor) AS lost FROM billing_ledgerentry
      WHERE tenant_id = %(tenant)s AND account = 'bad_debt' GROUP BY customer_id, currency) AS l
      USING (customer_id, currency)
    WHERE coalesce(i.lost, 0) <> coalesce(l.lost, 0)""",
)
# What was billed ahead and is not used up: of every line of a deposit, and of every line that takes one off.
prove(
    "deposits_differ_from_invoices",
    """
    SELECT coalesce(i.customer_id, l.customer_id) FROM (
      SELECT i.customer_id, i.currency, sum(p.net_minor - coalesce(n.net_minor, 0)) AS held
      FROM billing_invoice i JOIN billing_invoiceline p ON p.tenant_id = i.tenant_id AND p.invoice_id = i.id
      LEFT JOIN billing_invoice d ON d.tenant_id = p.tenant_id AND d.id = p.deducts_id
      LEFT JOIN LATERAL (SELECT sum(c.net_minor) AS net_minor FROM billing_creditnoteline c
        WHERE c.tenant_id = p.tenant_id AND c.invoice_line_id = p.id) AS n ON true
      WHERE i.tenant_id = %(tenant)s AND i.role <> '' AND i.status = 'finalized'
        AND 'deposit' IN (i.role, d.role) GROUP BY i.customer_id, i.currency) AS i
    FULL JOIN (
      SELECT customer_id, currency, -sum(amount_minor) AS held FROM billing_ledgerentry
      WHERE tenant_id = %(tenant)s AND account = 'customer_deposits' GROUP BY customer_id, currency) AS l
      USING (customer_id, currency)
    WHERE coalesce(i.held, 0) <> coalesce(l.held, 0)""",
)
prove(
    "number_missing_in_series",
    """
    SELECT c.id FROM billing_seriescounter c JOIN billing_series s ON s.tenant_id = c.tenant_id AND s.id = c.series_id
    CROSS JOIN LATERAL (
      SELECT count(*) AS given FROM (
        SELECT sequence FROM billing_invoice WHERE tenant_id = c.tenant_id AND series_id = c.series_id
          AND fiscal_year = c.fiscal_year AND sequence IS NOT NULL
        UNION ALL SELECT sequence FROM billing_creditnote WHERE tenant_id = c.tenant_id
          AND series_id = c.series_id AND fiscal_year = c.fiscal_year) AS numbers) AS documents
    WHERE c.tenant_id = %(tenant)s AND s.purpose <> 'quote' AND documents.given <> c.last_sequence""",
)
