-- The books by date: rates of currencies, closed months, and what a foreign currency gains or loses in the books' own.
-- Every rule holds for the application and for the tables' owner alike.

-- Digits after the point of a currency, as core.money has them (ISO 4217).
CREATE FUNCTION billing_minor_digits(currency text) RETURNS integer LANGUAGE sql IMMUTABLE SET search_path = public, pg_temp
RETURN CASE WHEN currency IN ('BIF', 'CLP', 'DJF', 'GNF', 'ISK', 'JPY', 'KMF', 'KRW', 'PYG', 'RWF', 'UGX', 'VND', 'VUV',
    'XAF', 'XOF', 'XPF') THEN 0
  WHEN currency IN ('BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND') THEN 3 ELSE 2 END;

-- What one minor unit of a currency is worth in minor units of another, by the rate of whole units.
CREATE FUNCTION billing_minor_rate(rate numeric, currency text, base text) RETURNS numeric LANGUAGE sql IMMUTABLE
SET search_path = public, pg_temp
RETURN rate * (10::numeric ^ (billing_minor_digits(base) - billing_minor_digits(currency)));

-- The rate of a day or, where that day has none (week-ends, holidays), of the last day before it, seven back at most.
-- A rate of the pair itself comes before its inverse, and that before the two of the euro; the later entry wins.
CREATE FUNCTION billing_rate(tenant uuid, currency text, base text, day date) RETURNS numeric LANGUAGE sql STABLE
SET search_path = public, pg_temp AS $$
  SELECT found.rate FROM (
    (SELECT r.valid_on, 1 AS turn, r.rate FROM billing_exchangerate r
     WHERE r.tenant_id = tenant AND r.from_currency = currency AND r.to_currency = base
       AND r.valid_on BETWEEN day - 7 AND day ORDER BY r.valid_on DESC, r.id DESC LIMIT 1)
    UNION ALL
    (SELECT r.valid_on, 2, round(1 / r.rate, 12) FROM billing_exchangerate r
     WHERE r.tenant_id = tenant AND r.from_currency = base AND r.to_currency = currency
       AND r.valid_on BETWEEN day - 7 AND day ORDER BY r.valid_on DESC, r.id DESC LIMIT 1)
    UNION ALL
    (SELECT r.valid_on, 3, round(b.rate / r.rate, 12) FROM billing_exchangerate r
     CROSS JOIN LATERAL (SELECT o.rate FROM billing_exchangerate o
       WHERE o.tenant_id = tenant AND o.from_currency = 'EUR' AND o.to_currency = base AND o.valid_on = r.valid_on
       ORDER BY o.id DESC LIMIT 1) AS b
     WHERE r.tenant_id = tenant AND r.from_currency = 'EUR' AND r.to_currency = currency
       AND r.valid_on BETWEEN day - 7 AND day ORDER BY r.valid_on DESC, r.id DESC LIMIT 1)
  ) AS found ORDER BY found.valid_on DESC, found.turn LIMIT 1
$$;

-- What stands in a transaction: null in the books' own currency, 0 where a rate is still owed.
CREATE FUNCTION billing_rate_for(tenant uuid, currency text, day date) RETURNS numeric LANGUAGE plpgsql STABLE
SET search_path = public, pg_temp AS $$
DECLARE
  base text := (SELECT i.currency FROM billing_issuer i WHERE i.tenant_id = tenant);
BEGIN
  IF base IS NULL OR base = currency THEN
    RETURN NULL;
  END IF;
  RETURN coalesce(billing_rate(tenant, currency, base, day), 0);
END $$;

-- Whoever posts holds this together with others; whoever closes or reopens a month holds it alone.
CREATE FUNCTION billing_books_lock(tenant uuid) RETURNS bigint LANGUAGE sql IMMUTABLE SET search_path = public, pg_temp
RETURN hashtextextended('books ' || tenant::text, 0);

-- A month is closed by its row; one before the first that has a row is closed with whatever month follows it.
CREATE FUNCTION billing_is_closed(tenant uuid, day date) RETURNS boolean LANGUAGE sql STABLE
SET search_path = public, pg_temp AS $$
  SELECT coalesce(
    (SELECT p.state = 'closed' FROM billing_accountingperiod p WHERE p.tenant_id = tenant
     AND p.starts_on = date_trunc('month', day)::date),
    EXISTS (SELECT FROM billing_accountingperiod p WHERE p.tenant_id = tenant AND p.state = 'closed'
      AND p.starts_on > day))
$$;

-- The day on which something is booked: its own when that is open; the first open one when it may be late; else null.
-- Volatile, so that what it reads after the wait for the lock is what stands there by then.
CREATE FUNCTION billing_posting_day(tenant uuid, day date, late boolean) RETURNS date LANGUAGE plpgsql VOLATILE
SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM pg_advisory_xact_lock_shared(billing_books_lock(tenant));
  IF NOT billing_is_closed(tenant, day) THEN
    RETURN day;
  END IF;
  IF NOT late THEN
    RETURN NULL;
  END IF;
  RETURN coalesce(
    (SELECT min(p.starts_on) FROM billing_accountingperiod p
     WHERE p.tenant_id = tenant AND p.state = 'open' AND p.starts_on > day),
    (SELECT max(p.starts_on) + interval '1 month' FROM billing_accountingperiod p WHERE p.tenant_id = tenant)::date);
END $$;

-- Nothing is booked in a closed month, whoever asks and however.
CREATE FUNCTION billing_ledger_open() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  closed date;
BEGIN
  PERFORM pg_advisory_xact_lock_shared(billing_books_lock(t.tenant_id))
  FROM (SELECT DISTINCT tenant_id FROM added) AS t;
  SELECT a.booked_on INTO closed FROM (SELECT DISTINCT tenant_id, booked_on FROM added OFFSET 0) AS a
  WHERE billing_is_closed(a.tenant_id, a.booked_on) LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'the books of % are closed', to_char(closed, 'YYYY-MM')
      USING ERRCODE = 'restrict_violation', CONSTRAINT = 'billing_ledgertransaction_open';
  END IF;
  RETURN NULL;
END $$;

-- A transaction stays as it was written. A rate that was owed may be filled in, once, and nothing else with it.
CREATE FUNCTION billing_ledger_rate_filled() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND OLD.exchange_rate = 0 AND NEW.exchange_rate > 0
     AND to_jsonb(OLD) - 'exchange_rate' = to_jsonb(NEW) - 'exchange_rate'
     AND NOT billing_is_closed(OLD.tenant_id, OLD.booked_on) THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION '% only grows', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;

-- What customers owe in a foreign currency is carried in the books' own at the rate of each invoice's day, as far as
-- it is still due. What comes in is booked at the rate of its own day. The difference is a gain or a loss, booked when
-- the invoice is settled: so a settled invoice is carried at exactly nothing.
-- First every posting is counted, at the commit, once; then the position is settled, once for all that was counted.
CREATE FUNCTION billing_fx_counts() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  INSERT INTO billing_fxposition (tenant_id, id, customer_id, currency, counted_minor, realised_minor, booked_on)
  SELECT NEW.tenant_id, gen_random_uuid(), NEW.customer_id, e.currency,
    round(sum(e.amount_minor) * billing_minor_rate(NEW.exchange_rate, e.currency, i.currency)), 0, NEW.booked_on
  FROM billing_ledgerentry e JOIN billing_issuer i ON i.tenant_id = e.tenant_id
  WHERE e.tenant_id = NEW.tenant_id AND e.transaction_id = NEW.id AND e.account = 'receivable'
    AND e.currency <> i.currency
  GROUP BY e.currency, i.currency
  ON CONFLICT (tenant_id, customer_id, currency) DO UPDATE SET
    counted_minor = billing_fxposition.counted_minor + EXCLUDED.counted_minor,
    booked_on = EXCLUDED.booked_on;
  RETURN NULL;
END $$;

CREATE FUNCTION billing_fx_settles() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  base text := (SELECT i.currency FROM billing_issuer i WHERE i.tenant_id = NEW.tenant_id);
  carried bigint;
  due bigint;
  posting uuid := gen_random_uuid();
BEGIN
  -- As long as one of them has no rate nobody knows what they are worth.
  IF EXISTS (
    SELECT FROM billing_ledgertransaction t JOIN billing_ledgerentry e
      ON e.tenant_id = t.tenant_id AND e.transaction_id = t.id AND e.account = 'receivable' AND e.currency = NEW.currency
    WHERE t.tenant_id = NEW.tenant_id AND t.customer_id = NEW.customer_id AND t.exchange_rate = 0
  ) THEN
    RETURN NULL;
  END IF;
  SELECT p.counted_minor + p.realised_minor INTO carried FROM billing_fxposition p
  WHERE p.tenant_id = NEW.tenant_id AND p.id = NEW.id FOR UPDATE;
  SELECT coalesce(sum(round(round(o.opened_minor * billing_minor_rate(t.exchange_rate, NEW.currency, base))
    * i.amount_due_minor / o.opened_minor)), 0) INTO due
  FROM billing_invoice i
  JOIN billing_ledgertransaction t ON t.tenant_id = i.tenant_id AND t.invoice_id = i.id
    AND t.kind IN ('invoice_finalized', 'invoice_opening')
  CROSS JOIN LATERAL (SELECT sum(e.amount_minor) AS opened_minor FROM billing_ledgerentry e
    WHERE e.tenant_id = t.tenant_id AND e.transaction_id = t.id AND e.account = 'receivable') AS o
  WHERE i.tenant_id = NEW.tenant_id AND i.customer_id = NEW.customer_id AND i.currency = NEW.currency
    AND i.status = 'finalized' AND i.amount_due_minor <> 0 AND o.opened_minor <> 0;
  IF due = carried THEN
    RETURN NULL;
  END IF;
  WITH posted AS (
    INSERT INTO billing_ledgertransaction (tenant_id, id, kind, customer_id, booked_on, at)
    VALUES (NEW.tenant_id, posting, 'fx_realised:receivable:' || NEW.currency, NEW.customer_id,
      billing_posting_day(NEW.tenant_id, NEW.booked_on, true), now()))
  INSERT INTO billing_ledgerentry (tenant_id, id, transaction_id, customer_id, account, currency, amount_minor)
  VALUES (NEW.tenant_id, gen_random_uuid(), posting, NEW.customer_id, 'fx_valuation', base, due - carried),
    (NEW.tenant_id, gen_random_uuid(), posting, NEW.customer_id, 'fx_gain_loss', base, carried - due);
  UPDATE billing_fxposition SET realised_minor = realised_minor + due - carried
  WHERE tenant_id = NEW.tenant_id AND id = NEW.id;
  RETURN NULL;
END $$;

REVOKE ALL ON FUNCTION billing_minor_digits(text), billing_minor_rate(numeric, text, text),
  billing_rate(uuid, text, text, date), billing_rate_for(uuid, text, date), billing_books_lock(uuid),
  billing_is_closed(uuid, date), billing_posting_day(uuid, date, boolean), billing_ledger_open(),
  billing_ledger_rate_filled(), billing_fx_counts(), billing_fx_settles() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION billing_minor_digits(text), billing_minor_rate(numeric, text, text),
  billing_rate(uuid, text, text, date), billing_rate_for(uuid, text, date), billing_books_lock(uuid),
  billing_is_closed(uuid, date), billing_posting_day(uuid, date, boolean) TO strongbox_app;

DROP TRIGGER appends ON billing_ledgertransaction;
CREATE TRIGGER appends BEFORE UPDATE OR DELETE ON billing_ledgertransaction
  FOR EACH ROW EXECUTE FUNCTION billing_ledger_rate_filled();
CREATE TRIGGER open AFTER INSERT ON billing_ledgertransaction REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION billing_ledger_open();
CREATE CONSTRAINT TRIGGER counts AFTER INSERT OR UPDATE OF exchange_rate ON billing_ledgertransaction
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.exchange_rate > 0 AND NEW.customer_id IS NOT NULL)
  EXECUTE FUNCTION billing_fx_counts();
CREATE CONSTRAINT TRIGGER settles AFTER INSERT OR UPDATE OF counted_minor ON billing_fxposition
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION billing_fx_settles();
CREATE TRIGGER appends BEFORE UPDATE OR DELETE ON billing_exchangerate
  FOR EACH ROW EXECUTE FUNCTION billing_ledger_appends();
CREATE TRIGGER stays BEFORE TRUNCATE ON billing_exchangerate EXECUTE FUNCTION billing_ledger_appends();

GRANT UPDATE (exchange_rate) ON billing_ledgertransaction TO strongbox_app;
GRANT UPDATE (name, type, external_code, state) ON billing_ledgeraccount TO strongbox_app;

-- What stood in the books before: a foreign currency owes its rate, and the new accounts are opened.
ALTER TABLE billing_ledgertransaction DISABLE TRIGGER appends;
UPDATE billing_ledgertransaction t SET exchange_rate = 0 FROM billing_issuer i
WHERE i.tenant_id = t.tenant_id AND EXISTS (SELECT FROM billing_ledgerentry e
  WHERE e.tenant_id = t.tenant_id AND e.transaction_id = t.id AND e.currency <> i.currency);
ALTER TABLE billing_ledgertransaction ENABLE TRIGGER appends;
INSERT INTO billing_ledgeraccount (tenant_id, id, code, created_at, name, type, external_code, state)
SELECT tenant_id, gen_random_uuid(), added.code, now(), '', 'expense', '', 'active' FROM billing_ledgeraccount AS known
CROSS JOIN (VALUES ('fx_gain_loss'), ('fx_valuation')) AS added (code)
WHERE known.code = 'receivable' ON CONFLICT DO NOTHING;
