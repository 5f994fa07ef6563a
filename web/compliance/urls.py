"""The addresses of compliance, under an organization's own."""

from django.urls import URLPattern, path

from web.compliance import auditors, controls, evidence, exceptions, frameworks, packs, reviews

app_name = "compliance"
urlpatterns: list[URLPattern] = [
    path("compliance", controls.index, name="overview"),
    path("compliance/run", controls.run_all, name="run_all"),
    path("compliance/controls/<str:code>", controls.detail, name="control"),
    path("compliance/controls/<str:code>/run", controls.run, name="run"),
    path("compliance/controls/<str:code>/evidence", evidence.add, name="add_evidence"),
    path("compliance/controls/<str:code>/exception", exceptions.ask, name="ask_exception"),
    path("compliance/frameworks/<str:framework>", frameworks.detail, name="framework"),
    path("compliance/evidence", evidence.index, name="evidence"),
    path("compliance/evidence/<str:pk>/file", evidence.fetch, name="evidence_file"),
    path("compliance/evidence/<str:pk>/withdraw", evidence.withdraw, name="withdraw_evidence"),
    path("compliance/exceptions", exceptions.index, name="exceptions"),
    path("compliance/exceptions/<str:pk>/end", exceptions.end, name="end_exception"),
    path("compliance/packs", packs.index, name="packs"),
    path("compliance/packs/<str:pk>/file", packs.fetch, name="pack_file"),
    path("compliance/auditors", auditors.index, name="auditors"),
    path("compliance/auditors/<str:pk>/end", auditors.end, name="end_auditor"),
    path("compliance/access-reviews", reviews.index, name="access_reviews"),
    path("compliance/access-reviews/<str:pk>", reviews.detail, name="access_review"),
    path("compliance/access-reviews/<str:pk>/sign", reviews.sign, name="sign_access_review"),
    path("compliance/access-reviews/<str:pk>/record", reviews.fetch, name="access_review_record"),
    path("compliance/access-reviews/<str:pk>/review.pdf", reviews.as_pdf, name="access_review_paper"),
]
