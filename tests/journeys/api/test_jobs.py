"""Jobs over the API."""

from core import clock
from tenancy import jobs
from tenancy.context import Scope, scope


def test_a_job_shows_how_far_it_has_come(api):
    with scope(Scope(api.tenant)):
        job = jobs.start(kind="import", at=clock.now(), total=10)
        jobs.advance(job_id=job.pk, at=clock.now(), done=4, total=10, counts={"created": 4})
    listed = api.get("jobs").json()
    assert listed["object"] == "list" and listed["has_more"] is False and listed["next_cursor"] is None
    (shown,) = listed["data"]
    assert shown == api.get(f"jobs/{shown['id']}").json()
    assert (shown["state"], shown["done"], shown["total"], shown["counts"]) == (
        "running",
        4,
        10,
        {"created": 4},
    )
