"""What must hold between payments and the books, proved anew from nothing but their rows (`ledger_check`)."""

from billing.ledger.queries import prove

# Everything of a payment that was posted: the payment itself, its refunds, its disputes.
_POSTED = """
    SELECT own.payment_id, t.kind, t.source_id, e.account, e.currency, e.amount_minor
    FROM (
      SELECT id AS payment_id, id AS source_id FROM payments_payment WHERE tenant_id = %(tenant)s
      UNION ALL SELECT payment_id, id FROM payments_refund WHERE tenant_id = %(tenant)s
      UNION ALL SELECT payment_id, id FROM payments_dispute WHERE tenant_id = %(tenant)s
    ) AS own
    JOIN billing_ledgertransaction t ON t.tenant_id = %(tenant)s AND t.source_id = own.source_id
    JOIN billing_ledgerentry e ON e.tenant_id = t.tenant_id AND e.transaction_id = t.id"""
_SOURCES = """
    SELECT id FROM payments_payment WHERE tenant_id = %(tenant)s
    UNION ALL SELECT id FROM payments_refund WHERE tenant_id = %(tenant)s
    UNION ALL SELECT id FROM payments_dispute WHERE tenant_id = %(tenant)s"""
_CASH = "('bank', 'gateway')"

prove(
    "payment_without_posting",
    """
    SELECT p.id FROM payments_payment p WHERE p.tenant_id = %(tenant)s
      AND (p.captured_minor > 0)::int <> (
        SELECT count(*) FROM billing_ledgertransaction t
        WHERE t.tenant_id = p.tenant_id AND t.source_id = p.id AND t.kind = 'payment_received')""",
)
prove(
    "posting_without_payment",
    f"""
    SELECT id FROM billing_ledgertransaction WHERE tenant_id = %(tenant)s AND source_id IS NOT NULL
      AND (kind LIKE 'payment%%' OR kind LIKE 'refund%%' OR kind LIKE 'dispute%%')
      AND source_id NOT IN ({_SOURCES})""",  # noqa: S608  constants only
)
prove(
    "captured_differs_from_posting",
    f"""
    SELECT p.id FROM payments_payment p JOIN (
      SELECT source_id, sum(amount_minor) AS came, min(currency) AS currency FROM ({_POSTED}) AS posted
      WHERE kind = 'payment_received' AND account IN {_CASH} GROUP BY source_id) AS c ON c.source_id = p.id
    WHERE p.tenant_id = %(tenant)s AND (p.captured_minor <> c.came OR p.currency <> c.currency)""",  # noqa: S608
)
# What a payment put onto invoices and left as credit is what its postings say, whatever moved since between the two.
prove(
    "payment_differs_from_settlement",
    f"""
    SELECT p.id FROM payments_payment p LEFT JOIN (
      SELECT payment_id, sum(amount_minor) AS posted FROM ({_POSTED}) AS posted
      WHERE account IN ('receivable', 'customer_credit') AND kind <> 'refund_to_credit'
      GROUP BY payment_id) AS l ON l.payment_id = p.id
    LEFT JOIN (
      SELECT payment_id, sum(amount_minor) AS held FROM (
        SELECT payment_id, amount_minor FROM billing_allocation WHERE tenant_id = %(tenant)s
        UNION ALL SELECT payment_id, amount_minor FROM billing_creditentry WHERE tenant_id = %(tenant)s
          AND cause NOT IN ('credit_note', 'expired')
      ) AS parts GROUP BY payment_id) AS s ON s.payment_id = p.id
    WHERE p.tenant_id = %(tenant)s AND coalesce(l.posted, 0) <> -coalesce(s.held, 0)""",  # noqa: S608
)
prove(
    "payment_left_less_than_nothing",
    """
    SELECT payment_id FROM billing_creditentry WHERE tenant_id = %(tenant)s
    GROUP BY payment_id, currency HAVING sum(amount_minor) < 0
    UNION SELECT payment_id FROM billing_allocation WHERE tenant_id = %(tenant)s
    GROUP BY payment_id, invoice_id HAVING sum(amount_minor) < 0""",
)
prove(
    "refunds_differ_from_payment",
    """
    SELECT p.id FROM payments_payment p LEFT JOIN (
      SELECT payment_id,
        coalesce(sum(amount_minor) FILTER (WHERE state = 'succeeded'), 0) AS gone,
        coalesce(sum(amount_minor) FILTER (
          WHERE state IN ('pending_approval', 'pending', 'sent', 'unknown')), 0) AS going
      FROM payments_refund WHERE tenant_id = %(tenant)s GROUP BY payment_id) AS r ON r.payment_id = p.id
    WHERE p.tenant_id = %(tenant)s AND (p.refunded_minor <> coalesce(r.gone, 0)
      OR p.refunding_minor <> coalesce(r.going, 0)
      OR p.refunded_minor + p.refunding_minor + p.reversed_minor > p.captured_minor)""",
)
prove(
    "refund_differs_from_posting",
    f"""
    SELECT r.id FROM payments_refund r LEFT JOIN (
      SELECT source_id, -sum(amount_minor) AS gone FROM ({_POSTED}) AS posted
      WHERE account IN {_CASH} AND kind LIKE 'refund%%' GROUP BY source_id) AS l ON l.source_id = r.id
    WHERE r.tenant_id = %(tenant)s
      AND coalesce(l.gone, 0) <> CASE r.state WHEN 'succeeded' THEN r.amount_minor ELSE 0 END""",  # noqa: S608
)
prove(
    "dispute_differs_from_posting",
    f"""
    SELECT d.id FROM payments_dispute d LEFT JOIN (
      SELECT source_id, coalesce(sum(amount_minor) FILTER (WHERE account = 'disputed'), 0) AS there,
        coalesce(sum(amount_minor) FILTER (WHERE account = 'gateway'), 0) AS gateway
      FROM ({_POSTED}) AS posted WHERE kind LIKE 'dispute%%' GROUP BY source_id) AS l ON l.source_id = d.id
    WHERE d.tenant_id = %(tenant)s AND (
      coalesce(l.there, 0) <> CASE WHEN d.state IN ('needs_response', 'under_review')
        THEN d.amount_minor ELSE 0 END
      OR coalesce(l.gateway, 0) <> CASE WHEN d.state = 'won' THEN 0 ELSE -d.amount_minor END)""",  # noqa: S608
)
prove(
    "succeeded_differs_from_attempts",
    """
    SELECT p.id FROM payments_payment p WHERE p.tenant_id = %(tenant)s AND p.account_id IS NOT NULL
      AND (p.captured_minor > 0)::int <> (
        SELECT count(*) FROM payments_attempt a
        WHERE a.tenant_id = p.tenant_id AND a.payment_id = p.id AND a.state = 'succeeded')""",
)
prove(
    "invoice_marks_differ",
    """
    SELECT i.id FROM billing_invoice i CROSS JOIN LATERAL (
      SELECT count(a.id) AS live, count(a.id) FILTER (WHERE a.state = 'processing') AS moving
      FROM payments_paymentitem n JOIN payments_attempt a
        ON a.tenant_id = n.tenant_id AND a.payment_id = n.payment_id
        AND a.state IN ('created', 'open', 'requires_action', 'processing', 'unknown')
      WHERE n.tenant_id = i.tenant_id AND n.invoice_id = i.id) AS attempts
    CROSS JOIN LATERAL (
      SELECT count(d.id) AS disputed
      FROM payments_paymentitem n JOIN payments_dispute d
        ON d.tenant_id = n.tenant_id AND d.payment_id = n.payment_id
        AND d.state IN ('needs_response', 'under_review')
      WHERE n.tenant_id = i.tenant_id AND n.invoice_id = i.id) AS disputes
    WHERE i.tenant_id = %(tenant)s AND i.status = 'finalized' AND (i.attempts_open <> live
      OR i.attempts_processing <> moving OR i.disputes_open <> disputed)""",
)
prove(
    "statement_line_differs_from_payment",
    """
    SELECT l.id FROM payments_statementline l LEFT JOIN payments_payment p
      ON p.tenant_id = l.tenant_id AND p.id = l.payment_id
    WHERE l.tenant_id = %(tenant)s AND l.state IN ('booked', 'linked')
      AND (p.id IS NULL OR p.captured_minor <> l.amount_minor OR p.currency <> l.currency)""",
)
# What a lost dispute took is counted as far as it was not refunded, however refunds have ended since.
prove(
    "reversed_differs_from_disputes",
    """
    SELECT p.id FROM payments_payment p LEFT JOIN (
      SELECT payment_id, sum(amount_minor) AS lost FROM payments_dispute
      WHERE tenant_id = %(tenant)s AND state = 'lost' GROUP BY payment_id) AS d ON d.payment_id = p.id
    WHERE p.tenant_id = %(tenant)s AND p.account_id IS NOT NULL
      AND p.reversed_minor <> least(
        coalesce(d.lost, 0), p.captured_minor - p.refunding_minor - p.refunded_minor)""",
)
# What a credit note promises back is a refund each, asked for or made before; what did not arrive became credit.
prove(
    "promised_differs_from_refunds",
    """
    SELECT n.id FROM billing_creditnote n LEFT JOIN (
      SELECT credit_note_id, sum(promised_minor) AS promised FROM payments_refund
      WHERE tenant_id = %(tenant)s AND credit_note_id IS NOT NULL GROUP BY credit_note_id) AS r
      ON r.credit_note_id = n.id
    WHERE n.tenant_id = %(tenant)s AND n.refund_minor <> coalesce(r.promised, 0)""",
)
prove(
    "broken_promise_differs_from_credit",
    """
    SELECT r.id FROM payments_refund r LEFT JOIN (
      SELECT t.source_id, sum(e.amount_minor) AS kept FROM billing_ledgertransaction t
      JOIN billing_ledgerentry e ON e.tenant_id = t.tenant_id AND e.transaction_id = t.id
      WHERE t.tenant_id = %(tenant)s AND t.kind = 'refund_to_credit' AND e.account = 'refunds'
      GROUP BY t.source_id) AS l ON l.source_id = r.id
    WHERE r.tenant_id = %(tenant)s AND coalesce(l.kept, 0) <> CASE
      WHEN r.state IN ('failed', 'declined', 'canceled') THEN r.promised_minor ELSE 0 END""",
)
