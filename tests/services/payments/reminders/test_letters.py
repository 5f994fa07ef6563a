"""What a reminder says: nothing that is not true, and sterner only day by day."""

from datetime import date, timedelta

from billing.customers.models import Customer
from billing.invoices.models import Invoice
from billing.issuer import services as issuers
from payments.models import (
    Reminder,
)
from payments.reminders import sending
from tests.make import billing as make
from tests.services.payments.reminders.owing import DUE, WHO, at, mails, owed, rows, run, started

_CLAIMS = ("before", "still", "Another", "last", "Last", "Second")


def said_of(on: date, *invoices: Invoice) -> tuple[str, str]:
    """Remind by hand on a day: what is previewed is what is sent."""
    wanted = [invoice.pk for invoice in invoices]
    (letter,) = sending.preview_by_hand(invoice_ids=wanted, on=on).letters
    shown = sending.written(letter, urls=dict.fromkeys(wanted, "[the payment link]"))
    sending.remind(invoice_ids=wanted, on=on, actor=make.ACTOR, at=at(on))
    sent = mails()[-1]
    assert sent["subject"] == shown.subject
    assert sent["text"].splitlines()[0] == shown.text.splitlines()[0]
    return sent["subject"], sent["text"].splitlines()[0]


def test_who_was_never_reminded_is_not_told_that_they_were(in_a):
    issuers.set_issuer(name="Kestrel", **WHO)
    invoice = owed()
    subject, text = said_of(DUE + timedelta(days=166), invoice)
    assert subject == f"Reminder: invoice {invoice.number} was due on 10 March 2026"
    assert text == (
        f"Perhaps it was overlooked: Kestrel has not received payment of invoice {invoice.number} yet."
    )
    assert not [word for word in _CLAIMS if word in subject + text]
    assert Reminder.objects.get().words == "friendly"
    again = said_of(DUE + timedelta(days=170), invoice)
    assert again == (
        f"Last reminder: invoice {invoice.number} is still not paid",
        f"Kestrel has reminded you of invoice {invoice.number} before and has received no payment. This is the last "
        "reminder before further steps. Please pay now, or answer this mail today.",
    )


def test_a_german_customer_is_reminded_in_german(in_a):
    issuers.set_issuer(name="Kestrel", **WHO)
    invoice = owed()
    Customer.objects.update(language="de")
    subject, text = said_of(DUE + timedelta(days=166), invoice)
    assert subject == f"Zahlungserinnerung: Die Rechnung {invoice.number} war am 10. März 2026 fällig"
    assert text.startswith("Vielleicht haben Sie es übersehen: Kestrel hat noch keine Zahlung")
    assert "100,00\xa0€" in mails()[-1]["text"]


def test_steps_that_were_only_passed_over_are_not_spoken_of(in_a):
    invoice = owed()
    started()
    run(DUE + timedelta(days=30))
    assert rows() == [("skipped", -3), ("skipped", 3), ("skipped", 10), ("sent", 21)]
    assert mails()[0]["subject"] == f"Reminder: invoice {invoice.number} was due on 10 March 2026"
    assert Reminder.objects.get(state="sent").words == "friendly"


def test_day_by_day_each_letter_is_sterner_and_only_the_last_is_called_so(in_a):
    invoice = owed()
    started()
    for days in range(-5, 40):
        run(DUE + timedelta(days=days))
    assert [mail["subject"] for mail in mails()] == [
        f"Invoice {invoice.number} is due on 10 March 2026",
        f"Reminder: invoice {invoice.number} was due on 10 March 2026",
        f"Another reminder: invoice {invoice.number} is overdue",
        f"Last reminder: invoice {invoice.number} is still not paid",
    ]


def test_the_sternest_words_are_said_only_of_the_invoices_they_are_true_of(in_a):
    issuers.set_issuer(name="Kestrel", **WHO)
    customer = make.customer(email="pay@ada.example")
    old, new = owed(customer), owed(customer, due_on=DUE + timedelta(days=20))
    said_of(DUE + timedelta(days=12), old)
    subject, text = said_of(DUE + timedelta(days=30), old, new)
    assert subject == f"Last reminder: invoice {old.number} is still not paid"
    assert text.startswith(f"Kestrel has reminded you of invoice {old.number} before ")
    assert "Listed with it is another open invoice." in mails()[-1]["text"]
    assert set(Reminder.objects.filter(invoice=new).values_list("words", flat=True)) == {"friendly"}
