"""Where the link of a practice mail leads. The address says as little as an attacker's would."""

from django.urls import path

from web.training import practice

app_name = "practice"
urlpatterns = [
    path("<str:token>", practice.landing, name="landing"),
    path("<str:token>/lesson", practice.lesson, name="lesson"),
]
