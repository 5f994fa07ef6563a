"""The addresses of privacy requests, retention and breaches, under an organization's own."""

from django.urls import URLPattern, path

from web.privacy import answering, requests

app_name = "privacy"
urlpatterns: list[URLPattern] = [
    path("privacy/requests", requests.index, name="requests"),
    path("privacy/requests/new", requests.create, name="new_request"),
    path("privacy/requests/<str:pk>", requests.detail, name="request"),
    path("privacy/requests/<str:pk>/identity", answering.verify, name="verify_request"),
    path("privacy/requests/<str:pk>/extend", answering.extend, name="extend_request"),
    path("privacy/requests/<str:pk>/collect", answering.collect, name="collect_request"),
    path("privacy/requests/<str:pk>/data.zip", answering.fetch, name="request_file"),
    path("privacy/requests/<str:pk>/answer", answering.answer, name="answer_request"),
    path("privacy/requests/<str:pk>/refuse", answering.refuse, name="refuse_request"),
    path("privacy/requests/<str:pk>/withdraw", answering.withdraw, name="withdraw_request"),
]
