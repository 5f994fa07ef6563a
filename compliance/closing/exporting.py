"""Everything an organization has, as one file: each table as JSON, each stored file whole."""

import json
import zipfile
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import models

from compliance.personaldata import collecting
from compliance.personaldata.collecting import Table
from compliance.personaldata.exporting import MOST_BYTES, Pipe
from core.datapolicy import Owner
from outbound import files
from outbound.models import StoredFile
from tenancy.checks import managed_models, policy_of
from tenancy.context import Scope, scope

__all__ = ["MOST_BYTES", "counts", "pieces", "tables"]


def tables() -> list[Table]:
    """Return every table of the organization in scope."""
    found = []
    for model in sorted(managed_models(), key=lambda each: each._meta.label):
        policy = policy_of(model)
        columns = {field.attname for field in model._meta.concrete_fields}
        if policy is None or policy.owner is Owner.GLOBAL or "tenant_id" not in columns:
            continue
        rows: models.QuerySet[Any] = model._default_manager.all().order_by("pk")
        found.append(Table(model, rows, policy))
    return found


def counts() -> dict[str, int]:
    """Count the rows of each table of the organization in scope; empty ones are left out."""
    found = {table.label: table.rows.count() for table in tables()}
    return {label: count for label, count in found.items() if count}


def pieces(*, tenant_id: UUID, at: datetime) -> Iterator[bytes]:
    """Write the file piece by piece; call it outside any scope."""
    inside = Scope(tenant_id)
    with scope(inside):
        all_tables, counted = tables(), counts()
        stored = list(
            StoredFile.objects.filter(state=StoredFile.State.READY)
            .order_by("pk")
            .values_list("pk", flat=True)
        )
    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as book:
        about = {"organization": str(tenant_id), "made_at": at.isoformat(), "rows": counted}
        book.writestr("about.json", json.dumps(about, indent=1))
        yield pipe.taken()
        for table in all_tables:
            if table.label not in counted:
                continue
            with book.open(f"data/{table.label}.json", "w", force_zip64=True) as member:
                for piece in _rows(inside, table):
                    member.write(piece)
                    if ready := pipe.taken():
                        yield ready
        for key in stored:
            with scope(inside):
                row = StoredFile.objects.filter(pk=key, content_key__isnull=False).first()
                content = list(files.plaintext(row)) if row is not None else []
            with book.open(f"files/{key}", "w", force_zip64=True) as member:
                for piece in content:
                    member.write(piece)
                    if ready := pipe.taken():
                        yield ready
    yield pipe.taken()


def _rows(inside: Scope, table: Table) -> Iterator[bytes]:
    after: Any = None
    before = "[\n"
    while True:
        with scope(inside):
            found, after = collecting.page(table, after)
        for row in found:
            yield f"{before}{json.dumps(row, ensure_ascii=False)}".encode()
            before = ",\n"
        if after is None:
            break
    yield b"\n]\n" if before != "[\n" else b"[]\n"
