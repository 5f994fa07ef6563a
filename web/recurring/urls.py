"""The addresses of products and subscriptions, under an organization's own."""

from django.urls import path

from web.recurring import changes, products, subscriptions, testclock

app_name = "recurring"
urlpatterns = [
    path("products", products.index, name="products"),
    path("products/new", products.create, name="new_product"),
    path("products/<str:pk>", products.detail, name="product"),
    path("products/<str:pk>/edit", products.change, name="edit_product"),
    path("products/<str:pk>/retire", products.retire, name="retire_product"),
    path("products/<str:pk>/restore", products.restore, name="restore_product"),
    path("products/<str:pk>/prices/new", products.create_price, name="new_price"),
    path("prices/<str:pk>/supersede", products.supersede, name="supersede_price"),
    path("prices/<str:pk>/retire", products.retire_price, name="retire_price"),
    path("meters/new", products.create_meter, name="new_meter"),
    path("subscriptions", subscriptions.index, name="subscriptions"),
    path("subscriptions/new", subscriptions.create, name="new_subscription"),
    path("subscriptions/<str:pk>", subscriptions.detail, name="subscription"),
    path("subscriptions/<str:pk>/change", changes.change, name="change_subscription"),
    path("subscriptions/<str:pk>/pause", changes.pause, name="pause_subscription"),
    path("subscriptions/<str:pk>/resume", changes.resume, name="resume_subscription"),
    path("subscriptions/<str:pk>/cancel", changes.cancel, name="cancel_subscription"),
    path("subscriptions/<str:pk>/keep", changes.keep, name="keep_subscription"),
    path("subscriptions/<str:pk>/give-back", changes.give_back, name="give_back"),
    path("customers/<str:pk>/charge", changes.charge, name="new_charge"),
    path("charges/<str:pk>/withdraw", changes.withdraw, name="withdraw_charge"),
    path("settings/test-clock", testclock.index, name="test_clock"),
]
