"""The address of the demo's mailbox; included in the demo only."""

from django.urls import path

from web.mailbox import views

app_name = "mailbox"
urlpatterns = [path("", views.index, name="index")]
