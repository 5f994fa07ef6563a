"""What must hold of the books by date and by rate, proved anew from nothing but their rows (`ledger_check`)."""

from billing.ledger.queries import prove

# What a posting of a customer's receivable is worth at its rate.
_WORTH = """
    SELECT t.customer_id, e.currency, t.id,
      round(sum(e.amount_minor) * billing_minor_rate(t.exchange_rate, e.currency, i.currency)) AS worth
    FROM billing_ledgertransaction t
    JOIN billing_ledgerentry e ON e.tenant_id = t.tenant_id AND e.transaction_id = t.id AND e.account = 'receivable'
    JOIN billing_issuer i ON i.tenant_id = t.tenant_id
    WHERE t.tenant_id = %(tenant)s AND t.exchange_rate > 0
    GROUP BY t.customer_id, t.id, e.currency, i.currency, t.exchange_rate"""

prove(
    "rate_differs_from_currency",
    """
    SELECT t.id FROM billing_ledgertransaction t JOIN billing_issuer i ON i.tenant_id = t.tenant_id
    WHERE t.tenant_id = %(tenant)s AND (t.exchange_rate IS NULL) <> (
      SELECT bool_and(e.currency = i.currency) FROM billing_ledgerentry e
      WHERE e.tenant_id = t.tenant_id AND e.transaction_id = t.id)""",
)
prove(
    "fx_counted_differs_from_postings",
    f"""
    SELECT coalesce(p.customer_id, w.customer_id) FROM (
      SELECT customer_id, currency, sum(worth) AS worth FROM ({_WORTH}) AS each GROUP BY customer_id, currency) AS w
    FULL JOIN (SELECT customer_id, currency, counted_minor FROM billing_fxposition WHERE tenant_id = %(tenant)s) AS p
      USING (customer_id, currency)
    WHERE coalesce(p.counted_minor, 0) <> coalesce(w.worth, 0)""",  # noqa: S608  constants only
)
prove(
    "fx_realised_differs_from_postings",
    """
    SELECT coalesce(p.customer_id, v.customer_id) FROM (
      SELECT t.customer_id, split_part(t.kind, ':', 3) AS currency, sum(e.amount_minor) AS realised
      FROM billing_ledgertransaction t JOIN billing_ledgerentry e
        ON e.tenant_id = t.tenant_id AND e.transaction_id = t.id AND e.account = 'fx_valuation'
      WHERE t.tenant_id = %(tenant)s AND t.kind LIKE 'fx\\_realised:%%' GROUP BY 1, 2) AS v
    FULL JOIN (SELECT customer_id, currency, realised_minor FROM billing_fxposition WHERE tenant_id = %(tenant)s) AS p
      USING (customer_id, currency)
    WHERE coalesce(p.realised_minor, 0) <> coalesce(v.realised, 0)""",
)
# A settled invoice is carried at exactly nothing, an open one at what is due of it at the rate of its own day.
prove(
    "fx_carried_differs_from_due",
    """
    SELECT p.customer_id FROM billing_fxposition p JOIN billing_issuer b ON b.tenant_id = p.tenant_id
    LEFT JOIN LATERAL (
      SELECT sum(round(round(o.opened * billing_minor_rate(t.exchange_rate, i.currency, b.currency))
        * i.amount_due_minor / o.opened)) AS due
      FROM billing_invoice i JOIN billing_ledgertransaction t ON t.tenant_id = i.tenant_id AND t.invoice_id = i.id
        AND t.kind IN ('invoice_finalized', 'invoice_opening')
      CROSS JOIN LATERAL (SELECT sum(e.amount_minor) AS opened FROM billing_ledgerentry e
        WHERE e.tenant_id = t.tenant_id AND e.transaction_id = t.id AND e.account = 'receivable') AS o
      WHERE i.tenant_id = p.tenant_id AND i.customer_id = p.customer_id AND i.currency = p.currency
        AND i.status = 'finalized' AND o.opened <> 0) AS d ON true
    WHERE p.tenant_id = %(tenant)s AND p.counted_minor + p.realised_minor <> coalesce(d.due, 0)
      AND NOT EXISTS (SELECT FROM billing_ledgertransaction t WHERE t.tenant_id = p.tenant_id
        AND t.customer_id = p.customer_id AND t.exchange_rate = 0)""",
)
prove(
    "valuation_differs_from_gain",
    """
    SELECT 'fx_valuation' FROM billing_ledgerentry WHERE tenant_id = %(tenant)s
      AND account IN ('fx_valuation', 'fx_gain_loss') HAVING sum(amount_minor) <> 0""",
)
# Closed months: in order, and nothing was booked in one after its balances were taken.
prove(
    "month_closed_out_of_order",
    """
    SELECT p.starts_on FROM billing_accountingperiod p WHERE p.tenant_id = %(tenant)s AND p.state = 'open'
      AND EXISTS (SELECT FROM billing_accountingperiod l WHERE l.tenant_id = p.tenant_id AND l.state = 'closed'
        AND l.starts_on > p.starts_on)""",
)
prove(
    "closed_balance_differs_from_entries",
    """
    SELECT coalesce(b.starts_on, e.starts_on) FROM (
      SELECT p.starts_on, b.account, b.currency, b.amount_minor FROM billing_ledgerbalance b
      JOIN billing_accountingperiod p ON p.tenant_id = b.tenant_id AND p.id = b.period_id
      WHERE b.tenant_id = %(tenant)s AND p.starts_on = (SELECT max(l.starts_on) FROM billing_accountingperiod l
        WHERE l.tenant_id = b.tenant_id AND l.state = 'closed')) AS b
    FULL JOIN (
      SELECT p.starts_on, e.account, e.currency, sum(e.amount_minor) AS amount_minor
      FROM (SELECT tenant_id, max(starts_on) AS starts_on FROM billing_accountingperiod
        WHERE tenant_id = %(tenant)s AND state = 'closed' GROUP BY tenant_id) AS p
      JOIN billing_ledgertransaction t ON t.tenant_id = p.tenant_id AND t.booked_on < p.starts_on + interval '1 month'
      JOIN billing_ledgerentry e ON e.tenant_id = t.tenant_id AND e.transaction_id = t.id
      GROUP BY p.starts_on, e.account, e.currency) AS e USING (starts_on, account, currency)
    WHERE coalesce(b.amount_minor, 0) <> coalesce(e.amount_minor, 0)""",
)
