-- What the application cannot be trusted with: frozen documents, balanced books, numbers that only rise.
-- Every rule holds for the application and for the tables' owner alike.

-- A finalized invoice keeps every business column for good (GoBD 3.2.5, EN 16931). What stays writable: how far it
-- is paid; becoming void, once; and, for the role that changes keys and nobody else, the envelopes of its values,
-- whose content the keyed digest proves to be the same.
CREATE FUNCTION billing_invoice_frozen() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  -- A stored generated column has no value yet in a BEFORE trigger; it follows from the others.
  writable text[] := ARRAY['amount_due_minor'];
BEGIN
  IF TG_OP = 'DELETE' THEN
    IF OLD.status <> 'draft' THEN
      RAISE EXCEPTION 'invoice % is % and stays', OLD.id, OLD.status USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN OLD;
  END IF;
  IF OLD.status = 'draft' THEN
    RETURN NEW;
  END IF;
  IF current_user = 'strongbox_rekey' THEN
    writable := writable || ARRAY['seller', 'buyer', 'references', 'note', 'void_reason'];
  ELSIF OLD.status = 'finalized' THEN
    writable := writable || ARRAY['payment_status', 'amount_paid_minor', 'updated_at'];
    IF NEW.status = 'voided' THEN
      writable := writable || ARRAY['status', 'voided_at', 'void_reason'];
    END IF;
  END IF;
  IF (to_jsonb(OLD) - writable) IS DISTINCT FROM (to_jsonb(NEW) - writable) THEN
    RAISE EXCEPTION 'invoice % is % and cannot change', OLD.id, OLD.status USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;

-- Lines and taxes are frozen with their invoice. The share lock makes whoever changes a draft's lines wait for whoever
-- is finalizing it, and then see that it is no draft any more.
CREATE FUNCTION billing_invoice_part_frozen() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  parent text;
BEGIN
  IF TG_OP = 'UPDATE' THEN
    IF current_user = 'strongbox_rekey' THEN
      RETURN NEW;  -- its grants name the encrypted columns and no other
    END IF;
    IF NEW.invoice_id <> OLD.invoice_id OR NEW.tenant_id <> OLD.tenant_id THEN
      RAISE EXCEPTION 'a part stays with its invoice' USING ERRCODE = 'restrict_violation';
    END IF;
  END IF;
  SELECT status INTO parent FROM billing_invoice
  WHERE tenant_id = OLD.tenant_id AND id = OLD.invoice_id FOR SHARE;
  -- No parent: a draft has just been deleted, and its parts follow.
  IF parent <> 'draft' THEN
    RAISE EXCEPTION 'invoice % is % and cannot change', OLD.invoice_id, parent USING ERRCODE = 'restrict_violation';
  END IF;
  IF TG_OP = 'DELETE' THEN
    RETURN OLD;
  END IF;
  RETURN NEW;
END $$;

CREATE FUNCTION billing_invoice_part_added() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF EXISTS (
    SELECT 1 FROM added
    JOIN (
      SELECT tenant_id, id, customer_id, status FROM billing_invoice
      WHERE (tenant_id, id) IN (SELECT tenant_id, invoice_id FROM added) FOR SHARE
    ) AS parent ON parent.tenant_id = added.tenant_id AND parent.id = added.invoice_id
    WHERE parent.status <> 'draft' OR parent.customer_id <> added.customer_id
  ) THEN
    RAISE EXCEPTION 'only a draft takes new parts, and of its own customer' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NULL;
END $$;

-- Books: rows come and stay; a transaction balances in every currency when it commits, or does not commit.
CREATE FUNCTION billing_ledger_appends() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  RAISE EXCEPTION '% only grows', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;

CREATE FUNCTION billing_ledger_balances() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  posting uuid := CASE TG_TABLE_NAME WHEN 'billing_ledgertransaction' THEN NEW.id ELSE NULL END;
BEGIN
  IF posting IS NULL THEN
    posting := NEW.transaction_id;
  ELSIF (SELECT count(*) FROM billing_ledgerentry WHERE tenant_id = NEW.tenant_id AND transaction_id = posting) < 2 THEN
    RAISE EXCEPTION 'ledger transaction % has no two sides', posting USING ERRCODE = 'check_violation';
  END IF;
  IF EXISTS (
    SELECT 1 FROM billing_ledgerentry WHERE tenant_id = NEW.tenant_id AND transaction_id = posting
    GROUP BY currency HAVING sum(amount_minor) <> 0
  ) THEN
    RAISE EXCEPTION 'ledger transaction % does not balance', posting USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END $$;

-- A number once given is never given again: a counter only rises and never goes.
CREATE FUNCTION billing_counter_rises() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF TG_OP = 'DELETE' OR NEW.last_sequence <= OLD.last_sequence
     OR (NEW.tenant_id, NEW.series_id, NEW.fiscal_year) <> (OLD.tenant_id, OLD.series_id, OLD.fiscal_year) THEN
    RAISE EXCEPTION 'a number counter only rises' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;

REVOKE ALL ON FUNCTION billing_invoice_frozen(), billing_invoice_part_frozen(), billing_invoice_part_added(),
  billing_ledger_appends(), billing_ledger_balances(), billing_counter_rises() FROM PUBLIC;

CREATE TRIGGER frozen BEFORE UPDATE OR DELETE ON billing_invoice
  FOR EACH ROW EXECUTE FUNCTION billing_invoice_frozen();
CREATE TRIGGER stays BEFORE TRUNCATE ON billing_invoice EXECUTE FUNCTION billing_ledger_appends();

CREATE TRIGGER frozen BEFORE UPDATE OR DELETE ON billing_invoiceline
  FOR EACH ROW EXECUTE FUNCTION billing_invoice_part_frozen();
CREATE TRIGGER added AFTER INSERT ON billing_invoiceline REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION billing_invoice_part_added();
CREATE TRIGGER stays BEFORE TRUNCATE ON billing_invoiceline EXECUTE FUNCTION billing_ledger_appends();

CREATE TRIGGER frozen BEFORE UPDATE OR DELETE ON billing_invoicetax
  FOR EACH ROW EXECUTE FUNCTION billing_invoice_part_frozen();
CREATE TRIGGER added AFTER INSERT ON billing_invoicetax REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION billing_invoice_part_added();
CREATE TRIGGER stays BEFORE TRUNCATE ON billing_invoicetax EXECUTE FUNCTION billing_ledger_appends();

CREATE TRIGGER appends BEFORE UPDATE OR DELETE ON billing_ledgertransaction
  FOR EACH ROW EXECUTE FUNCTION billing_ledger_appends();
CREATE TRIGGER stays BEFORE TRUNCATE ON billing_ledgertransaction EXECUTE FUNCTION billing_ledger_appends();
CREATE CONSTRAINT TRIGGER balances AFTER INSERT ON billing_ledgertransaction DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION billing_ledger_balances();

CREATE TRIGGER appends BEFORE UPDATE OR DELETE ON billing_ledgerentry
  FOR EACH ROW EXECUTE FUNCTION billing_ledger_appends();
CREATE TRIGGER stays BEFORE TRUNCATE ON billing_ledgerentry EXECUTE FUNCTION billing_ledger_appends();
CREATE CONSTRAINT TRIGGER balances AFTER INSERT ON billing_ledgerentry DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION billing_ledger_balances();

CREATE TRIGGER rises BEFORE UPDATE OR DELETE ON billing_seriescounter
  FOR EACH ROW EXECUTE FUNCTION billing_counter_rises();

-- An entry names an account of its own organization.
ALTER TABLE billing_ledgerentry ADD CONSTRAINT billing_ledgerentry_account_tfk
  FOREIGN KEY (tenant_id, account) REFERENCES billing_ledgeraccount (tenant_id, code)
  ON DELETE RESTRICT DEFERRABLE INITIALLY DEFERRED;
