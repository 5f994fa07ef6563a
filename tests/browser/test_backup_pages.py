"""The pages of backups: the operator's, with rows of every state, and the evidence of any organization."""

from datetime import timedelta

from playwright.sync_api import Browser

from backups import lateness, services
from backups.models import Backup, Copy, Drill
from core import clock, ids
from tenancy.context import Scope, scope
from tests.browser.live import Live, judge
from tests.make import accounts as make
from tests.make import installation
from tests.make.backups import ACTOR, backup, drill, found


def fill(operator) -> tuple[Backup, Drill, Drill]:
    """A month of backups, one of which failed, and two drills, one of which did."""
    at = clock.now()
    with scope(Scope(operator)):
        for day in range(30, 0, -1):
            kind = "full" if day in (30, 23, 16, 9, 2) else "incremental"
            parent = Backup.objects.order_by("-generation").first() if kind == "incremental" else None
            then = at - timedelta(days=day)
            code = "backup_no_target" if day == 12 else ""
            made = backup(at=then, kind=kind, parent=parent, code=code, targets=("locked-bucket", "office"))
            if code:
                continue
            services.note_verified(backup_id=made.pk, sound=4, faults={}, actor=ACTOR, at=then)
        last = Backup.objects.filter(state=Backup.State.DONE).order_by("-generation")[0]
        missing = Copy.objects.filter(backup=last).order_by("pk")[0]
        services.note_verified(
            backup_id=last.pk, sound=3, faults={missing.pk: "not_stored"}, actor=ACTOR, at=at
        )
        lateness.note_stream(
            segment="000000010000000000000009", stored_at=at, covers_at=at, lag_bytes=90_000, at=at
        )
        drills = [drill(), drill(found(wrong="ledger"))]
    return last, drills[0], drills[1]


def test_nothing_is_wrong_with_the_pages_of_backups(browser: Browser, live: Live) -> None:
    operators = Live(live.url, "operator")
    who = operators.person("operator", name="Olga Berg")
    evidence = [f"/o/{live.slug}/security/backups"]
    member = live.person("auditor", name="Hugo Stein")
    assert judge(browser, live, ["/ops/backups"], [operators.cookie(who)]) == {}
    assert judge(browser, live, evidence, [live.cookie(member)]) == {}
    newest, passed, failed = fill(installation.tenant("operator"))
    pk = ids.encode("backup", newest.pk)
    with scope(Scope(installation.tenant("operator"))):
        services.ask_restore(
            kind="organization",
            organization="a",
            wanted_at=None,
            reason="An import went wrong",
            actor=make.actor(who.user),
            at=clock.now(),
        )
    paths = [
        "/ops/backups",
        "/ops/backups/run",
        "/ops/backups/plan",
        "/ops/backups/drill",
        "/ops/backups/restore",
        f"/ops/backups/{pk}",
        f"/ops/backups/{pk}/verify",
        f"/ops/backups/{pk}/hold",
        f"/ops/backups/drills/{ids.encode('restore_drill', passed.pk)}",
        f"/ops/backups/drills/{ids.encode('restore_drill', failed.pk)}",
    ]
    assert judge(browser, live, paths, [operators.cookie(who)]) == {}
    assert judge(browser, live, evidence, [live.cookie(member)]) == {}
