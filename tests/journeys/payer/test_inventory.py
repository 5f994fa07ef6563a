"""What the pay page runs, against the reviewed list; and that nothing else is loaded from anywhere."""

import json
import re

import pytest
from django.core.management import call_command
from django.test import Client, override_settings

from payments.services import links
from tenancy.context import Scope, scope
from tests.make import billing
from web.pay import inventory

AT = billing.AT


def test_the_pay_page_runs_what_was_reviewed_and_nothing_else():
    """After a review: `manage.py pay_page_review --accept`."""
    odd = {asset.name: asset.state.value for asset in inventory.assets() if asset.state != "reviewed"}
    assert odd == {}
    assert all(entry["why"] for entry in inventory.reviewed().values())


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["page", "result", "closed"])
def test_each_page_behind_a_pay_link_loads_exactly_the_inventory(tenant_a, kind):
    from core import clock

    with scope(Scope(tenant_a)):
        invoice = billing.finalized(of=billing.customer(email="pay@ada.example"))
        url = links.mint(invoice_id=invoice.pk, actor=billing.ACTOR, at=clock.now())
    token = url.rpartition("/")[2]
    path = {"page": f"/pay/{token}", "result": f"/pay/{token}/result", "closed": f"/pay/{token[:-2]}xx"}[kind]
    answer = Client().get(path, follow=True)
    assert answer.headers["Content-Type"].startswith("text/html")
    assert inventory.served(answer.content.decode()) == inventory.served()
    loaded = re.findall(r"""(?:src|href)=["']?(https?:)?//""", answer.content.decode())
    assert loaded == []


def test_what_a_script_imports_is_followed(tmp_path):
    (tmp_path / "js").mkdir()
    (tmp_path / "js/first.js").write_text('import {x} from "./second.js";\nx();\n')
    (tmp_path / "js/second.js").write_text('export * from "../third.js";\n')
    (tmp_path / "third.js").write_text("export const x = () => {};\n")
    with override_settings(STATICFILES_DIRS=[tmp_path]):
        found = inventory.served('<script type="module" src="/static/js/first.js"></script>')
    assert list(found) == ["js/first.js", "js/second.js", "third.js"]


def test_every_file_is_there_and_nothing_is_imported_by_name():
    found = inventory.served()
    assert {"js/app.js", "vendor/hx-csp-4.0.1.min.js", "vendor/htmx-4.0.1.min.js", "css/payer.css"} <= set(
        found
    )
    assert all(re.fullmatch(r"[0-9a-f]{64}", digest) for digest in found.values())
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert empty not in found.values()
    for name in found:
        if name.startswith("js/"):
            assert "import(" not in inventory._content(name).decode()


@pytest.mark.parametrize(
    ("html", "found"),
    [
        ("<script>alert(1)</script>", "inline script"),
        ("<style>p{}</style>", "inline style"),
        ("<script src='https://elsewhere.example/x.js'></script>", "https://elsewhere.example/x.js"),
        ("<link rel='preload stylesheet' href='/static/css/other.css'>", "css/other.css"),
    ],
)
def test_what_does_not_belong_there_is_named(html, found):
    assert list(inventory.served(html)) == [found]


def test_a_file_that_is_new_gone_or_changed_is_seen(monkeypatch, tmp_path, capsys):
    listed = {name: dict(entry) for name, entry in inventory.reviewed().items()}
    del listed["js/app.js"]
    listed["css/kit.css"]["sha256"] = "0" * 64
    listed["js/removed.js"] = {"sha256": "0" * 64, "why": "It was there"}
    list_file = tmp_path / "reviewed.json"
    list_file.write_text(json.dumps(listed))
    monkeypatch.setattr(inventory, "REVIEWED", list_file)
    states = {asset.name: asset.state.value for asset in inventory.assets() if asset.state != "reviewed"}
    assert states == {"js/app.js": "new", "css/kit.css": "changed", "js/removed.js": "gone"}
    with pytest.raises(SystemExit):
        call_command("pay_page_review", "--json")
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert {error["file"]: error["state"] for error in said["errors"]} == states
    with pytest.raises(SystemExit):
        call_command("pay_page_review", "--accept", "--json")
    left = json.loads(capsys.readouterr().out.splitlines()[-1])["errors"]
    assert [(error["file"], error["state"]) for error in left] == [("js/app.js", "new")]
