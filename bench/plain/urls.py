"""List, create, finalize: the usual way to write them in DRF."""

import datetime
from decimal import ROUND_HALF_UP, Decimal

from django.db import transaction
from django.http import HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from rest_framework import generics, serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from bench.plain.models import Counter, Entry, Hook, Invoice, Line


class LineSerializer(serializers.ModelSerializer):
    class Meta:
        model = Line
        fields = ["description", "quantity", "unit_amount", "net_minor"]
        read_only_fields = ["net_minor"]


class RowSerializer(serializers.ModelSerializer):
    class Meta:
        model = Invoice
        exclude = ["seller", "buyer"]


class InvoiceSerializer(serializers.ModelSerializer):
    lines = LineSerializer(many=True)

    class Meta:
        model = Invoice
        fields = [
            "id",
            "number",
            "status",
            "payment_status",
            "customer",
            "currency",
            "issued_on",
            "due_on",
            "subtotal_minor",
            "tax_minor",
            "total_minor",
            "amount_paid_minor",
            "lines",
            "created_at",
            "updated_at",
        ]
        read_only_fields = [
            "number",
            "status",
            "payment_status",
            "subtotal_minor",
            "tax_minor",
            "total_minor",
        ]

    def create(self, validated_data):
        lines = validated_data.pop("lines")
        with transaction.atomic():
            invoice = Invoice.objects.create(**validated_data)
            rows = []
            for position, line in enumerate(lines):
                exact = line["quantity"] * line["unit_amount"] * 100
                net = int(exact.quantize(Decimal(1), ROUND_HALF_UP))
                rows.append(Line(invoice=invoice, position=position, net_minor=net, **line))
            Line.objects.bulk_create(rows)
            invoice.subtotal_minor = invoice.total_minor = sum(row.net_minor for row in rows)
            invoice.save()
        return invoice


class Invoices(generics.ListCreateAPIView):
    serializer_class = InvoiceSerializer

    def get(self, request):
        limit = int(request.query_params.get("limit", 50))
        rows = Invoice.objects.order_by("-created_at", "-id")[:limit]
        return Response({"object": "list", "data": RowSerializer(rows, many=True).data})


class Finalize(APIView):
    def post(self, request, pk):
        today = datetime.datetime.now(datetime.UTC).date()
        with transaction.atomic():
            invoice = Invoice.objects.select_for_update().select_related("customer").get(pk=pk)
            counter, _ = Counter.objects.select_for_update().get_or_create(year=today.year)
            counter.last += 1
            counter.save()
            invoice.number = f"INV-{today.year}-{counter.last:05d}"
            invoice.status, invoice.issued_on = "finalized", today
            invoice.due_on = today + datetime.timedelta(days=14)
            invoice.seller, invoice.buyer = {"name": "Seller"}, {"name": invoice.customer.name}
            invoice.save()
            Entry.objects.bulk_create(
                [
                    Entry(invoice=invoice, account="receivable", amount_minor=invoice.total_minor),
                    Entry(invoice=invoice, account="revenue", amount_minor=-invoice.total_minor),
                ]
            )
        return Response(InvoiceSerializer(invoice).data)


@csrf_exempt
def hook(request):
    Hook.objects.create(body=request.body)
    return HttpResponse()


urlpatterns = [
    path("hooks", hook),
    path("invoices", Invoices.as_view()),
    path("invoices/<uuid:pk>/finalize", Finalize.as_view()),
]
