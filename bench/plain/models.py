"""The same tables, in the clear."""

import uuid

from django.db import models


class Customer(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    name = models.TextField()
    email = models.TextField(db_index=True, null=True)
    currency = models.CharField(max_length=3)
    created_at = models.DateTimeField(auto_now_add=True)


class Counter(models.Model):
    year = models.IntegerField(primary_key=True)
    last = models.IntegerField(default=0)


class Invoice(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    customer = models.ForeignKey(Customer, models.PROTECT)
    number = models.CharField(max_length=80, null=True)
    status = models.CharField(max_length=16, default="draft")
    payment_status = models.CharField(max_length=16, default="unpaid")
    currency = models.CharField(max_length=3)
    issued_on = models.DateField(null=True)
    due_on = models.DateField(null=True)
    subtotal_minor = models.BigIntegerField(default=0)
    tax_minor = models.BigIntegerField(default=0)
    total_minor = models.BigIntegerField(default=0)
    amount_paid_minor = models.BigIntegerField(default=0)
    seller = models.JSONField(null=True)
    buyer = models.JSONField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["number"], name="plain_number")]
        indexes = [models.Index(fields=["-created_at", "-id"], name="plain_newest")]


class Line(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    invoice = models.ForeignKey(Invoice, models.CASCADE, related_name="lines")
    position = models.IntegerField()
    description = models.TextField()
    quantity = models.DecimalField(max_digits=24, decimal_places=12)
    unit_amount = models.DecimalField(max_digits=24, decimal_places=12)
    net_minor = models.BigIntegerField()


class Entry(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    invoice = models.ForeignKey(Invoice, models.PROTECT)
    account = models.CharField(max_length=32)
    amount_minor = models.BigIntegerField()


class Hook(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    body = models.BinaryField()
    at = models.DateTimeField(auto_now_add=True)
