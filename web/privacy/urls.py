"""The addresses of privacy requests, retention and breaches, under an organization's own."""

from django.urls import URLPattern, path

from web.privacy import answering, breaches, requests, retention, subjects, typed

app_name = "privacy"
urlpatterns: list[URLPattern] = [
    path("customers/<str:pk>/privacy", subjects.detail, name="subject"),
    path("customers/<str:pk>/privacy/restrict", subjects.restrict, name="restrict"),
    path("privacy/requests", requests.index, name="requests"),
    path("privacy/requests/new", requests.create, name="new_request"),
    path("privacy/requests/<str:pk>", requests.detail, name="request"),
    path("privacy/requests/<str:pk>/identity", answering.verify, name="verify_request"),
    path("privacy/requests/<str:pk>/extend", answering.extend, name="extend_request"),
    path("privacy/requests/<str:pk>/collect", answering.collect, name="collect_request"),
    path("privacy/requests/<str:pk>/data.zip", answering.fetch, name="request_file"),
    path("privacy/requests/<str:pk>/search", typed.search, name="search_words"),
    path("privacy/requests/<str:pk>/words", typed.index, name="words"),
    path("privacy/requests/<str:pk>/answer", answering.answer, name="answer_request"),
    path("privacy/requests/<str:pk>/refuse", answering.refuse, name="refuse_request"),
    path("privacy/requests/<str:pk>/withdraw", answering.withdraw, name="withdraw_request"),
    path("compliance/retention", retention.index, name="retention"),
    path("compliance/retention/run", retention.run, name="run_retention"),
    path("compliance/retention/hold", retention.place, name="place_hold"),
    path("compliance/retention/holds/<str:pk>", retention.lift, name="lift_hold"),
    path("compliance/processing", retention.record, name="processing"),
    path("compliance/breaches", breaches.index, name="breaches"),
    path("compliance/breaches/new", breaches.create, name="new_breach"),
    path("compliance/breaches/<str:pk>", breaches.detail, name="breach"),
    path("compliance/breaches/<str:pk>/note", breaches.note, name="note_breach"),
    path("compliance/breaches/<str:pk>/risk", breaches.judge, name="judge_breach"),
    path("compliance/breaches/<str:pk>/touched", breaches.touched, name="breach_touched"),
    path("compliance/breaches/<str:pk>/close", breaches.close, name="close_breach"),
]
