"""Every address of the pages for people. Staff pages stand under their organization's own address."""

from django.conf import settings
from django.urls import URLPattern, URLResolver, include, path

import edge.addresses  # noqa: F401  it makes <organization:slug> known

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("web.signin.urls")),
    path("me/", include("web.me.urls")),
    path("hooks/", include("web.hooks.urls")),
    path("pay/", include("web.pay.urls")),
    path("was-this-you/", include("web.alerts.public_urls")),
    path("doc/", include("web.training.practice_urls")),
    path("certificates", include("web.training.public_urls")),
    path("p/<organization:slug>/", include("web.portal.urls")),
    # Before the lists themselves, whose addresses take any record's name.
    path("o/<organization:slug>/", include("web.lists.urls")),
    path("o/<organization:slug>/", include("web.billing.urls")),
    path("o/<organization:slug>/", include("web.search.urls")),
    path("o/<organization:slug>/", include("web.customers.urls")),
    path("o/<organization:slug>/", include("web.files.urls")),
    path("o/<organization:slug>/", include("web.recurring.urls")),
    path("o/<organization:slug>/", include("web.payments.urls")),
    path("o/<organization:slug>/", include("web.alerts.channel_urls")),
    path("o/<organization:slug>/", include("web.console.urls")),
    path("o/<organization:slug>/", include("web.people.urls")),
    path("o/<organization:slug>/", include("web.developers.urls")),
    path("o/<organization:slug>/", include("web.books.urls")),
    path("o/<organization:slug>/", include("web.reports.urls")),
    path("o/<organization:slug>/", include("web.reconcile.urls")),
    path("o/<organization:slug>/", include("web.reminders.urls")),
    path("o/<organization:slug>/", include("web.alerts.urls")),
    path("o/<organization:slug>/", include("web.backups.urls")),
    path("o/<organization:slug>/", include("web.patching.urls")),
    path("o/<organization:slug>/", include("web.training.urls")),
    path("o/<organization:slug>/", include("web.compliance.urls")),
    path("o/<organization:slug>/", include("web.privacy.urls")),
    path("ops/", include("web.console.ops_urls")),
    path("ops/", include("web.backups.ops_urls")),
    path("ops/", include("web.patching.ops_urls")),
]

if settings.DEMO:
    urlpatterns.append(path("mailbox", include("web.mailbox.urls")))
