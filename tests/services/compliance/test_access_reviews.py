"""A review of access: everything that lets somebody in, decided line by line, signed, and then as it is."""

import io
import json
import zipfile
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.db import DatabaseError
from pypdf import PdfReader

from accounts.models import ApiKey, Membership
from audit.models import Event
from billing.customers import services as customers
from billing.customers.models import CustomerGrant
from compliance import verifier
from compliance.packs import contents
from compliance.packs import making as packs
from compliance.reviews import paper, queries, record, reminding, services
from compliance.reviews.models import AccessLine, AccessReview
from core import clock, ids, primitives
from core.actor import Actor
from core.errors import Invalid
from outbound.models import OutboxMessage
from tenancy.context import Scope, attempt, scope
from tests import databases
from tests.guarantees import world
from tests.make import accounts, billing
from tests.services.compliance.conftest import Ask

pytestmark = pytest.mark.django_db(transaction=True)
DAY = timedelta(days=1)


@pytest.fixture
def owner(tenant_a: UUID) -> Membership:
    with scope(Scope(tenant_a)):
        return accounts.member("owner")


def act(review: AccessReview, line: AccessLine, actor: Actor, **given: Any) -> AccessLine:
    decision = services.Decision(line_id=line.pk, **{"keep": True, **given})
    return services.decide(review_id=review.pk, decision=decision, actor=actor, at=clock.now())


def begun(actor: Actor) -> AccessReview:
    at = clock.now()
    return services.begin(due_on=at.date() + 9 * DAY, actor=actor, at=at)


def codes() -> set[str]:
    return set(Event.objects.values_list("event", flat=True))


def test_a_review_from_its_first_line_to_the_pack(tenant_a: UUID, owner: Membership, ask: Ask) -> None:
    at = clock.now()
    with scope(Scope(tenant_a)):
        me = accounts.actor(owner.user)
        admin, clerk = accounts.member("admin"), accounts.member("developer")
        kept, lost = accounts.api_key(owner), accounts.api_key(admin, scopes=["customer:read"])
        role = accounts.custom_role("night_shift", ["invoice:read"])
        seen = billing.customer()
        customers.open_to(customer_id=seen.pk, member_id=clerk.pk, until=at + 9 * DAY, actor=me, at=at)
        page = world.browser(accounts.session(clerk.user).raw_key)
        where = ids.encode("customer", seen.pk)
    assert page.get(f"/o/a/customers/{where}").status_code == 200
    with scope(Scope(tenant_a)):
        review = begun(me)
        with pytest.raises(services.ReviewIsOpen), attempt():
            begun(me)
        lines = {(each.kind, each.object_id): each for each in AccessLine.objects.all()}
        grant = CustomerGrant.objects.get()
        expected = {
            ("member", owner.pk), ("member", admin.pk), ("member", clerk.pk), ("api_key", kept.key.pk),
            ("api_key", lost.key.pk), ("grant", grant.pk), ("role", role.pk), ("role", owner.role_id),
            ("role", admin.role_id), ("role", clerk.role_id),
        }  # fmt: skip
        assert set(lines) == expected
        assert lines["grant", grant.pk].last_used_at is not None, "it was opened, as the trail says"

        with pytest.raises(Invalid), attempt():
            act(review, lines["api_key", lost.key.pk], me, keep=False)
        act(review, lines["api_key", lost.key.pk], me, keep=False, reason="Nobody uses it")
        act(review, lines["grant", grant.pk], me, keep=False, reason="The audit is over")
        act(review, lines["role", role.pk], me, keep=False, reason="Nobody has it")
        with pytest.raises(services.AlreadyWithdrawn), attempt():
            act(review, lines["role", role.pk], me)
        assert ApiKey.objects.get(pk=lost.key.pk).revoked_at is not None
        assert not CustomerGrant.objects.exists()
        with pytest.raises(services.ReviewUnfinished), attempt():
            services.sign(review_id=review.pk, statement="", actor=me, at=clock.now())

        other = accounts.actor(admin.user)
        for line in AccessLine.objects.filter(decision=""):
            act(review, line, other if line.user_id == owner.user_id else me)
        services.sign(review_id=review.pk, statement="All looked at.", actor=me, at=clock.now())
        with pytest.raises(services.ReviewIsSigned), attempt():
            services.sign(review_id=review.pk, statement="", actor=me, at=clock.now())
        row = queries.review(review.pk, at=at)
        assert (row.state, row.kept, row.withdrawn, row.holds) == ("signed", 7, 3, True)
        assert {
            "access_review.begun",
            "access_review.decided",
            "access_review.signed",
            "apikey.revoked",
        } <= codes()
        read = contents.read(framework="pci-dss", since=at.date(), until=at.date(), at=clock.now())
        assert any(name.startswith("access-reviews/acr_") for name in read.files)
        signer = packs.signer(at=clock.now())
    with zipfile.ZipFile(io.BytesIO(packs.assemble(read, slug="a", key=signer, at=clock.now()))) as book:
        (printed,) = [
            name for name in book.namelist() if name.startswith("access-reviews/") and ".pdf" in name
        ]
        said = "".join(each.extract_text() for each in PdfReader(io.BytesIO(book.read(printed))).pages)
        assert json.loads(book.read("manifest.json"))["manifest"]["files"][printed]["bytes"] > 1_000
    said = "".join(sign for sign in said if sign.isprintable())
    assert "Withdrawn" in said and "All looked at." in said and row.digest[:24] in said.replace(" ", "")
    assert ask("access.review").state == "passing"
    assert ask("access.review", at + timedelta(days=184)).state == "failing"


def test_nobody_decides_about_themselves_while_somebody_else_can(tenant_a: UUID, owner: Membership) -> None:
    with scope(Scope(tenant_a)):
        me = accounts.actor(owner.user)
        review = begun(me)
        own = AccessLine.objects.get(kind="member")
        assert act(review, own, me).decision == "keep", "a founder acts alone"
        admin = accounts.member("admin")
        own = AccessLine.objects.get(kind="member")
        with pytest.raises(services.NobodyReviewsThemselves) as refused, attempt():
            act(review, own, me, reason="I am fine")
        assert AccessLine.objects.get(pk=own.pk).reason is None
        limited = accounts.custom_role("people_only", ["member:manage"])
        Membership.objects.filter(pk=admin.pk).update(role=limited)
        key = accounts.api_key(owner)
    from accounts.refusals import record_apart

    record_apart(refused.value, actor=me)
    with scope(Scope(tenant_a)):
        assert "access_review.refused" in codes()
        assert key.key.revoked_at is None


def test_what_was_signed_stays_and_a_change_is_seen(tenant_a: UUID, owner: Membership, ask: Ask) -> None:
    with scope(Scope(tenant_a)):
        me = accounts.actor(owner.user)
        review = begun(me)
        for line in AccessLine.objects.all():
            act(review, line, me, reason="needed")
        services.sign(review_id=review.pk, statement="", actor=me, at=clock.now())
    for change in (
        lambda: AccessReview.objects.update(kept=9),
        lambda: AccessLine.objects.update(decision="gone"),
        lambda: AccessLine.objects.all().delete(),
        lambda: AccessReview.objects.all().delete(),
        lambda: AccessLine(
            review=review, kind="role", object_id=review.pk, decision="keep", decided_at=clock.now()
        ).save(force_insert=True),
    ):
        with scope(Scope(tenant_a)), pytest.raises(DatabaseError), attempt():
            change()
    # Whoever owns the database can do anything; then the signature says so.
    databases.as_owner("ALTER TABLE compliance_accessline DISABLE TRIGGER stays")
    try:
        databases.as_owner("UPDATE compliance_accessline SET decision = 'gone' WHERE kind = 'role'")
    finally:
        databases.as_owner("ALTER TABLE compliance_accessline ENABLE TRIGGER stays")
    with scope(Scope(tenant_a)):
        assert not record.holds(AccessReview.objects.get())
    assert ask("access.review").state == "failing"


def test_a_signed_review_is_checked_without_strongbox(
    tenant_a: UUID, owner: Membership, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As an auditor has it: the file beside the paper, one program, and the key that was told another way."""
    with scope(Scope(tenant_a)):
        me = accounts.actor(owner.user)
        review = begun(me)
        unsigned = queries.record_of(review.pk)
        for line in AccessLine.objects.all():
            act(review, line, me, reason="needed")
        services.sign(review_id=review.pk, statement="Looked at, Grüße.", actor=me, at=clock.now())
        taken: dict[str, Any] = queries.record_of(review.pk)
        paper_of = paper.of(review.pk)
    key, path = str(taken["public_key"]), tmp_path / "review.json"

    def said(body: object, trusted: str = key) -> list[str]:
        path.write_text(json.dumps(body))
        return verifier.verify(path, trusted).problems

    assert said(taken) == []
    assert verifier.main([str(path), "--public-key", key]) == 0
    printed = capsys.readouterr().out
    assert str(taken["sha256"]) in printed and "as it was signed" in printed
    shown = dict(paper_of.document.tables[0].rows)
    assert shown["Record (SHA-256)"] == verifier.verify(path).sha256
    assert (shown["Signature (Ed25519)"], shown["Public key"]) == (taken["signature"], key)
    assert "python verifier.py" in paper_of.document.note
    # An erased person leaves the signature whole; everything else is seen.
    assert said({**taken, "names": {}}) == []
    record_ = taken["record"]
    other, public = primitives.ed25519_generate()
    forged = {**record_, "statement": "Somebody else's"}
    digest = primitives.sha256(record.DOMAIN + verifier.canonical(forged))
    resigned = {
        **taken, "record": forged, "sha256": digest.hex(), "public_key": public.hex(),
        "signature": primitives.ed25519_sign(other, record.DOMAIN + digest).hex(),
    }  # fmt: skip
    for body, problem in (
        ({**taken, "record": forged}, "the record is not the one its hash names"),
        ({**taken, "record": forged, "sha256": digest.hex()}, "the signature does not match"),
        (resigned, "it was signed with another key than the trusted one"),
        ({**resigned, "public_key": key}, "the signature does not match"),
        (unsigned, "nobody has signed this review"),
        ({"record": record_}, "this is no review of access"),
        ([], "this is no review of access"),
    ):
        assert said(body) == [problem]
    assert verifier.main([str(path)]) == 1


def test_the_control_knows_late_from_young(tenant_a: UUID, owner: Membership, ask: Ask) -> None:
    assert ask("access.review").summary.startswith("The first review is due")
    with scope(Scope(tenant_a)):
        me, at = accounts.actor(owner.user), clock.now()
        for due in (at.date(), at.date() + 99 * DAY):
            with pytest.raises(Invalid), attempt():
                services.begin(due_on=due, actor=me, at=at)
        begun(me)
    late: datetime = clock.now() + 10 * DAY
    assert ask("access.review").state == "passing"
    assert ask("access.review", late).state == "failing"


def test_a_page_of_lines_is_decided_in_one_act_or_not_at_all(tenant_a: UUID, owner: Membership) -> None:
    with scope(Scope(tenant_a)):
        opened = accounts.session(owner.user)
        page, me = world.browser(opened.raw_key), accounts.actor(owner.user, opened=opened)
        officer = world.browser(accounts.session(accounts.member("security_officer").user).raw_key)
        accounts.member("admin")
        key = accounts.api_key(owner).key
        review = begun(me)
        lines = {(each.kind, each.object_id): each for each in AccessLine.objects.all()}
    url = f"/o/a/compliance/access-reviews/{ids.encode('access_review', review.pk)}"
    its = lines["api_key", key.pk].pk.hex
    assert page.get(f"{url}?kind=api_key").status_code == 200
    asked = {f"decision-{its}": "withdraw", "act": "keep_rest"}
    # The key is the owner's own: another decides, whatever is posted.
    assert page.post(url, asked).status_code == 302
    assert officer.get(url).status_code == 200
    assert officer.post(url, asked).status_code == 403
    with scope(Scope(tenant_a)):
        assert AccessLine.objects.get(pk=its).decision == ""
        assert AccessLine.objects.filter(decision="keep").count() == 5
        admin = Membership.objects.get(role__code="admin")
        other = world.browser(accounts.session(admin.user).raw_key)
    answered = other.post(url, {**asked, "act": ""})
    assert answered.status_code == 422
    assert b"Say why it is withdrawn" in answered.content
    refused = other.post(url, {**asked, f"reason-{its}": "Not ours"})
    assert refused.status_code == 422, "an administrator ends nothing of an owner"
    with scope(Scope(tenant_a)):
        assert AccessLine.objects.filter(decision="").count() == 2
        assert ApiKey.objects.get(pk=key.pk).revoked_at is None
    assert other.post(url, {"act": "keep_rest"}).status_code == 302
    assert page.get(f"{url}/record").json()["signature"] == ""
    assert page.get(f"{url}/review.pdf").status_code == 409
    assert page.post(f"{url}/sign", {"statement": "Done"}).status_code == 302
    paper = page.get(f"{url}/review.pdf")
    assert (paper.status_code, paper.content[:5]) == (200, b"%PDF-")
    taken = page.get(f"{url}/record").json()
    assert taken["record"]["statement"] == "Done"
    assert len(taken["record"]["lines"]) == len(lines)
    assert page.post(url, {"act": "keep_rest"}).status_code == 302, "nothing is left to decide"
    assert b"as it was signed" in page.get(url).content


def test_whoever_began_a_review_is_reminded_before_its_day_and_while_it_is_late(in_a: UUID) -> None:
    owner, admin = accounts.member("owner"), accounts.member("admin")
    review = begun(accounts.actor(owner.user))
    system = Actor.system("tests")

    def told(days: int, hour: int = 9) -> list[str]:
        before = OutboxMessage.objects.filter(template="access_review_due").count()
        at = datetime.combine(review.due_on + timedelta(days=days), time(hour), tzinfo=UTC)
        reminding.remind(actor=system, at=at)
        rows = OutboxMessage.objects.filter(template="access_review_due").order_by("id")
        return [each.body["to"] for each in rows[before:]]

    assert told(-9) == []
    assert told(-7, hour=4) == [], "nobody is reminded in the night"
    assert told(-7) == [owner.user.email]
    assert told(-6) == [], "each step once"
    assert told(-1) == [owner.user.email]
    assert told(0) == []
    assert told(1) == [owner.user.email]
    assert told(7) == []
    # Where whoever began it has left, those who may go on with it are told.
    Membership.objects.filter(pk=owner.pk).update(state="suspended")
    assert told(8) == [admin.user.email]
    text = OutboxMessage.objects.filter(template="access_review_due").order_by("-id")[0].body["text"]
    assert "was due on" in text and "Ada" not in text
    assert Event.objects.filter(event="access_review.reminded", subject_id=review.pk).count() == 4
