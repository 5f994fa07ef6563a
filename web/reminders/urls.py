"""The addresses of reminders, under an organization's own."""

from django.urls import path

from web.reminders import chase, customer, index, plan, promise

app_name = "reminders"
urlpatterns = [
    path("dunning", index.index, name="reminders"),
    path("dunning/preview", index.preview, name="preview"),
    path("dunning/remind", chase.index, name="remind"),
    path("dunning/plans/new", plan.create, name="new_plan"),
    path("dunning/plans/<str:pk>", plan.change, name="plan"),
    path("dunning/plans/<str:pk>/start", plan.start, name="start_plan"),
    path("dunning/plans/<str:pk>/pause", plan.pause, name="pause_plan"),
    path("dunning/plans/<str:pk>/archive", plan.archive, name="archive_plan"),
    path("dunning/customers/<str:pk>", customer.choose, name="customer"),
    path("dunning/invoices/<str:pk>/promise", promise.record, name="promise"),
]
