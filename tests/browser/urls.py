"""The component page alone, for the browser tests of the kit."""

from django.urls import include, path

urlpatterns = [path("kit/", include("web.kit.urls"))]
