"""The pages of backups: the operator's, with rows of every state, and the evidence of any organization."""

from datetime import timedelta

from playwright.sync_api import Browser

from backups import services
from backups.drills import results
from backups.drills.inside import Found
from backups.models import Backup, Copy, Drill
from core import clock, ids
from core.actor import Actor
from tenancy.context import Scope, scope
from tests.browser.live import Live, judge
from tests.make import accounts as make
from tests.make import installation

ACTOR = Actor.system("tests")


def fill(operator) -> tuple[Backup, Drill, Drill]:
    """A month of backups, one of which failed, and two drills, one of which did."""
    at = clock.now()
    with scope(Scope(operator)):
        for day in range(30, 0, -1):
            kind = "full" if day in (30, 23, 16, 9, 2) else "incremental"
            parent = Backup.objects.order_by("-generation").first() if kind == "incremental" else None
            then = at - timedelta(days=day)
            made = services.begin(kind=kind, parent=parent, floor=0, job_id=None, actor=ACTOR, at=then)
            if day == 12:
                services.fail(backup_id=made.pk, code="backup_no_target", actor=ACTOR, at=then)
                continue
            stored = [
                services.StoredCopy(
                    part=part,
                    target=target,
                    name=f"backups/{made.generation:08d}-{kind}/{part}.sbk",
                    bytes_stored=4_096_000 if kind == "full" else 96_000,
                    sha256="ab" * 32,
                )
                for part in ("database", "files")
                for target in ("locked-bucket", "office")
            ]
            services.finish(
                backup_id=made.pk,
                copies=stored,
                actor=ACTOR,
                at=then + timedelta(seconds=41),
                consistent_at=then + timedelta(seconds=20),
                bytes_in=83_000_000,
            )
            services.note_verified(backup_id=made.pk, sound=4, faults={}, actor=ACTOR, at=then)
        last = Backup.objects.filter(state=Backup.State.DONE).order_by("-generation")[0]
        missing = Copy.objects.filter(backup=last).order_by("pk")[0]
        services.note_verified(
            backup_id=last.pk, sound=3, faults={missing.pk: "not_stored"}, actor=ACTOR, at=at
        )
        services.note_stream(
            segment="000000010000000000000009", stored_at=at, covers_at=at, lag_bytes=90_000, at=at
        )
        drills = []
        for code in ("", "books_do_not_balance"):
            begun = results.begin(wanted=None, job_id=None, actor=ACTOR, at=at - timedelta(hours=3))
            found = [
                Found(
                    name=name,
                    ok=not (code and name == "ledger"),
                    milliseconds=1200,
                    counts={"rows": 1_234},
                    code=code if name == "ledger" else "",
                )
                for name in sorted(results.EXPECTED)
            ]
            drills.append(
                results.keep(
                    drill_id=begun.pk,
                    backup=last,
                    found=found,
                    reached_at=at - timedelta(hours=3),
                    rto_milliseconds=21_400,
                    rpo_milliseconds=41_000,
                    actor=ACTOR,
                    at=at - timedelta(hours=2),
                )
            )
    return last, drills[0], drills[1]


def test_nothing_is_wrong_with_the_pages_of_backups(browser: Browser, live: Live) -> None:
    operators = Live(live.url, "operator")
    who = operators.person("operator", name="Olga Berg")
    evidence = [f"/o/{live.slug}/security/backups"]
    member = live.person("auditor", name="Hugo Stein")
    assert judge(browser, live, ["/ops/backups"], [operators.cookie(who)]) == {}
    assert judge(browser, live, evidence, [live.cookie(member)]) == {}
    backup, passed, failed = fill(installation.tenant("operator"))
    pk = ids.encode("backup", backup.pk)
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
