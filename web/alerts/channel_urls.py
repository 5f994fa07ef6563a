"""The addresses of the channels that alerts go through, and of the streams of the trail."""

from django.urls import path

from web.alerts import channels, streams

app_name = "channels"
urlpatterns = [
    path("alerts/channels", channels.index, name="channels"),
    path("alerts/channels/new", channels.create, name="new_channel"),
    path("alerts/channels/<str:pk>", channels.detail, name="channel"),
    path("alerts/channels/<str:pk>/change", channels.change, name="change_channel"),
    path("alerts/channels/<str:pk>/test", channels.test, name="test_channel"),
    path("alerts/channels/<str:pk>/enable", channels.enable, name="enable_channel"),
    path("alerts/channels/<str:pk>/disable", channels.disable, name="disable_channel"),
    path("alerts/channels/<str:pk>/rotate", channels.rotate, name="rotate_channel"),
    path("alerts/channels/<str:pk>/remove", channels.remove, name="remove_channel"),
    path("audit/streams", streams.index, name="streams"),
    path("audit/streams/new", streams.create, name="new_stream"),
    path("audit/streams/<str:pk>", streams.detail, name="stream"),
    path("audit/streams/<str:pk>/change", streams.change, name="change_stream"),
    path("audit/streams/<str:pk>/test", streams.test, name="test_stream"),
    path("audit/streams/<str:pk>/again", streams.again, name="try_stream_again"),
    path("audit/streams/<str:pk>/pause", streams.pause, name="pause_stream"),
    path("audit/streams/<str:pk>/resume", streams.resume, name="resume_stream"),
    path("audit/streams/<str:pk>/remove", streams.remove, name="remove_stream"),
]
