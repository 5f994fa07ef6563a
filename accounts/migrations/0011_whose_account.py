"""An account is written by its own person alone.

Accounts belong to no organization, and whoever ran a statement of theirs in one scope could point their session at
somebody else, copy their password's hash, their passkey or a recovery link over to them, or take a factor away. Found
by trying each (tests/attacks/test_account_rows.py). Now the person whom the signed context names writes their own
rows, and no statement changes whose a row is.
"""

from django.db import migrations

from tenancy.migrating import AtOnce
from tenancy.rls import AccountTable

# An address is found by its index: it is emptied by erasure and never becomes another's. An erasure is never undone.
IDENTITY = """
CREATE FUNCTION accounts_user_keeps() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF NEW.email_index IS NOT NULL AND NEW.email_index IS DISTINCT FROM OLD.email_index THEN
    RAISE EXCEPTION 'the address of an account stays' USING ERRCODE = 'restrict_violation';
  END IF;
  IF OLD.state = 'erased' AND NEW.state <> 'erased' THEN
    RAISE EXCEPTION 'an erased account stays erased' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
REVOKE ALL ON FUNCTION accounts_user_keeps() FROM PUBLIC;
CREATE TRIGGER keeps BEFORE UPDATE OF email_index, state ON accounts_user
  FOR EACH ROW EXECUTE FUNCTION accounts_user_keeps();
"""
IDENTITY_UNDO = "DROP TRIGGER keeps ON accounts_user; DROP FUNCTION accounts_user_keeps()"

# A membership is seen by its person from outside of its organization: nobody moves one into another, or onto another.
STAYS = """
REVOKE UPDATE ON accounts_membership, accounts_portalaccess FROM strongbox_app;
GRANT UPDATE (role_id, state, expires_at, joined_at, ended_at, withheld, duty_due_on) ON accounts_membership
  TO strongbox_app;
GRANT UPDATE (ended_at) ON accounts_portalaccess TO strongbox_app;
"""
STAYS_UNDO = """
REVOKE UPDATE (role_id, state, expires_at, joined_at, ended_at, withheld, duty_due_on) ON accounts_membership
  FROM strongbox_app;
REVOKE UPDATE (ended_at) ON accounts_portalaccess FROM strongbox_app;
GRANT UPDATE ON accounts_membership, accounts_portalaccess TO strongbox_app;
"""


class Migration(AtOnce):
    """Policies and rights only: no row is read or written."""

    dependencies = [("accounts", "0010_installation")]

    operations = [
        AccountTable(
            "User",
            owner="id",
            updates=[
                "email", "email_index", "name", "subject_key", "password", "password_changed_at", "state",
                "language", "time_zone", "theme", "single_keys", "muted_mails",
            ],
        ),
        AccountTable(
            "Session",
            updates=[
                "key_hash", "tenant_id", "stage", "factor", "factor_id", "last_seen_at", "step_up_at", "expires_at",
                "ended_at", "end_reason",
            ],
        ),
        AccountTable("RecoveryToken", updates=["used_at"]),
        AccountTable(
            "TotpDevice", updates=["name", "confirmed", "begun_in", "last_t", "last_used_at"], deletes=True
        ),
        AccountTable(
            "PasskeyCredential", updates=["name", "sign_count", "backup_state", "last_used_at"], deletes=True
        ),
        AccountTable("RecoveryCode", updates=["used_at"], deletes=True),
        migrations.RunSQL(IDENTITY, IDENTITY_UNDO),
        migrations.RunSQL(STAYS, STAYS_UNDO),
    ]  # fmt: skip
