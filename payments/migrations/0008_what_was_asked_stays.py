"""What was asked for, what came and what is to be given back stays as it was written.

The app role needs to move payments along, and could have written another amount, currency or customer into one that
was agreed to or booked. Each row keeps what it was made with, and a payment what came with it, from then on; for the
owner of the tables as well.
"""

from collections.abc import Sequence

from django.db import migrations

from tenancy.migrating import AtOnce

_FUNCTION = """
CREATE FUNCTION payments_stays() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  RAISE EXCEPTION 'what was written into % stays', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
REVOKE ALL ON FUNCTION payments_stays() FROM PUBLIC;
"""
_ROW = ("id", "tenant_id")
# What each row was made with. An attempt that was paid twice is moved to a payment of its own, under another number.
KEPT = {
    "payments_payment": ("customer_id", "account_id", "amount_minor", "created_at"),
    "payments_attempt": ("customer_id", "account_id", "saved_method_id", "created_at"),
    "payments_refund": (
        "payment_id", "customer_id", "approval_id", "currency", "amount_minor", "reason_code", "requested_by",
        "created_at",
    ),
    "payments_dispute": ("payment_id", "customer_id", "reference", "currency", "amount_minor", "opened_at"),
    "payments_paylink": ("customer_id", "invoice_id", "digest", "created_by", "created_at"),
    "payments_paymentmethod": ("customer_id", "account_id", "reference", "kind"),
    "payments_autopay": (
        "customer_id", "payment_method_id", "currency", "limit_minor", "notice_days", "agreed_at", "agreed_by",
    ),
    "payments_autopayrun": ("customer_id", "invoice_id", "autopay_id", "currency", "amount_minor", "charge_on"),
    "payments_statementline": (
        "statement_id", "fingerprint", "position", "booked_on", "value_on", "currency", "amount_minor", "is_reversal",
    ),
}  # fmt: skip
# What came with the money: written once. A refund that is over stays over, and belongs to one credit note.
_CAME = ("captured_minor", "currency", "source", "reference")


def _changed(columns: Sequence[str]) -> str:
    return " OR ".join(f"OLD.{column} IS DISTINCT FROM NEW.{column}" for column in columns)


def _trigger(table: str, name: str, when: str) -> migrations.RunSQL:
    return migrations.RunSQL(
        f"CREATE TRIGGER {name} BEFORE UPDATE ON {table} FOR EACH ROW WHEN ({when}) EXECUTE FUNCTION payments_stays()",
        f"DROP TRIGGER {name} ON {table}",
    )


class Migration(AtOnce):
    """Triggers only: no row is read or written."""

    dependencies = [("payments", "0007_sorted")]

    operations = [
        migrations.RunSQL(_FUNCTION, "DROP FUNCTION payments_stays()"),
        *(_trigger(table, "asked", _changed([*_ROW, *columns])) for table, columns in KEPT.items()),
        _trigger("payments_payment", "came", f"OLD.captured_minor > 0 AND ({_changed(_CAME)})"),
        _trigger(
            "payments_refund",
            "came",
            "(OLD.state IN ('failed', 'declined', 'canceled') AND OLD.state <> NEW.state) "
            f"OR (OLD.credit_note_id IS NOT NULL AND ({_changed(('credit_note_id', 'promised_minor'))}))",
        ),
    ]
