"""An allowed source that is asked over the network: off unless the operator names one.

It speaks OSV's own interface (POST /v1/querybatch, GET /v1/vulns/ID). What it learns is the list of packages and
versions that run here: the operator decides whether it may.

Promise kept: a source that answers nothing is silent, and silence is never "clean". So each question is accompanied
by one whose answer is known: a package of that ecosystem with a weakness that every such source knows.
"""

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from core.errors import Refusal
from outbound.http import Client
from patching import matching
from patching.advisories.answer import Answer
from patching.inventory import Component
from patching.matching import MalformedAdvisory
from patching.rules import Why

# (ecosystem family) to a package and version of which a weakness is known for years.
CONTROLS = {
    "PyPI": ("django", "1.4"),
    "npm": ("lodash", "4.17.4"),
    "Debian": ("openssl", "1.1.1-1"),
    "Bitnami": ("postgresql", "9.6.0"),
}
_BATCH = 500
_MOST_ADVISORIES = 5_000
_MOST_PAGES = 20
_OK = 200


class SourceSilent(Exception):
    """The source did not answer as one that looked would."""


class Online:
    """Asks one source."""

    def __init__(self, address: str, *, client: Client | None = None) -> None:
        self._address = address.rstrip("/")
        self._client = client or Client(timeout_seconds=30, most_bytes=64 * 1024 * 1024)

    def answer(self, components: Sequence[Component], now: Callable[[], datetime]) -> Answer:
        """Ask about every component that can be asked about."""
        at = now()
        try:
            ids, covered = self._ids(components)
            advisories = [self._advisory(found) for found in sorted(ids)]
        except SourceSilent:
            return Answer(source="online", reasons=(Why.SILENT.value,))
        except (MalformedAdvisory, ValueError, KeyError, TypeError, RecursionError):
            return Answer(source="online", reasons=(Why.UNREADABLE.value,))
        except Refusal:
            return Answer(source="online", reasons=(Why.SILENT.value,))
        return Answer(
            source="online",
            advisories=tuple(advisory for advisory in advisories if advisory is not None),
            covered=dict.fromkeys(covered, at),
        )

    def _ids(self, components: Sequence[Component]) -> tuple[set[str], set[str]]:
        asked = {
            (one.ecosystem, one.advisory_name, one.advisory_version)
            for one in components
            if one.ecosystem.partition(":")[0] in CONTROLS and one.advisory_version
        }
        controls = {
            (ecosystem, *CONTROLS[ecosystem.partition(":")[0]]) for ecosystem in {one[0] for one in asked}
        }
        questions = sorted(controls) + sorted(asked - controls)
        found: set[str] = set()
        known: set[str] = set()
        for start in range(0, len(questions), _BATCH):
            part = questions[start : start + _BATCH]
            for question, ids in zip(part, self._batch(part), strict=True):
                if question in controls:
                    known |= {question[0]} if ids else set()
                if question in asked:
                    found |= ids
        if len(found) > _MOST_ADVISORIES:
            raise ValueError("more advisories than there can be")
        if not known:
            raise SourceSilent
        return found, known

    def _batch(self, questions: Sequence[tuple[str, str, str]], depth: int = 0) -> list[set[str]]:
        body = {
            "queries": [
                {"package": {"ecosystem": ecosystem, "name": name}, "version": version}
                for ecosystem, name, version in questions
            ]
        }
        return self._results(body, questions)

    def _results(self, body: dict[str, Any], questions: Sequence[tuple[str, str, str]]) -> list[set[str]]:
        found: list[set[str]] = [set() for _ in questions]
        places = list(range(len(questions)))
        for _ in range(_MOST_PAGES):
            results = self._json("POST", "/v1/querybatch", body).get("results")
            if not isinstance(results, list) or len(results) != len(places):
                raise SourceSilent
            following: list[tuple[int, dict[str, Any]]] = []
            for place, query, result in zip(places, body["queries"], results, strict=True):
                found[place] |= {str(each["id"]) for each in (result or {}).get("vulns") or ()}
                if token := (result or {}).get("next_page_token"):
                    following.append((place, {**query, "page_token": str(token)}))
            if not following:
                return found
            places, body = [place for place, _ in following], {"queries": [query for _, query in following]}
        raise ValueError("pages without an end")

    def _advisory(self, found: str) -> matching.Advisory | None:
        return matching.read(self._json("GET", f"/v1/vulns/{quote(found, safe='')}"))

    def _json(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        answer = self._client.send(
            method,
            self._address + path,
            headers={"Content-Type": "application/json", "Accept": "application/json"},
            body=b"" if body is None else json.dumps(body).encode(),
        )
        if answer.status != _OK or not answer.body:
            raise SourceSilent
        found = json.loads(answer.body)
        if not isinstance(found, dict):
            raise SourceSilent
        return found
