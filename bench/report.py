"""The table of ratios, for the screen and for docs/performance.md."""

import json
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).with_name("results")


def stored() -> dict[str, dict[str, Any]]:
    """Return the stored results by size."""
    found = {size: RESULTS / f"{size}.json" for size in ("small", "large")}
    return {size: json.loads(path.read_text()) for size, path in found.items() if path.exists()}


def rows(result: dict[str, Any]) -> list[tuple[str, str, str, str, str]]:
    """Return (work, ours, baseline, ratio, goal)."""
    e, a, w, b, r = (result[name] for name in ("encryption", "audit", "api", "blind_index", "rotation"))
    return [*_runs(result.get("runs")), *_grown(result.get("grown")),
        _times("encrypt a field of 36 bytes", e["encrypt_us"], e["encrypt_bare_us"], "µs", "raw AES-GCM", "≤ 2.5"),
        _times("decrypt it", e["decrypt_us"], e["decrypt_bare_us"], "µs", "raw AES-GCM", "≤ 1.7"),
        _times("API list of 50, secured, read audited", w["ours_list_ms"], w["plain_list_ms"], "ms", "bench/plain", "≤ 1.0"),
        _rate("the same, 8 connections", w["ours_list_per_second"], w["plain_list_per_second"], "requests/s", "bench/plain", "≥ 1.5"),
        _times("create and finalize over the API", w["ours_issue_ms"], w["plain_issue_ms"], "ms", "bench/plain", "≤ 1.5"),
        _times("a small transaction with its audit event", a["with_event_us"], a["without_us"], "µs", "without", "≤ 1.12"),
        _times(f"exact search among {b['customers']:,} customers", b["search_us"], b["by_key_us"], "µs", "by primary key", "≤ 1.3"),
        _rate(f"key rotation, {r['rows']:,} customers", r["rows_per_second"], r["bare_rows_per_second"], "rows/s", "bare UPDATE", "≥ 0.4"),
        *_documents(result.get("documents")),
        *_backups(result.get("backups")),
    ]  # fmt: skip


def _documents(found: dict[str, Any] | None) -> list[tuple[str, str, str, str, str]]:
    """Write the rows of documents; without its baseline a row says why."""
    if found is None:
        return []
    work, ours = "invoice PDF/A-3a, one by one", found["pdf_per_second"]
    xml, check = found["facturx_per_second"], f"{found['check_ms']:,.0f} ms"
    rows = [
        _rate("the same as Factur-X, XML written and attached", xml, ours, "a second", "PDF alone", ""),
        ("its check by schema and rules", check, "", "", ""),
    ]
    if found["why_no_baseline"]:
        return [(work, f"{ours:,.0f} a second", f"WeasyPrint: {found['why_no_baseline']}", "", "≥ 6"), *rows]
    theirs, plain = found["weasyprint_per_second"], found["weasyprint_system_font_per_second"]
    return [
        _rate(work, ours, theirs, "a second", "WeasyPrint, same font", "≥ 6"),
        _rate(work, ours, plain, "a second", "WeasyPrint, a system font", ""),
        *rows,
    ]


def _backups(found: dict[str, Any] | None) -> list[tuple[str, str, str, str, str]]:
    if found is None:
        return []
    size, stored = found["megabytes"], found["stored_megabytes"]
    return [
        _times(f"backup of {size:,.0f} MB, compressed, encrypted, signed", found["seconds"], found["plain_seconds"], "s", "pg_basebackup alone", "≤ 1.75"),
        _times("what it stores", stored, size, "MB", "what was copied", ""),
        _times("its memory", found["memory_mb"], 200, "MB", "allowed", "≤ 1.0"),
        _rate("the same opened for a restore", found["restore_mb_per_second"], 270, "MB/s", "wanted", "≥ 1.0"),
        _rate("its stored bytes checked, without a private key", found["verify_mb_per_second"], found["restore_mb_per_second"], "MB/s", "opened", ""),
    ]  # fmt: skip


def _runs(found: dict[str, Any] | None) -> list[tuple[str, str, str, str, str]]:
    if found is None:
        return []
    one, two, count = found["per_second_1"], found["per_second_2"], found["invoices"]
    return [
        _rate(f"billing run of {count:,} invoices (12 rows each), one process", one, found["copy_per_second"], "invoices/s", "raw COPY of the rows, as owner", "≥ 0.4"),
        _rate("the same in two processes", two, one, "invoices/s", "one process", "≥ 1.6"),
        _times("its memory", found["peak_mb_1"], 300, "MB", "allowed", "≤ 1.0"),
        _times("its statements a chunk of 1,000, planning apart", found["statements"], 15, "", "allowed", "≤ 1.0"),
    ]  # fmt: skip


def _grown(found: dict[str, Any] | None) -> list[tuple[str, str, str, str, str]]:
    if found is None:
        return []
    few, many, portion = found["few"], found["many"], found["portion"]
    stored, before = f"{many['stored']:,} invoices stored", f"{few['stored']:,} stored"
    return [
        _rate(f"billing run of {portion:,} with {stored}", many["per_second"], few["per_second"], "invoices/s", before, "≥ 0.83"),
        _times("its memory", many["peak_mb"], few["peak_mb"], "MB", before, "≤ 1.1"),
        _times("first page of the list of invoices", many["list_ms"], few["list_ms"], "ms", before, "≤ 1.2"),
    ]  # fmt: skip


def _times(
    work: str, ours: float, base: float, unit: str, baseline: str, goal: str
) -> tuple[str, str, str, str, str]:
    return work, f"{ours:,.2f} {unit}", f"{base:,.2f} {unit} ({baseline})", f"{ours / base:.2f}", goal


def _rate(
    work: str, ours: float, base: float, unit: str, baseline: str, goal: str
) -> tuple[str, str, str, str, str]:
    return work, f"{ours:,.0f} {unit}", f"{base:,.0f} {unit} ({baseline})", f"{ours / base:.2f}", goal


def table(result: dict[str, Any]) -> str:
    """Write the rows as a Markdown table."""
    head = ("work", "Strongbox", "baseline of the same run", "ratio", "goal")
    lines = [head, ("---", "---", "---", "---:", "---"), *rows(result)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def page(result: dict[str, Any], name: str) -> str:
    """Write docs/performance.md."""
    run = result["run"]
    return f"""# What protection costs

Every figure is a ratio to a baseline measured in the same run, because machines differ and drift. The baseline
`bench/plain` is a small Django and DRF project with the same tables, numbering and ledger, and no encryption,
row-level security, audit or sign-in.

Made by `make bench` (`SIZE=large` takes larger sizes) on {run["on"]}, commit {run["commit"]}, size {run["size"]}:
{run["cores"]} cores, {run["machine"]}, Python {run["python"]}. Stored in bench/results/{name}.

{table(result)}

Key rotation waits at least a second and a half for transactions that may still write under the old key; with few rows
that wait is most of its time. Encryption through a model counts the field's own work in Python: binding the value to its
row, counting the encryption, and the lazy attribute; the bulk path (`crypto.rows`) has less of it.

Absolute times on shared cores swing by a factor of two between runs; trust the ratios, and those to about 20 %.
A ratio that misses its goal stands here as it is.
"""
