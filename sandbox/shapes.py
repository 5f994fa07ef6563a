"""Stripe's objects as its API shows them: every key of the published shapes, whether used here or not."""

from __future__ import annotations

import time
from typing import Any

from sandbox.scenarios import Scenario
from sandbox.store import Body, new_id

API_VERSION = "2026-10-28.endive"
NO_ADDRESS: Body = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))


def now() -> int:
    """Return the time in Stripe's unit, whole seconds."""
    return int(time.time())


def _of(names: str, **values: Any) -> Body:
    """Return a shape whose keys are `names`, empty unless given."""
    return {**dict.fromkeys(names.split()), **values}


def billing_details(**known: Any) -> Body:
    """Who a payment method belongs to."""
    return _of("email name phone tax_id", address=dict(NO_ADDRESS), **known)


def customer(**given: Any) -> Body:
    """A customer without orders or payments."""
    name = new_id("cus", 14)
    return _of(
        "currency default_source description discount email name phone shipping test_clock",
        id=name,
        object="customer",
        address=None,
        balance=0,
        created=now(),
        delinquent=False,
        invoice_prefix=new_id("", 8)[1:].upper(),
        invoice_settings=_of("custom_fields default_payment_method footer rendering_options"),
        livemode=False,
        metadata={},
        next_invoice_sequence=1,
        preferred_locales=[],
        tax_exempt="none",
    ) | {key: value for key, value in given.items() if value is not None}


def checkout_session(**given: Any) -> Body:
    """A page that a payer is sent to, still open."""
    return (
        _of(
            "after_expiration allow_promotion_codes amount_subtotal amount_total billing_address_collection"
            " cancel_url client_reference_id client_secret consent consent_collection currency"
            " currency_conversion customer customer_account customer_creation customer_details customer_email"
            " collected_information discounts integration_identifier invoice locale managed_payments"
            " origin_context payment_intent payment_link payment_method_configuration_details permissions"
            " recovered_from saved_payment_method_options setup_intent shipping_address_collection"
            " shipping_cost submit_type subscription total_details wallet_options",
            id=new_id("cs_test", 58),
            object="checkout.session",
            adaptive_pricing={"enabled": False},
            automatic_tax={"enabled": False, "liability": None, "provider": None, "status": None},
            created=now(),
            custom_fields=[],
            custom_text=_of("after_submit shipping_address submit terms_of_service_acceptance"),
            invoice_creation={
                "enabled": False,
                "invoice_data": _of(
                    "account_tax_ids custom_fields description footer issuer rendering_options", metadata={}
                ),
            },
            livemode=False,
            metadata={},
            payment_method_collection="if_required",
            payment_method_options={},
            payment_status="unpaid",
            phone_number_collection={"enabled": False},
            shipping_options=[],
            status="open",
            ui_mode="hosted_page",
        )
        | given
    )


def _secret(name: str) -> str:
    return new_id(f"{name}_secret", 25)


def payment_intent(**given: Any) -> Body:
    """A payment that has no method yet."""
    name = new_id("pi")
    return (
        _of(
            "application application_fee_amount automatic_payment_methods canceled_at cancellation_reason"
            " customer customer_account description excluded_payment_method_types last_payment_error"
            " latest_charge managed_payments next_action on_behalf_of payment_method"
            " payment_method_configuration_details processing receipt_email review setup_future_usage shipping"
            " source statement_descriptor statement_descriptor_suffix transfer_data transfer_group",
            id=name,
            object="payment_intent",
            amount_capturable=0,
            amount_details={"tip": {}},
            amount_received=0,
            capture_method="automatic_async",
            client_secret=_secret(name),
            confirmation_method="automatic",
            created=now(),
            livemode=False,
            metadata={},
            payment_method_options={},
            payment_method_types=["card"],
            status="requires_payment_method",
        )
        | given
    )


def setup_intent(**given: Any) -> Body:
    """A wish to save a method, without one yet."""
    name = new_id("seti")
    return (
        _of(
            "application automatic_payment_methods cancellation_reason customer description"
            " excluded_payment_method_types flow_directions last_setup_error latest_attempt mandate next_action"
            " on_behalf_of payment_method payment_method_configuration_details single_use_mandate",
            id=name,
            object="setup_intent",
            client_secret=_secret(name),
            created=now(),
            livemode=False,
            metadata={},
            payment_method_options={},
            payment_method_types=["card"],
            status="requires_payment_method",
            usage="off_session",
        )
        | given
    )


def payment_method(
    scenario: Scenario, *, expires: tuple[int, int], name: str | None = None, email: str | None = None
) -> Body:
    """A card or a bank account, by its last four digits."""
    kind = "sepa_debit" if scenario.is_debit else "card"
    return {
        "id": new_id("pm"),
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": billing_details(name=name, email=email),
        kind: _debit(scenario) if scenario.is_debit else _card(scenario, expires),
        "created": now(),
        "customer": None,
        "customer_account": None,
        "livemode": False,
        "metadata": {},
        "type": kind,
    }


def _debit(scenario: Scenario) -> Body:
    return {
        "bank_code": scenario.bank_code,
        "branch_code": "",
        "country": scenario.country,
        "fingerprint": scenario.fingerprint,
        "generated_from": {"charge": None, "setup_attempt": None},
        "last4": scenario.last4,
    }


_CHECKS = {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"}


def _card(scenario: Scenario, expires: tuple[int, int]) -> Body:
    return {
        "brand": scenario.brand,
        "checks": dict(_CHECKS),
        "country": scenario.country,
        "display_brand": scenario.brand,
        "exp_month": expires[0],
        "exp_year": expires[1],
        "fingerprint": scenario.fingerprint,
        "funding": scenario.funding,
        "generated_from": None,
        "last4": scenario.last4,
        "networks": {"available": [scenario.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }


def charge(
    intent: Body, method: Body, *, paid: bool, authenticated: bool, code: str = "", **given: Any
) -> Body:
    """One attempt at taking the money of a payment."""
    name = new_id("ch")
    return (
        _of(
            "application application_fee application_fee_amount balance_transaction"
            " calculated_statement_descriptor failure_balance_transaction failure_code failure_message"
            " on_behalf_of receipt_number receipt_url review shipping source source_transfer"
            " statement_descriptor statement_descriptor_suffix transfer_data transfer_group",
            id=name,
            object="charge",
            amount=intent["amount"],
            amount_captured=0,
            amount_refunded=0,
            billing_details=method["billing_details"],
            captured=False,
            created=now(),
            currency=intent["currency"],
            customer=intent["customer"],
            description=intent["description"],
            disputed=False,
            fraud_details={},
            livemode=False,
            metadata=dict(intent["metadata"]),
            outcome=_outcome(paid, code),
            paid=paid,
            payment_intent=intent["id"],
            payment_method=method["id"],
            payment_method_details=_details(method, intent["amount"], authenticated),
            receipt_email=intent["receipt_email"],
            refunded=False,
            status="succeeded" if paid else "failed",
        )
        | given
    )


def _outcome(paid: bool, code: str) -> Body:
    return _of(
        "advice_code network_advice_code network_decline_code",
        network_status="approved_by_network" if paid else "declined_by_network",
        reason=code or None,
        seller_message="Payment complete." if paid else "The bank did not return any further details.",
        type="authorized" if paid else "issuer_declined",
    )


def _details(method: Body, amount: int, authenticated: bool) -> Body:
    if method["type"] == "sepa_debit":
        shown = {key: value for key, value in method["sepa_debit"].items() if key != "generated_from"}
        return {"sepa_debit": {**shown, "mandate": None}, "type": "sepa_debit"}
    card = method["card"]
    same = ("brand", "checks", "country", "exp_month", "exp_year", "fingerprint", "funding", "last4")
    details = _of(
        "amount_authorized authorization_code installments mandate network_transaction_id transaction_link_id"
        " three_d_secure wallet",
        **{key: card[key] for key in same},
        extended_authorization={"status": "disabled"},
        incremental_authorization={"status": "unavailable"},
        multicapture={"status": "unavailable"},
        network=card["brand"],
        network_token={"used": False},
        overcapture={"maximum_amount_capturable": amount, "status": "unavailable"},
        regulated_status=card["regulated_status"],
    )
    if authenticated:
        details["three_d_secure"] = _of(
            "exemption_indicator result_reason transaction_id",
            authentication_flow="challenge",
            electronic_commerce_indicator="05",
            result="authenticated",
            version="2.2.0",
        )
    return {"card": details, "type": "card"}


def refund(paid: Body, **given: Any) -> Body:
    """Money on its way back."""
    kind = paid["payment_method_details"]["type"]
    return (
        _of(
            "balance_transaction customer_account reason receipt_number source_transfer_reversal"
            " transfer_reversal",
            id=new_id("re"),
            object="refund",
            charge=paid["id"],
            created=now(),
            currency=paid["currency"],
            customer=paid["customer"],
            destination_details={kind: {"type": "refund"} if kind == "card" else {}, "type": kind},
            metadata={},
            payment_intent=paid["payment_intent"],
            payment_method=paid["payment_method"],
            status="succeeded",
        )
        | given
    )


EVIDENCE = (
    "access_activity_log billing_address cancellation_policy cancellation_policy_disclosure"
    " cancellation_rebuttal customer_communication customer_email_address customer_name customer_purchase_ip"
    " customer_signature duplicate_charge_documentation duplicate_charge_explanation duplicate_charge_id"
    " product_description receipt refund_policy refund_policy_disclosure refund_refusal_explanation"
    " service_date service_documentation shipping_address shipping_carrier shipping_date"
    " shipping_documentation shipping_tracking_number uncategorized_file uncategorized_text"
)
DAYS_TO_ANSWER = 9


def dispute(paid: Body, *, reason: str) -> Body:
    """A cardholder's objection to a charge."""
    created = now()
    kind = paid["payment_method_details"]["type"]
    card = {
        "brand": paid["payment_method_details"][kind].get("brand"),
        "case_type": "chargeback",
        "network": paid["payment_method_details"][kind].get("network"),
        "network_reason_code": "10.4" if reason == "fraudulent" else "13.1",
    }
    return {
        "id": new_id("du"),
        "object": "dispute",
        "amount": paid["amount_captured"],
        "balance_transactions": [],
        "charge": paid["id"],
        "created": created,
        "currency": paid["currency"],
        "enhanced_eligibility_types": [],
        "evidence": _of(EVIDENCE, enhanced_evidence={}),
        "evidence_details": {
            "due_by": created + DAYS_TO_ANSWER * 86_400,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
        },
        "is_charge_refundable": False,
        "livemode": False,
        "metadata": {},
        "payment_intent": paid["payment_intent"],
        "payment_method_details": {kind: card if kind == "card" else {}, "type": kind},
        "reason": reason,
        "status": "needs_response",
    }


def event(kind: str, subject: Body, *, request: str | None, key: str | None) -> Body:
    """Something that happened, with the object as it was then."""
    return {
        "id": new_id("evt"),
        "object": "event",
        "api_version": API_VERSION,
        "created": now(),
        "data": {"object": subject},
        "livemode": False,
        "pending_webhooks": 0,
        "request": {"id": request, "idempotency_key": key},
        "type": kind,
    }


def webhook_endpoint(**given: Any) -> Body:
    """Where events are sent."""
    return {
        "id": new_id("we"),
        "object": "webhook_endpoint",
        "api_version": None,
        "application": None,
        "created": now(),
        "description": None,
        "livemode": False,
        "metadata": {},
        "status": "enabled",
    } | given
