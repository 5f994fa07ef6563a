"""Which column of a bank's table holds what: by its head, in the words of many banks, else by what stands in it."""

import re
from collections.abc import Mapping, Sequence

from core import money

LOOKED_AT = 200
# Banks write their name, the account and the balance above the table.
PREAMBLE = 30
FIELDS = (
    "date", "value_date", "amount", "credit", "debit", "direction", "currency", "name", "iban", "text", "text_2",
    "reference", "end_to_end",
)  # fmt: skip
# What banks call their columns, folded; the first that is found of a field wins.
_HEADS: Mapping[str, tuple[str, ...]] = {
    "date": (
        "buchungstag", "buchungsdatum", "booking date", "bookingdate", "date", "datum", "transaction date",
        "posting date", "dateop", "date operation", "fecha", "fecha operacion", "data", "data contabile", "buchung",
        "completed date", "date de comptabilisation", "boekdatum", "data operazione",
    ),
    "value_date": ("valutadatum", "wertstellung", "value date", "valuta", "date valeur", "fecha valor", "rentedatum"),
    "amount": (
        "betrag", "amount", "umsatz", "montant", "bedrag", "importe", "importo", "betrag (eur)", "amount (eur)",
        "betrag in eur", "betrag eur", "bedrag (eur)", "kwota", "valor", "transaction amount",
    ),
    "credit": ("haben", "credit", "gutschrift", "paid in", "money in", "credit amount", "abono", "avere", "entrate",
               "gutschrift in chf"),
    "debit": ("soll", "debit", "lastschrift", "paid out", "money out", "debit amount", "cargo", "dare", "uscite",
              "lastschrift in chf"),
    "direction": ("soll/haben", "s/h", "af bij", "debit/credit", "credit/debit", "dc", "cr/dr", "sign",
                  "credit debit indicator"),
    "currency": ("wahrung", "wahrung (iso)", "currency", "devise", "munt", "moneda", "divisa", "ccy", "valuta code"),
    "name": (
        "beguenstigter/zahlungspflichtiger", "begunstigter/zahlungspflichtiger",
        "name zahlungsbeteiligter", "zahlungspflichtige*r", "auftraggeber",
        "name", "payer", "counterparty", "counterparty name", "auftraggeber/empfanger", "partnername", "partner name",
        "naam tegenpartij", "naam / omschrijving", "nom", "ordenante", "payee", "name of counterparty",
        "beguenstigter/auftraggeber", "begunstigter/auftraggeber", "zahler", "ordinante", "debtor name", "sender",
    ),
    "iban": (
        "iban", "kontonummer/iban", "iban zahlungsbeteiligter", "counterparty iban", "tegenrekening",
        "iban des payeurs",
        "kontonummer", "account number", "debtor iban", "partner iban", "tegenrekening iban/bban", "counter account",
        "iban kontrahenta", "iban/account", "payer iban",
    ),
    "text": (
        "verwendungszweck", "remittance information", "description", "text", "details", "libelle", "mededelingen",
        "omschrijving", "concepto", "causale", "buchungstext", "memo", "payment reference", "purpose", "narrative",
        "descrizione", "transaction description", "information",
    ),
    "reference": ("referenz", "reference", "creditor reference", "strukturierte referenz", "betalingskenmerk", "ref",
                  "zahlungsreferenz", "referencia", "riferimento"),
    "end_to_end": ("end-to-end-id", "kundenreferenz (end-to-end)", "end to end id", "endtoendid", "kundenreferenz"),
}  # fmt: skip
ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ].*)?\Z", re.ASCII)
COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})\Z", re.ASCII)
PARTED = re.compile(r"(\d{1,2})[./-](\d{1,2})[./-](\d{4}|\d{2})(?:[ T].*)?\Z", re.ASCII)
AMOUNT = re.compile(r"([+-]?)(\d[\d.,' ]*|[.,]\d+)([+-]?)\Z", re.ASCII)


def head(found: Sequence[tuple[int, list[str]]]) -> tuple[int, int]:
    """Return the line of heads and how many of them are known; the first line of a table without heads and 0."""
    best = (0, 0)
    for at, (_, cells) in enumerate(found[:PREAMBLE]):
        known = by_heads(cells)
        if "date" in known and known.keys() & {"amount", "credit", "debit"} and len(known) > best[1]:
            best = (at, len(known))
    if best[1]:
        return best
    width = max(len(cells) for _, cells in found[:PREAMBLE])
    first = next(at for at, (_, cells) in enumerate(found) if len(cells) >= width or at == len(found) - 1)
    cells = found[first][1]
    # Nobody's heads, but heads: no cell of the line is a day or an amount.
    values = any(_is_day(cell) or _is_amount(cell) for cell in cells)
    return first, 0 if values else 1


def by_heads(heads: Sequence[str]) -> dict[str, int]:
    """Return the columns whose heads are known, by field."""
    folded = [_fold(head) for head in heads]
    found: dict[str, int] = {}
    for name, known in _HEADS.items():
        for head in known:
            if head in folded and folded.index(head) not in found.values():
                found[name] = folded.index(head)
                break
    if "text" in found:
        others = [at for at, head in enumerate(folded) if head in _HEADS["text"] and at not in found.values()]
        if others:
            found["text_2"] = others[0]
    return found


def by_content(rows: Sequence[tuple[int, list[str]]]) -> dict[str, int]:
    """Return the columns that their cells give away, by field."""
    looked_at = [cells for _, cells in rows[:LOOKED_AT]]
    width = max(len(cells) for cells in looked_at)
    found: dict[str, int] = {}
    for at in range(width):
        cells = [cell for cell in standing(looked_at, at) if cell]
        if not cells:
            continue
        if all(_is_day(cell) for cell in cells):
            found.setdefault("date" if "date" not in found else "value_date", at)
        elif all(_is_amount(cell) for cell in cells):
            found.setdefault("amount", at)
        elif all(cell.upper() in money.EXPONENTS for cell in cells):
            found.setdefault("currency", at)
        elif "iban" not in found and all(re.match(r"[A-Z]{2}\d{2}[A-Z0-9 ]{11,}\Z", cell) for cell in cells):
            found["iban"] = at
        elif "name" not in found:
            found["name"] = at
        else:
            found.setdefault("text", at)
    return found


def standing(rows: Sequence[list[str]], at: int | None) -> list[str]:
    """Return the cells of one column."""
    return [] if at is None else [cells[at].strip() for cells in rows if at < len(cells)]


def _is_day(text: str) -> bool:
    return any(pattern.match(text.strip()) for pattern in (ISO, PARTED, COMPACT))


def _is_amount(text: str) -> bool:
    plain = text.strip().replace(" ", "")
    return bool(AMOUNT.match(plain)) and any(char.isdigit() for char in plain) and not plain.isdigit()


def month_first(cells: Sequence[str]) -> bool:
    """Tell whether the month comes first: only where a day beyond 12 in second place says so."""
    found = [match for match in map(PARTED.match, cells) if match]
    return any(int(match[2]) > 12 for match in found) and not any(int(match[1]) > 12 for match in found)


def decimal_comma(cells: Sequence[str]) -> bool:
    """Tell which sign stands before decimals: the one that comes last where both are, else the one before two."""
    commas = points = 0
    for cell in cells:
        comma, point = cell.rfind(","), cell.rfind(".")
        if comma >= 0 and point >= 0:
            commas, points = commas + 4 * (comma > point), points + 4 * (point > comma)
        elif comma >= 0:
            commas, points = (commas + 2, points) if _tail(cell, comma) != 3 else (commas, points + 1)
        elif point >= 0:
            commas, points = (commas, points + 2) if _tail(cell, point) != 3 else (commas + 1, points)
    return commas > points


def _tail(cell: str, at: int) -> int:
    return len(re.sub(r"\D", "", cell[at + 1 :]))


def _fold(head: str) -> str:
    plain = head.strip().strip('"').casefold().replace("ä", "a").replace("ö", "o").replace("ü", "u")
    plain = plain.replace("é", "e").replace("ó", "o").replace("ß", "ss").replace("_", " ")
    return " ".join(plain.split())
