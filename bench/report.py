"""The tables of ratios, for the screen and for docs/performance.md."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

from bench.pages import PAGES

RESULTS = Path(__file__).with_name("results")
# Work, ours, baseline, ratio, goal.
Row: TypeAlias = tuple[str, str, str, str, str]


def stored() -> dict[str, dict[str, Any]]:
    """Return the stored results by size."""
    found = {size: RESULTS / f"{size}.json" for size in ("small", "large")}
    return {size: json.loads(path.read_text()) for size, path in found.items() if path.exists()}


def rows(result: dict[str, Any]) -> list[Row]:
    """Write the rows of the parts that were measured."""
    return [row for part, write in _PARTS.items() if part in result for row in write(result[part])]


def _runs(found: dict[str, Any]) -> list[Row]:
    count, beside = found["invoices"], found["beside"]
    portions = f"raw COPY of the rows, as owner, in {found['portions']} portions between the run's"
    return [
        _rate(f"billing run of {count:,} invoices (12 rows each), one process", found["per_second_1"], found["copy_per_second"], "invoices/s", portions, "≥ 0.4", ratio=found["of_copy"]),
        *_processor("the same by processor time", found.get("of_copy_processor"), "the server's part of COPY", "≥ 0.4"),
        _times("its memory", found["peak_mb_1"], 300, "MB", "allowed", "≤ 1.0"),
        _times("its statements a chunk of 1,000", found["statements"], 15, "", "allowed", "≤ 1.0"),
        _rate(f"a run of {beside:,} in two processes", found["per_second_2"], found["per_second_alone"], "invoices/s", "one process", "≥ 1.6", ratio=found["of_one"]),
    ]  # fmt: skip


def _grown(found: dict[str, Any]) -> list[Row]:
    few, many, portion, lists = found["few"], found["many"], found["portion"], found["lists"]
    stored_now, before = f"{many['stored']:,} invoices stored", f"{few['stored']:,} stored"
    return [
        _times(f"billing {portion:,} with {stored_now}, a thousand", many["ms_per_thousand"], few["ms_per_thousand"], "ms", before, "≤ 1.2", ratio=found["ratio"]),
        *_processor("the same by processor time", found.get("ratio_processor"), before, "≤ 1.2"),
        _times("its memory", many["peak_mb"], few["peak_mb"], "MB", before, "≤ 1.1"),
        _times(f"API list of 50 with {stored_now}", lists["many_ms"], lists["thousand_ms"], "ms", "1,000 stored", "≤ 1.2"),
    ]  # fmt: skip


def _fields(found: dict[str, Any]) -> list[Row]:
    return [
        _times("encrypt a field of 36 bytes", found["encrypt_us"], found["encrypt_bare_us"], "µs", "raw AES-GCM", "≤ 2.5"),
        _times("decrypt it", found["decrypt_us"], found["decrypt_bare_us"], "µs", "raw AES-GCM", "≤ 1.7"),
        _times("encrypt it in bulk, a thousand rows at once", found["bulk_encrypt_us"], found["encrypt_bare_us"], "µs", "raw AES-GCM", "≤ 2.5"),
        _times("decrypt it in a list's rows", found["bulk_decrypt_us"], found["decrypt_bare_us"], "µs", "raw AES-GCM", "≤ 1.7"),
    ]  # fmt: skip


def _api(found: dict[str, Any]) -> list[Row]:
    return [
        _times("API list of 50, secured, read audited", found["ours_list_ms"], found["plain_list_ms"], "ms", "bench/plain", "≤ 1.0"),
        *_processor("the same by processor time, database included", found.get("list_processor"), "bench/plain", "≤ 1.0"),
        _rate("API list, 8 connections", found["ours_list_per_second"], found["plain_list_per_second"], "requests/s", "bench/plain", "≥ 1.5"),
        _times("create and finalize over the API", found["ours_issue_ms"], found["plain_issue_ms"], "ms", "bench/plain", "≤ 1.5"),
        *_processor("the same by processor time, database included", found.get("issue_processor"), "bench/plain", "≤ 1.5"),
    ]  # fmt: skip


def _audit(found: dict[str, Any]) -> list[Row]:
    return [
        _times("a small transaction with its audit event", found["with_event_us"], found["without_us"], "µs", "without", "≤ 1.12"),
        *_processor("the same by processor time, client and server", found.get("ratio_processor"), "without", "≤ 1.12"),
    ]  # fmt: skip


def _seal(found: dict[str, Any]) -> list[Row]:
    return [
        (f"sealing {found['sealed']:,} events", f"{found['sealed_per_second']:,.0f} events/s", "", "", ""),
        _rate(f"checking a trail of {found['verified']:,} events", found["verified_per_second"], 50_000, "events/s", "wanted", "≥ 1.0"),
    ]  # fmt: skip


def _search(found: dict[str, Any]) -> list[Row]:
    work = f"exact search among {found['customers']:,} customers"
    return [_times(work, found["search_us"], found["by_key_us"], "µs", "by primary key", "≤ 1.3")]


def _rotation(found: dict[str, Any]) -> list[Row]:
    work = f"key rotation, {found['rows']:,} rows, {found['values']:,} values; waited {found['waited_seconds']:.1f} s before"
    bare = "bare UPDATE of the same columns"
    return [_rate(work, found["rows_per_second"], found["bare_rows_per_second"], "rows/s", bare, "≥ 0.4")]


def _exports(found: dict[str, Any]) -> list[Row]:
    work = f"encrypted export of {found['rows']:,} customers, {found['columns']} columns decrypted"
    ours, bare = found["rows_per_second"], found["copy_rows_per_second"]
    return [_rate(work, ours, bare, "rows/s", "COPY of the rows as stored", "≥ 0.11", ratio=found["ratio"])]


def _signin(found: dict[str, Any]) -> list[Row]:
    return [
        _times(
            "sign-in, password step",
            found["signin_ms"],
            found["argon2id_ms"],
            "ms",
            "argon2id alone",
            "≤ 1.2",
        )
    ]


def _webhook(found: dict[str, Any]) -> list[Row]:
    ours, bare = 1e3 / found["taken_ms"], 1e3 / found["plain_ms"]
    return [
        _rate(
            "a provider's message taken in", ours, bare, "requests/s", "a plain view with one INSERT", "≥ 0.7"
        )
    ]


def _start(found: dict[str, Any]) -> list[Row]:
    return [
        _times("start with its demo, second time", found["second_seconds"], 5, "s", "allowed", "≤ 1.0"),
        _times("the engines alone", found["engines_seconds"], 1, "s", "allowed", "≤ 1.0"),
        _times("the first time, database and demo made", found["cold_seconds"], 15, "s", "allowed", "≤ 1.0"),
    ]


def _pages(found: dict[str, Any]) -> list[Row]:
    pages = found["pages"]
    base = pages["minimal"]["p95"]
    first = f"staff pages, p95, {found['invoices']:,} invoices: "
    return [
        _times(f"{first if not place else ''}{title}", pages[name]["p95"], base, "ms", "a minimal page in the same frame, p95", "≤ 3")
        for place, (name, (_, title)) in enumerate(PAGES.items())
    ]  # fmt: skip


def _documents(found: dict[str, Any]) -> list[Row]:
    """Write the rows of documents; without its baseline a row says why."""
    work, ours = "invoice PDF/A-3a, one by one", found["pdf_per_second"]
    xml, check = found["facturx_per_second"], f"{found['check_ms']:,.0f} ms"
    more = [
        _rate("the same as Factur-X, XML written and attached", xml, ours, "a second", "PDF alone", ""),
        ("its check by schema and rules", check, "", "", ""),
    ]
    if found["why_no_baseline"]:
        return [(work, f"{ours:,.0f} a second", f"WeasyPrint: {found['why_no_baseline']}", "", "≥ 6"), *more]
    theirs, plain = found["weasyprint_per_second"], found["weasyprint_system_font_per_second"]
    return [
        _rate(work, ours, theirs, "a second", "WeasyPrint, same font", "≥ 6"),
        _rate(work, ours, plain, "a second", "WeasyPrint, a system font", ""),
        *more,
    ]


def _backups(found: dict[str, Any]) -> list[Row]:
    size, kept = found["megabytes"], found["stored_megabytes"]
    return [
        _times(f"backup of {size:,.0f} MB, compressed, encrypted, signed", found["seconds"], found["plain_seconds"], "s", "pg_basebackup alone", "≤ 1.75"),
        _times("what it stores", kept, size, "MB", "what was copied", ""),
        _times("its memory", found["memory_mb"], 200, "MB", "allowed", "≤ 1.0"),
        _rate("the same opened for a restore", found["restore_mb_per_second"], 270, "MB/s", "wanted", "≥ 1.0"),
        _rate("its stored bytes checked, without a private key", found["verify_mb_per_second"], found["restore_mb_per_second"], "MB/s", "opened", ""),
    ]  # fmt: skip


_PARTS: dict[str, Callable[[dict[str, Any]], list[Row]]] = {
    "runs": _runs,
    "grown": _grown,
    "api": _api,
    "pages": _pages,
    "fields": _fields,
    "search": _search,
    "rotation": _rotation,
    "audit": _audit,
    "seal": _seal,
    "documents": _documents,
    "exports": _exports,
    "backups": _backups,
    "signin": _signin,
    "webhook": _webhook,
    "start": _start,
}


def _times(
    work: str, ours: float, base: float, unit: str, baseline: str, goal: str, *, ratio: float | None = None
) -> Row:
    shown = f"{ours / base if ratio is None else ratio:.2f}"
    return work, f"{ours:,.2f} {unit}", f"{base:,.2f} {unit} ({baseline})", shown, goal


def _rate(
    work: str, ours: float, base: float, unit: str, baseline: str, goal: str, *, ratio: float | None = None
) -> Row:
    shown = f"{ours / base if ratio is None else ratio:.2f}"
    return work, f"{ours:,.0f} {unit}", f"{base:,.0f} {unit} ({baseline})", shown, goal


def _processor(work: str, ratio: float | None, baseline: str, goal: str) -> list[Row]:
    return [] if ratio is None else [(work, "", baseline, f"{ratio:.2f}", goal)]


def table(result: dict[str, Any]) -> str:
    """Write the rows as a Markdown table."""
    head = ("work", "Strongbox", "baseline of the same run", "ratio", "goal")
    lines = [head, ("---", "---", "---", "---:", "---"), *rows(result)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _section(size: str, result: dict[str, Any]) -> str:
    """Write one size: where and when it was measured, and its rows."""
    machines = sorted(
        {f"{run['cores']} cores, {run['machine']}, Python {run['python']}" for run in _all(result)}
    )
    when: dict[str, list[str]] = {}
    for name, part in result.items():
        low, high = part["run"]["load"]
        said = f"{name} ({part['run']['seconds']} s, load {low} to {high})"
        when.setdefault(f"{part['run']['on']}, commit {part['run']['commit']}", []).append(said)
    parts = "\n".join(f"- {moment}: {', '.join(names)}" for moment, names in when.items())
    command = "make bench" if size == "small" else "make bench SIZE=large"
    return f"""## {size.capitalize()} size

Made by `{command}` on {"; ".join(machines)}. Stored in bench/results/{size}.json.

{parts}

{table(result)}
"""


def _all(result: dict[str, Any]) -> list[dict[str, Any]]:
    return [part["run"] for part in result.values()]


def page(results: dict[str, dict[str, Any]]) -> str:
    """Write docs/performance.md."""
    sections = "\n".join(_section(size, result) for size, result in results.items())
    return f"""# What protection costs

Every figure is a ratio to a baseline measured in the same run, because machines differ and drift: product and baseline
work by turns, in small portions, and the medians of the portions are compared. The baseline `bench/plain` is a small
Django and DRF project with the same tables, numbering and ledger, and no encryption, row-level security, audit or
sign-in. `PARTS=runs,grown` measures these parts alone; the load beside each part is the machine's, and two cores under a
load far above two make every absolute time long.

{sections}
{_NOTES}"""


_NOTES = """## How to read it

Billing where many invoices are stored: few and many stand in databases of their own on the same server. The few were
billed by the product, and the many are those stored over again with other ids, numbers and times, every index entry
included; each chunk of a thousand is then billed here and there by turns.

"By processor time" compares how long processes were on a processor, which a busy machine hardly changes: the billing
process and the server's process that works for it, against the server's process of COPY alone (what sends the rows is
left out, in favour of COPY). A transaction with one statement more waits once more for its turn on a busy machine; by
processor time it shows what the event costs.

Staff pages are measured through gunicorn and the whole middleware, signed in. The invoices of the organization fall due
over half a year, a quarter of them is open. What an overview or a list adds up is read from counters by day and month or
from an index alone; a search by a customer's name decrypts a thousand names, which is where its time goes.

Key rotation waits at least a second and a half for transactions that may still write under the old key; the wait does
not grow with the rows and stands in the row's name. Encryption through a model counts the field's own work in Python:
binding the value to its row, counting the encryption, and the lazy attribute; bulk work and lists have less of it.

The document engine sets each invoice alone: there is no batch of a hundred in one compilation, for a fault in one
document would then fail them all.

A small rotation is mostly its passes over some fifty tables, whatever they hold; an audit event is checked in Python
(no value may pass) and stands in four indexes. A provider's message asks six statements where the plain view asks one.

Absolute times on shared cores swing by a factor of two between runs; trust the ratios, and those to about 20 % on a
machine that does nothing else. Under a load far above the cores each statement waits for its turn, so that whatever asks
more statements than its baseline looks dearer than it is, and a goal that is an absolute figure (restore, start) shows
the load in full. A ratio that misses its goal stands here as it is. A commit with a plus was measured together with
changes that became the commits after it.
"""
