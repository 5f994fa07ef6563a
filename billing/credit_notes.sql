-- What a credit note is held to, whoever writes it: it never changes, it adds up, and all credit notes of an invoice
-- together never take back more than it asked for: by line, by rate and in all.

-- Rows come and stay. The role that changes keys rewrites envelopes; its grants name those columns and no other.
CREATE FUNCTION billing_row_stays() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND current_user = 'strongbox_rekey' THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION '% only grows', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;

-- At the commit a credit note has all its lines, comes to its totals, and its invoice knows of it.
CREATE FUNCTION billing_creditnote_adds_up() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  lines record;
  taxes record;
BEGIN
  SELECT count(*) AS n, coalesce(sum(net_minor), 0) AS net INTO lines
  FROM billing_creditnoteline WHERE tenant_id = NEW.tenant_id AND credit_note_id = NEW.id;
  SELECT count(*) AS n, coalesce(sum(tax_minor), 0) AS tax INTO taxes
  FROM billing_creditnotetax WHERE tenant_id = NEW.tenant_id AND credit_note_id = NEW.id;
  IF (lines.n, lines.net, taxes.n, taxes.tax)
     IS DISTINCT FROM (NEW.line_count::bigint, NEW.subtotal_minor::numeric, NEW.tax_count::bigint, NEW.tax_minor::numeric)
  THEN
    RAISE EXCEPTION 'credit note % does not add up', NEW.id USING ERRCODE = 'check_violation';
  END IF;
  IF NEW.invoice_id IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM billing_invoice i WHERE i.tenant_id = NEW.tenant_id AND i.id = NEW.invoice_id
      AND i.status = 'finalized' AND i.customer_id = NEW.customer_id AND i.currency = NEW.currency
      AND i.noted_minor = (
        SELECT sum(total_minor) FROM billing_creditnote n WHERE n.tenant_id = i.tenant_id AND n.invoice_id = i.id)
      AND i.credited_minor = (
        SELECT sum(offset_minor) FROM billing_creditnote n WHERE n.tenant_id = i.tenant_id AND n.invoice_id = i.id)
  ) THEN
    RAISE EXCEPTION 'credit note % is not what its invoice says', NEW.id USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END $$;

-- Whoever adds parts waits for others that credit the same invoice, and then sees what they took back.
CREATE FUNCTION billing_creditnoteline_fits() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM 1 FROM billing_invoice WHERE (tenant_id, id) IN (
    SELECT n.tenant_id, n.invoice_id FROM billing_creditnote n
    WHERE (n.tenant_id, n.id) IN (SELECT tenant_id, credit_note_id FROM added)
  ) ORDER BY id FOR NO KEY UPDATE;
  IF EXISTS (
    SELECT 1 FROM billing_creditnote n
    WHERE (n.tenant_id, n.id) IN (SELECT tenant_id, credit_note_id FROM added) AND (
      n.line_count < (
        SELECT count(*) FROM billing_creditnoteline l WHERE l.tenant_id = n.tenant_id AND l.credit_note_id = n.id)
      OR EXISTS (
        SELECT 1 FROM added a LEFT JOIN billing_invoiceline i ON i.tenant_id = a.tenant_id AND i.id = a.invoice_line_id
        WHERE a.credit_note_id = n.id AND (a.customer_id <> n.customer_id
          OR i.invoice_id IS DISTINCT FROM n.invoice_id AND (i.id IS NOT NULL OR n.imported_number IS NULL))))
  ) THEN
    RAISE EXCEPTION 'a credit note takes lines of its own invoice, when it is issued' USING ERRCODE = 'restrict_violation';
  END IF;
  IF EXISTS (
    SELECT 1 FROM billing_invoiceline i JOIN (
      SELECT tenant_id, invoice_line_id, sum(net_minor) AS net FROM billing_creditnoteline
      WHERE (tenant_id, invoice_line_id) IN (SELECT tenant_id, invoice_line_id FROM added)
      GROUP BY tenant_id, invoice_line_id
    ) AS taken ON taken.tenant_id = i.tenant_id AND taken.invoice_line_id = i.id
    WHERE NOT taken.net BETWEEN least(0, i.net_minor) AND greatest(0, i.net_minor)
  ) THEN
    RAISE EXCEPTION 'more is credited than the line of the invoice' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END $$;

CREATE FUNCTION billing_creditnotetax_fits() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM 1 FROM billing_invoice WHERE (tenant_id, id) IN (
    SELECT n.tenant_id, n.invoice_id FROM billing_creditnote n
    WHERE (n.tenant_id, n.id) IN (SELECT tenant_id, credit_note_id FROM added)
  ) ORDER BY id FOR NO KEY UPDATE;
  IF EXISTS (
    SELECT 1 FROM billing_creditnote n
    WHERE (n.tenant_id, n.id) IN (SELECT tenant_id, credit_note_id FROM added) AND (
      n.tax_count < (
        SELECT count(*) FROM billing_creditnotetax t WHERE t.tenant_id = n.tenant_id AND t.credit_note_id = n.id)
      OR EXISTS (SELECT 1 FROM added a WHERE a.credit_note_id = n.id AND a.customer_id <> n.customer_id))
  ) THEN
    RAISE EXCEPTION 'a credit note takes taxes when it is issued' USING ERRCODE = 'restrict_violation';
  END IF;
  IF EXISTS (
    SELECT 1 FROM (
      SELECT n.tenant_id, n.invoice_id, t.category, t.percentage, t.name,
        sum(t.base_minor) AS base, sum(t.tax_minor) AS tax
      FROM billing_creditnote n
      JOIN billing_creditnotetax t ON t.tenant_id = n.tenant_id AND t.credit_note_id = n.id
      WHERE n.imported_number IS NULL AND (n.tenant_id, n.invoice_id) IN (
        SELECT own.tenant_id, own.invoice_id FROM billing_creditnote own
        WHERE (own.tenant_id, own.id) IN (SELECT tenant_id, credit_note_id FROM added))
      GROUP BY n.tenant_id, n.invoice_id, t.category, t.percentage, t.name
    ) AS taken LEFT JOIN billing_invoicetax i ON i.tenant_id = taken.tenant_id AND i.invoice_id = taken.invoice_id
      AND i.category = taken.category AND i.percentage = taken.percentage AND i.name = taken.name
    WHERE i.id IS NULL
      OR NOT taken.base BETWEEN least(0, i.base_minor) AND greatest(0, i.base_minor)
      OR NOT taken.tax BETWEEN least(0, i.tax_minor) AND greatest(0, i.tax_minor)
  ) THEN
    RAISE EXCEPTION 'more is credited than the rate of the invoice' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END $$;

REVOKE ALL ON FUNCTION billing_row_stays(), billing_creditnote_adds_up(), billing_creditnoteline_fits(),
  billing_creditnotetax_fits() FROM PUBLIC;

CREATE TRIGGER stays BEFORE UPDATE OR DELETE ON billing_creditnote FOR EACH ROW EXECUTE FUNCTION billing_row_stays();
CREATE TRIGGER stays_whole BEFORE TRUNCATE ON billing_creditnote EXECUTE FUNCTION billing_row_stays();
CREATE CONSTRAINT TRIGGER adds_up AFTER INSERT ON billing_creditnote DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION billing_creditnote_adds_up();

CREATE TRIGGER stays BEFORE UPDATE OR DELETE ON billing_creditnoteline
  FOR EACH ROW EXECUTE FUNCTION billing_row_stays();
CREATE TRIGGER stays_whole BEFORE TRUNCATE ON billing_creditnoteline EXECUTE FUNCTION billing_row_stays();
CREATE TRIGGER fits AFTER INSERT ON billing_creditnoteline REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION billing_creditnoteline_fits();

CREATE TRIGGER stays BEFORE UPDATE OR DELETE ON billing_creditnotetax
  FOR EACH ROW EXECUTE FUNCTION billing_row_stays();
CREATE TRIGGER stays_whole BEFORE TRUNCATE ON billing_creditnotetax EXECUTE FUNCTION billing_row_stays();
CREATE TRIGGER fits AFTER INSERT ON billing_creditnotetax REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION billing_creditnotetax_fits();

CREATE TRIGGER stays BEFORE UPDATE OR DELETE ON billing_writeoff FOR EACH ROW EXECUTE FUNCTION billing_row_stays();
CREATE TRIGGER stays_whole BEFORE TRUNCATE ON billing_writeoff EXECUTE FUNCTION billing_row_stays();

-- An entry of credit may now hold a person's words, which the role that changes keys has to reach.
DROP TRIGGER appends ON billing_creditentry;
CREATE TRIGGER appends BEFORE UPDATE OR DELETE ON billing_creditentry
  FOR EACH ROW EXECUTE FUNCTION billing_row_stays();
ALTER POLICY tenant ON billing_creditentry TO strongbox_app, strongbox_rekey;
GRANT SELECT, UPDATE ("reason") ON billing_creditentry TO strongbox_rekey;
ALTER TABLE billing_creditentry ADD CONSTRAINT billing_creditentry_reason_envelope
  CHECK (length("reason") >= 46 AND substring("reason" from 1 for 2) = '\x0101'::bytea);

ALTER TABLE billing_issuer
  ADD CONSTRAINT billing_issuer_credit_note_series_id_tfk FOREIGN KEY (tenant_id, credit_note_series_id)
    REFERENCES billing_series (tenant_id, id) ON DELETE RESTRICT DEFERRABLE INITIALLY DEFERRED,
  ADD CONSTRAINT billing_issuer_quote_series_id_tfk FOREIGN KEY (tenant_id, quote_series_id)
    REFERENCES billing_series (tenant_id, id) ON DELETE RESTRICT DEFERRABLE INITIALLY DEFERRED;
