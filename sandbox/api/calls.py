"""One call of the API: the account it is made for, its parameters, and lists in Stripe's form."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sandbox.errors import invalid
from sandbox.forms import Params
from sandbox.store import Account, Body, Record

_PAGE, _LONGEST_PAGE = 10, 100
_COMPARISONS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


@dataclass(frozen=True)
class Call:
    """What a handler is given; `part` are the variable parts of the path."""

    account: Account
    params: Params
    part: dict[str, str]
    path: str

    def object(self, kind: str, name: str = "id") -> Record:
        """Return the object that the path names.

        Raises: ApiError 404.
        """
        return self.account.get(kind, self.part[name])


Handler = Callable[[Call], Body]


def listing(
    call: Call,
    kind: str,
    *,
    customer: str | None = None,
    payment: str | None = None,
    keep: Callable[[Body], bool] | None = None,
) -> Body:
    """Return one page of a list, the newest first; `keep` chooses among what the columns let through."""
    limit = call.params.number("limit")
    after, before = call.params.text("starting_after"), call.params.text("ending_before")
    if limit is not None and not 1 <= limit <= _LONGEST_PAGE:
        raise invalid(
            f"Invalid integer: limit is 1 to {_LONGEST_PAGE}.", "limit", code="parameter_invalid_integer"
        )
    size = limit or _PAGE
    sql = "SELECT body FROM objects WHERE account = ? AND kind = ?"
    values: list[Any] = [call.account.id, kind]
    for column, value in (("customer", customer), ("payment", payment)):
        if value is not None:
            sql += f" AND {column} = ?"
            values.append(value)
    created = call.params.group("created")
    for word, sign in _COMPARISONS.items():
        moment = created.number(word)
        if moment is not None:
            sql += f" AND created {sign} ?"
            values.append(moment)
    for reference, sign in ((after, "<"), (before, ">")):
        if reference is not None:
            call.account.get(kind, reference)
            sql += f" AND seq {sign} (SELECT seq FROM objects WHERE id = ?)"  # noqa: S608  our own words
            values.append(reference)
    order = "ASC" if before is not None else "DESC"
    found: list[Body] = []
    for row in call.account.db.execute(f"{sql} ORDER BY seq {order}", values):
        body = json.loads(row["body"])
        if keep is None or keep(body):
            found.append(body)
        if len(found) > size:
            break
    data = found[:size] if before is None else found[:size][::-1]
    return {"object": "list", "data": data, "has_more": len(found) > size, "url": call.path}


_PREFIXES = ("cus_", "pi_", "pm_", "ch_", "re_", "du_", "cs_", "seti_")


def expand(account: Account, body: Body, paths: list[str]) -> None:
    """Put objects in the place of their ids, in an answer.

    Raises: ApiError for a path that leads nowhere.
    """
    for path in paths:
        if path.count(".") > 4 or not _expand(account, body, path.split(".")):
            raise invalid(
                f"This property cannot be expanded ({path[:60]}).", "expand", code="parameter_invalid"
            )


def _expand(account: Account, value: Any, path: list[str]) -> bool:
    if isinstance(value, list):
        return all(_expand(account, item, path) for item in value)
    if not isinstance(value, dict) or path[0] not in value:
        return False
    inner = value[path[0]]
    if isinstance(inner, str) and inner.startswith(_PREFIXES):
        found = account.find(inner)
        if found is not None:
            inner = value[path[0]] = found.body
    elif inner is not None and not isinstance(inner, dict | list):
        return False
    return len(path) == 1 or inner is None or _expand(account, inner, path[1:])
