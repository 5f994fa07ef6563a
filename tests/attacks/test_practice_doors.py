"""The doors behind a practice mail: guessed and foreign links, programs, values that somebody sends, whoever looks."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.test import Client

from audit.models import Event
from core import clock, ids
from core.actor import Actor
from outbound.models import OutboxMessage
from tenancy.context import Scope, scope
from tests.make import accounts
from tests.make import training as make
from training.models import PracticeCampaign, PracticeResult, SuspiciousMessage
from training.practice import running

pytestmark = pytest.mark.django_db(transaction=True)
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
SECRET = "hunter2-of-ada"


def browser(agent: str = FIREFOX, *, of: str = "") -> Client:
    client = Client(raise_request_exception=False, headers={"User-Agent": agent})
    if of:
        client.cookies[settings.SESSION_COOKIE_NAME] = of
    return client


class Practice:
    """Practice that runs in an organization: two clerks got their mail an hour ago."""

    def __init__(self, tenant):
        self.tenant, at = tenant, clock.now() - timedelta(hours=1)
        with scope(Scope(tenant)):
            (self.ben,) = make.settled(1, at=at)
            self.ada = accounts.member("billing_clerk", user=accounts.person(name="Zora Quist"), at=at)
            campaign, _ = make.practised(accounts.member("owner"), accounts.member("admin"), at=at)
            rows = [
                PracticeResult(campaign_id=campaign, member=member, role="billing_clerk", due_at=at)
                for member in (self.ada, self.ben)
            ]
            PracticeResult.objects.bulk_create(rows)
            self.campaign = campaign
            self.row, self.link = rows[0].pk, "/doc/" + make.post(rows[0], at=at)
            self.other = "/doc/" + make.post(rows[1], at=at)
            self.keys = {}
            for name, member in (("ada", self.ada), ("ben", self.ben)):
                opened = accounts.session(member.user)
                accounts.change(opened.session, tenant_id=tenant)
                self.keys[name] = opened.raw_key

    def standing(self):
        with scope(Scope(self.tenant)):
            row = PracticeResult.objects.get(pk=self.row)
            return row.state, row.robots, row.reported_at is not None

    def events(self, code):
        with scope(Scope(self.tenant)):
            return list(Event.objects.filter(event=f"training.practice_{code}").order_by("at", "id"))


@pytest.fixture
def one(tenant_a):
    return Practice(tenant_a)


def test_programs_that_fetch_a_link_are_no_person(one):
    """HEAD, a bare GET, also with a browser's name; a fact sent by what calls itself a program."""
    assert browser().head(one.link).status_code == 200
    assert browser("Mozilla/5.0 (compatible; URL-Scanner)").get(one.link).status_code == 200
    page = browser().get(one.link)
    assert page.status_code == 200
    assert browser("python-requests/2").post(one.link, {"fact": "clicked"}).status_code == 302
    assert browser("").post(one.link, {"fact": "typed"}).status_code == 302
    assert one.standing() == ("sent", 3, False)
    assert len(one.events("fetched")) == 3
    assert one.events("clicked") == []
    # The counter-story: a hand on the page is one, and once.
    for _ in range(3):
        assert browser().post(one.link, {"fact": "clicked"}).headers["Location"] == f"{one.link}/lesson"
    assert one.standing() == ("clicked", 2, False)
    assert len(one.events("clicked")) == 1
    browser().get(one.link)
    assert one.standing() == ("clicked", 2, False)


def test_the_page_takes_no_value(one, caplog):
    page = browser().get(f"{one.link}?email={SECRET}").content.decode()
    inputs = [piece.partition(">")[0] for piece in page.split("<input")[1:]]
    named = [each for each in inputs if "name=" in each]
    assert len(inputs) == 3
    assert len(named) == 1 and "csrfmiddlewaretoken" in named[0], "what has no name is sent by no browser"
    assert "password" not in page
    for body in (
        {"fact": "typed", "email": SECRET},
        {"fact": SECRET},
        {"email": SECRET},
        {},
        {"fact": "typed", SECRET: "x"},
    ):
        assert browser().post(one.link, body).status_code == 422
    assert one.standing()[0] == "sent"
    refused = one.events("refused")
    assert {event.reason for event in refused} == {"values_refused"}
    assert len(refused) == 5
    with scope(Scope(one.tenant)):
        told = [str((event.facts, event.reason, event.fields)) for event in Event.objects.all()]
        kept = [str(list(PracticeResult.objects.values())), *told, caplog.text]
    assert not any(SECRET in text for text in kept)
    assert browser().put(one.link, {"fact": "typed"}).status_code == 405


def test_guessed_foreign_and_old_links_open_nothing(one, tenant_b):
    raw = one.link.removeprefix("/doc/")
    foreign = ids.base32(tenant_b) + raw[26:]
    for guess in (raw[:-1] + ("a" if raw[-1] != "a" else "b"), foreign, raw[:-1], "x", raw.upper()):
        for path in (f"/doc/{guess}", f"/doc/{guess}/lesson"):
            answer = browser().get(path)
            assert answer.status_code == 404
            assert b"Quillmark" not in answer.content
            assert browser().post(f"/doc/{guess}", {"fact": "typed"}).status_code == 404
    assert one.standing() == ("sent", 0, False)
    assert {event.reason for event in one.events("refused")} == {"practice_link_unknown"}
    with scope(Scope(one.tenant)):
        running.stop(campaign_id=one.campaign, actor=Actor.system("tests"), at=clock.now())
    assert browser().get(one.link).status_code == 404, "it was taken back before it left"


def test_a_mail_that_is_over_teaches_and_counts_nothing(one):
    with scope(Scope(one.tenant)):
        OutboxMessage.objects.filter(template="practice").update(state="sent")
        running.stop(campaign_id=one.campaign, actor=Actor.system("tests"), at=clock.now())
    assert browser().get(one.link).headers["Location"] == f"{one.link}/lesson"
    browser().post(one.link, {"fact": "typed"})
    page = browser().get(f"{one.link}/lesson").content.decode()
    assert "What gave it away" in page and "34 days overdue" in page
    assert one.standing() == ("sent", 0, False)
    assert browser().post(f"{one.link}/lesson").status_code == 302
    assert len(one.events("learned")) == 1


def test_somebody_elses_hand_and_somebody_elses_report_do_nothing(one):
    """Ben is signed in and opens Ada's link; and reports it as if it had been his."""
    ben, ada = browser(of=one.keys["ben"]), browser(of=one.keys["ada"])
    ben.post(one.link, {"fact": "typed"})
    assert one.standing() == ("sent", 0, False)
    told = {"kind": "mail", "done": "nothing", "sender": "", "text": f"Look: http://localhost:8000{one.link}"}
    assert "/training/reported" in ben.post("/o/a/training/report", told).headers["Location"]
    assert one.standing() == ("sent", 0, False)
    own = f"/o/a/training/practice/{ids.encode('practice_result', one.row)}"
    assert (ada.get(own).status_code, ben.get(own).status_code) == (404, 404), "it still runs"
    # The counter-story: Ada's own click names her nowhere in the trail, and her own report counts at once.
    ada.post(one.link, {"fact": "clicked"})
    (clicked,) = one.events("clicked")
    assert (clicked.actor_id, clicked.session_id, clicked.network) == (None, None, "")
    assert all(event.actor_id is None for event in one.events("fetched"))
    assert ada.post("/o/a/training/report", told).headers["Location"] == own
    assert one.standing() == ("clicked", 0, True)
    with scope(Scope(one.tenant)):
        assert SuspiciousMessage.objects.count() == 1, "practice is no alarm"
    assert b"Well seen" in ada.get(own).content
    # Nothing that names her there names what she did: neither directly nor by the mail's id.
    with scope(Scope(one.tenant)):
        hers = Event.objects.filter(actor_id=one.ada.user_id)
        assert not hers.filter(subject_id=one.row).exists()
        assert {event.event for event in hers if event.event.startswith("training.practice")} == {
            "training.practice_reported"
        }
    assert ben.get(own).status_code == 404


def test_names_are_for_whoever_looks_after_training(one):
    path = f"/o/a/training/campaigns/{ids.encode('practice', one.campaign)}"
    clients = {}
    with scope(Scope(one.tenant)):
        for role in ("auditor", "security_officer", "billing_manager"):
            opened = accounts.session(accounts.member(role).user)
            accounts.change(opened.session, tenant_id=one.tenant)
            clients[role] = browser(of=opened.raw_key)
    assert [client.get(path).status_code for client in clients.values()] == [200, 200, 403]
    answers = [client.get(f"{path}/people") for client in clients.values()]
    assert [answer.status_code for answer in answers] == [403, 200, 403]
    assert [b"Zora Quist" in answer.content for answer in answers] == [False, True, False]
    assert [client.post(f"{path}/stop").status_code for client in clients.values()] == [403, 302, 403]
    page = clients["auditor"].get(path).content.decode()
    assert "Zora Quist" not in page
    assert "Too few mails have arrived" in page, "of three people a number names somebody"
    assert len(one.events("people_read")) == 1
    with scope(Scope(one.tenant)):
        assert PracticeCampaign.objects.get().state == "stopped"
