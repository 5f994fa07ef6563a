"""An organization ends: exported, held for a month, and then nobody can read it, which the certificate proves."""

import base64
import hashlib
import io
import json
import re
import zipfile
from datetime import timedelta
from pathlib import Path

import pypdf
import pytest
from django.core.management import call_command

from audit.models import Event
from billing.customers.models import Customer
from compliance.closing import paper, services
from compliance.closing.models import Closing
from core import canonical
from core.errors import NotFound, Sealed
from outbound import files
from tenancy import context
from tenancy.context import Scope, scope
from tests.make import api, installation
from tests.make import billing as make

NOW = make.AT
OVER = NOW + timedelta(days=30)


@pytest.mark.django_db(transaction=True)
def test_an_organization_is_closed_and_nobody_reads_it_any_more(
    tenant_a, tenant_b, settings, tmp_path
) -> None:
    settings.FILES_DIR = tmp_path / "files"
    with scope(Scope(tenant_a)):
        ada = make.customer("Kanarinf")
        files.store(
            kind="test", name="note.txt", media_type="text/plain", chunks=[b"kanarinf file"], actor=make.ACTOR,
            at=NOW,
        )  # fmt: skip
    with scope(Scope(tenant_b)):
        make.customer("Kanaring")
    taken = io.BytesIO()
    row = services.begin(tenant_id=tenant_a, actor=make.ACTOR, now=lambda: NOW, also=taken.write)
    assert (row.state, row.until) == ("holding", OVER)
    assert hashlib.sha256(taken.getvalue()).hexdigest() == row.digest
    with zipfile.ZipFile(taken) as book:
        assert json.loads(book.read("data/billing.Customer.json"))[0]["name"] == "Kanarinf"
        whole = b"".join(book.read(name) for name in book.namelist())
        assert b"kanarinf file" in whole
        assert b"Kanaring" not in whole
    with pytest.raises(services.ClosingAlready):
        services.begin(tenant_id=tenant_a, actor=make.ACTOR, now=lambda: NOW)
    with scope(Scope(tenant_a)):
        with pytest.raises(services.NotOverYet), context.attempt():
            services.close(actor=make.ACTOR, at=OVER - timedelta(seconds=1))
        assert Customer.objects.get(pk=ada.pk).name == "Kanarinf"
        closed = services.close(actor=make.ACTOR, at=OVER)
    assert services.shred_files(tenant_a) == 2
    assert not (Path(settings.FILES_DIR) / tenant_a.hex).exists()
    certificate = dict(closed.certificate)
    digest = hashlib.sha256(canonical.dumps({k: v for k, v in certificate.items() if k != "sha256"}))
    assert certificate["sha256"] == digest.hexdigest()
    on_paper = "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(paper.of(closed))).pages)
    for said in (
        certificate["sha256"],
        certificate["export_sha256"],
        *(key["id"] for key in certificate["keys"]),
    ):
        assert said in re.sub(r"\s|\u200b", "", on_paper)
    assert certificate["rows_that_can_be_read_no_more"]["billing.Customer"] == 1
    with scope(Scope(tenant_a)):
        event = Event.objects.get(event="organization.closed")
        assert event.facts["keys"] == len(certificate["keys"]) > 4
        assert event.facts["certificate"] == base64.b32encode(digest.digest()).decode().rstrip("=").lower()
        with pytest.raises(Sealed), context.attempt():
            str(Customer.objects.get(pk=ada.pk).name)
    with scope(Scope(tenant_b)):
        assert Customer.objects.get().name == "Kanaring"


@pytest.mark.django_db(transaction=True)
def test_a_closing_can_be_taken_back_by_the_command_it_was_begun_with(tenant_a, capsys, tmp_path) -> None:
    out = tmp_path / "all.zip"
    call_command("organization_close", "a", "--out", str(out), "--json")
    begun = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert begun["state"] == "holding"
    assert hashlib.sha256(out.read_bytes()).hexdigest() == begun["export_sha256"]
    assert out.stat().st_mode & 0o777 == 0o600
    call_command("organization_close", "a", "--json")
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["until"] == begun["until"]
    call_command("organization_close", "a", "--cancel", "--json")
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["state"] == "canceled"
    with scope(Scope(tenant_a)):
        assert Closing.objects.get().state == "canceled"
        assert {"organization.closing", "organization.reopened"} <= set(
            Event.objects.values_list("event", flat=True)
        )
        with pytest.raises(NotFound), context.attempt():
            services.cancel(actor=make.ACTOR, at=NOW)


def test_the_operator_stays(db) -> None:
    operator = installation.tenants(kind="operator")[0].pk
    with pytest.raises(services.OperatorStays):
        services.begin(tenant_id=operator, actor=make.ACTOR, now=lambda: NOW)


@pytest.mark.django_db(transaction=True)
def test_a_customer_is_erased_by_the_command(tenant_a, capsys) -> None:
    api.set_issuer(tenant_a)
    with scope(Scope(tenant_a)):
        ada = make.customer("Ada Lovelace")
        friend = make.customer("Charles Babbage", notes="For Ada Lovelace. Lovelace Ltd is somebody else.")
        make.finalized(of=friend, lines=[make.line(text="Hours of Ada Lovelace")])
    call_command("erase_subject", "--organization", "a", "--customer", str(ada.pk), "--json")
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["erased"]["customers"] == 1 and told["kept"] == []
    # Nobody looks at each place here: whole names alone go, and an issued document stays as it is.
    assert (told["erased"]["words"], told["erased"]["words_kept"] >= 1) == (1, True)
    with scope(Scope(tenant_a)):
        friend.refresh_from_db()
        assert friend.notes == "For [removed]. Lovelace Ltd is somebody else."
    with pytest.raises(SystemExit):
        call_command("erase_subject", "--organization", "a", "--customer", str(ada.pk), "--json")
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["error"] == "erased_already"
