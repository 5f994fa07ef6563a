"""A passkey in software: it signs what a browser and a security key would sign (WebAuthn level 3, ES256)."""

import hashlib
import json
import secrets
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from webauthn.helpers import bytes_to_base64url

_PRESENT, _VERIFIED, _ATTESTED = 0x01, 0x04, 0x40


class SoftKey:
    """One credential on one device. `verify` off means the person was not checked by PIN or biometry."""

    def __init__(self, *, origin: str, rp_id: str) -> None:
        self.origin, self.rp_id, self.counter = origin, rp_id, 0
        self.id = secrets.token_bytes(32)
        self._private = ec.generate_private_key(ec.SECP256R1())

    def register(self, options: str, *, verify: bool = True) -> str:
        """Answer the options of a registration."""
        client = self._client("webauthn.create", options)
        numbers = self._private.public_key().public_numbers()
        cose = {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
        data = self._data(_ATTESTED | (_VERIFIED if verify else 0))
        data += b"\0" * 16 + len(self.id).to_bytes(2, "big") + self.id + cbor2.dumps(cose)
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        return self._answer(
            {
                "clientDataJSON": bytes_to_base64url(client),
                "attestationObject": bytes_to_base64url(attestation),
            }
        )

    def sign(self, options: str, *, verify: bool = True) -> str:
        """Answer the options of an authentication."""
        client = self._client("webauthn.get", options)
        self.counter += 1
        data = self._data(_VERIFIED if verify else 0)
        signature = self._private.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        return self._answer(
            {
                "clientDataJSON": bytes_to_base64url(client),
                "authenticatorData": bytes_to_base64url(data),
                "signature": bytes_to_base64url(signature),
            }
        )

    def _client(self, kind: str, options: str) -> bytes:
        challenge = json.loads(options)["challenge"]
        return json.dumps(
            {"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}
        ).encode()

    def _data(self, flags: int) -> bytes:
        party = hashlib.sha256(self.rp_id.encode()).digest()
        return party + bytes([_PRESENT | flags]) + self.counter.to_bytes(4, "big")

    def _answer(self, response: dict[str, Any]) -> str:
        identifier = bytes_to_base64url(self.id)
        return json.dumps({"id": identifier, "rawId": identifier, "type": "public-key", "response": response})
