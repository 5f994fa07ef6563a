"""The look-up with which every request of the API begins: a key, its organization, its maker and their role.

Promise kept: a key works as long as `accounts.queries.usable_key` says so, and not a request longer.
"""

from datetime import datetime

from django.db import connection

from accounts.models import ApiKey, Membership, Role
from tenancy import context
from tenancy.models import Tenant

_KEY = ("id", "tenant_id", "scopes", "networks", "created_by_id", "expires_at", "last_used_at")
_MAKER = ("id", "tenant_id", "user_id", "role_id", "withheld")
_ROLE = ("id", "tenant_id", "code", "rights")
_TENANT = tuple(field.attname for field in Tenant._meta.concrete_fields)


def _columns(table: str, names: tuple[str, ...]) -> str:
    return ", ".join(f"{table}.{name}" for name in names)


# The conditions of `usable_key`. Written out, it is neither composed by the ORM each time nor planned each time by
# the database. Row-level security limits all of it as ever.
_WORKING_KEY = f"""
SELECT {_columns("key", _KEY)}, {_columns("maker", _MAKER)}, {_columns("role", _ROLE)}, {_columns("tenant", _TENANT)}
FROM accounts_apikey AS key
JOIN accounts_membership AS maker ON maker.tenant_id = key.tenant_id AND maker.id = key.created_by_id
JOIN accounts_role AS role ON role.tenant_id = key.tenant_id AND role.id = maker.role_id
JOIN accounts_user AS person ON person.id = maker.user_id
JOIN tenancy_tenant AS tenant ON tenant.id = key.tenant_id
WHERE key.tenant_id = %s AND key.secret_hash = %s AND key.revoked_at IS NULL AND key.expires_at > %s
  AND maker.state = 'active' AND (maker.expires_at IS NULL OR maker.expires_at > %s) AND person.state = 'active'
"""  # noqa: S608  constants only


def find(*, secret_hash: bytes, at: datetime) -> ApiKey | None:
    """Return the key of this digest if it works now, with its organization, maker and role; one statement.

    Columns that no decision needs are deferred.
    """
    with connection.cursor() as cursor:
        cursor.execute(_WORKING_KEY, [context.current_tenant(), secret_hash, at, at])
        row = cursor.fetchone()
    if row is None:
        return None
    values = iter(row)
    key = ApiKey.from_db("default", _KEY, [next(values) for _ in _KEY])
    key.created_by = Membership.from_db("default", _MAKER, [next(values) for _ in _MAKER])
    key.created_by.role = Role.from_db("default", _ROLE, [next(values) for _ in _ROLE])
    key.tenant = Tenant.from_db("default", _TENANT, list(values))
    return key
