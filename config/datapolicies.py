"""Data policies of the libraries' tables: what they hold, and which of them do not even exist.

guardian's generic grants, django-otp-webauthn's own passkeys and auditlog's own log are replaced by tables of
ours (accounts, and grant models beside their objects); their apps have no migrations here
(settings.MIGRATION_MODULES), so that the tables are not made. Their models still exist in Python, hence the
entries.
"""

from core.datapolicy import DataPolicy, Erasure, FieldClass, Owner

_ID, _TECHNICAL, _TIME, _HASH = (
    FieldClass.IDENTIFIER,
    FieldClass.TECHNICAL,
    FieldClass.TIME,
    FieldClass.HASH,
)
_KIND_OF_MODEL = "naming the models of the program; the same in every installation"
_NO_TABLE = "replaced by a table of ours; this one is not made"


def _policy(why: str, purpose: str, fields: dict[str, FieldClass]) -> DataPolicy:
    return DataPolicy(
        owner=Owner.GLOBAL,
        why=why,
        purpose=purpose,
        retention="as long as the program has the model",
        erasure=Erasure.NONE,
        fields=fields,
    )


POLICIES: dict[str, DataPolicy] = {
    "contenttypes.ContentType": _policy(
        _KIND_OF_MODEL,
        "pointing from a field diff or an object grant to a kind of record",
        {"id": _ID, "app_label": _TECHNICAL, "model": _TECHNICAL},
    ),
    "auth.Permission": _policy(
        _KIND_OF_MODEL,
        "naming what a grant on a single object opens",
        {"id": _ID, "name": _TECHNICAL, "content_type": _TECHNICAL, "codename": _TECHNICAL},
    ),
    "auth.Group": _policy(
        "not used: roles belong to organizations; the app role may not touch it",
        "none",
        {"id": _ID, "name": _TECHNICAL},
    ),
    "auth.Group_permissions": _policy(
        "not used: roles belong to organizations; the app role may not touch it",
        "none",
        {"id": _ID, "group": _ID, "permission": _ID},
    ),
    "guardian.UserObjectPermission": _policy(
        _NO_TABLE,
        "none",
        {"id": _ID, "permission": _ID, "content_type": _TECHNICAL, "object_pk": _ID, "user": _ID},
    ),
    "guardian.GroupObjectPermission": _policy(
        _NO_TABLE,
        "none",
        {"id": _ID, "permission": _ID, "content_type": _TECHNICAL, "object_pk": _ID, "group": _ID},
    ),
    "django_otp_webauthn.WebAuthnCredential": _policy(
        _NO_TABLE,
        "none",
        {
            "id": _ID,
            "user": _ID,
            "name": _TECHNICAL,
            "confirmed": FieldClass.STATE,
            "created_at": _TIME,
            "last_used_at": _TIME,
            "credential_type": _TECHNICAL,
            "credential_id": _ID,
            "public_key": _TECHNICAL,
            "transports": _TECHNICAL,
            "sign_count": _TECHNICAL,
            "backup_eligible": _TECHNICAL,
            "backup_state": _TECHNICAL,
            "aaguid": _TECHNICAL,
            "credential_id_sha256": _HASH,
            "discoverable": _TECHNICAL,
        },
    ),
    "django_otp_webauthn.WebAuthnAttestation": _policy(
        _NO_TABLE,
        "none",
        {"id": _ID, "fmt": _TECHNICAL, "data": _TECHNICAL, "client_data_json": _TECHNICAL, "credential": _ID},
    ),
    "django_otp_webauthn.WebAuthnUserHandle": _policy(_NO_TABLE, "none", {"handle_hex": _ID, "user": _ID}),
}
