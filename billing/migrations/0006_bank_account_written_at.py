"""The database's own clock says when bank details were written, and their 72 hours do not begin before that.

The time of an announcement comes from the application; whoever holds its database password could write an earlier
one. Rows of before this migration carry its time and hold from the day they were announced for.
"""

from django.db import migrations, models
from django.db.models.functions import Now

from tenancy.migrating import AtOnce

_TABLE = "billing_bankaccount"
_TIMED = f"""
CREATE FUNCTION billing_bankaccount_written() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    NEW.written_at := now();
    IF NEW.state = 'announced' THEN
        NEW.holds_from := GREATEST(NEW.holds_from, NEW.announced_at + interval '72 hours', now() + interval '72 hours');
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER written BEFORE INSERT ON {_TABLE} FOR EACH ROW EXECUTE FUNCTION billing_bankaccount_written();
"""
_UNDO = f"""
DROP TRIGGER written ON {_TABLE};
DROP FUNCTION billing_bankaccount_written();
"""


class Migration(AtOnce):
    """The trigger of 0005 keeps the new column from being changed: it names the few that may."""

    dependencies = [("billing", "0005_bank_accounts")]

    operations = [
        migrations.AddField(
            model_name="bankaccount",
            name="written_at",
            field=models.DateTimeField(db_default=Now(), editable=False),
        ),
        migrations.RunSQL(_TIMED, _UNDO),
    ]
