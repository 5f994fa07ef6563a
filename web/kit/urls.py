"""The address of the component page; included in development only."""

from django.urls import path

from web.kit import views

app_name = "kit"
urlpatterns = [path("", views.index, name="index"), path("rows", views.rows, name="rows")]
