"""Jobs: how far long work has come. Read only; each is started where its work belongs."""

from typing import Any

from django.http import HttpResponseBase
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import Permission
from api import fields, schema
from api.endpoint import Endpoint
from core import ids
from core.errors import NotFound
from edge.access import access
from tenancy.models import Job


class ShownJob(schema.Shown):
    """Long work, in counts and codes; what it read and refused is an encrypted file."""

    id = fields.Id(kind="job")
    object = serializers.ChoiceField(choices=["job"])
    kind = serializers.CharField()
    state = serializers.ChoiceField(choices=Job.State.values)
    done = serializers.IntegerField()
    total = serializers.IntegerField()
    counts = serializers.DictField(child=serializers.IntegerField())
    code = serializers.CharField(help_text="Why it failed; empty otherwise.")
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)


def write(job: Job) -> dict[str, Any]:
    """Write a job as it is shown."""
    return {
        "id": ids.encode("job", job.pk),
        "object": "job",
        "kind": job.kind,
        "state": job.state,
        "done": job.done,
        "total": job.total,
        "counts": job.counts,
        "code": job.code,
        "created_at": job.created_at,
        "started_at": job.started_at,
        "finished_at": job.finished_at,
    }


@access(get=Permission.JOB_READ)
class Jobs(Endpoint):
    """All jobs. The doorway records the read: a job holds counts and codes, and names nobody."""

    listed = "jobs"

    @schema.describe("jobs_list", "List jobs", gives=ShownJob, listed=True)
    def get(self, request: Request) -> Response:
        """Answer with a page of jobs, newest first."""
        page, _ = self.page()
        rows = Job.objects.order_by("-id")
        if page.after is not None:
            rows = rows.filter(pk__lt=page.after)
        found = list(rows[: page.limit + 1])
        shown = found[: page.limit]
        next_after = shown[-1].pk if len(found) > page.limit else None
        return Response(page.answer([write(job) for job in shown], next_after))


@access(get=Permission.JOB_READ)
class OneJob(Endpoint):
    """One job."""

    @schema.describe("jobs_get", "Read a job", gives=ShownJob)
    def get(self, request: Request, pk: str) -> HttpResponseBase:
        """Answer with the job as it is now."""
        job = Job.objects.filter(pk=ids.decode("job", pk)).first()
        if job is None:
            raise NotFound
        return self.one(write(job))
