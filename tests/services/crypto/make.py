"""Rows with encrypted values, made below the services that own them: what is tested here is the storage."""

from typing import Any

from accounts.models import User
from billing.customers.models import Customer
from core import clock
from tenancy.context import account


def new_customer(**values: Any) -> Customer:
    """Return a customer that is not yet saved."""
    given = {"name": "Ann Example", "currency": "EUR", "created_at": clock.now(), "updated_at": clock.now()}
    return Customer(**given | values)


def customer(**values: Any) -> Customer:
    """Save a customer in the organization in scope."""
    row = new_customer(**values)
    row.save(force_insert=True)
    return row


def user(**values: Any) -> User:
    """Save a person, who belongs to no organization."""
    row = User(**{"created_at": clock.now(), "password": "!"} | values)
    with account(row.pk):
        row.save(force_insert=True)
    return row
