"""One request, written in the languages that integrators read; each stands alone and needs nothing installed."""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

LANGUAGES: Mapping[str, str] = MappingProxyType(
    {"curl": "curl", "python": "Python", "javascript": "JavaScript"}
)
_TYPE = "application/json"


def write(language: str, *, method: str, url: str, body: Any) -> str:
    """Write a request; `body` is what is sent as JSON, nothing for none."""
    return {"python": _python, "javascript": _javascript}.get(language, _curl)(method, url, body)


def _curl(method: str, url: str, body: Any) -> str:
    parts = [f"curl {url}" if method == "GET" else f"curl -X {method} {url}"]
    parts.append('-H "Authorization: Bearer $STRONGBOX_KEY"')
    if method == "POST":
        parts.append('-H "Idempotency-Key: $(uuidgen)"')
    if body:
        parts.append(f'-H "Content-Type: {_TYPE}"')
        sent = json.dumps(body, ensure_ascii=False).replace("'", "'\\''")
        parts.append(f"-d '{sent}'")
    return " \\\n  ".join(parts)


def _python(method: str, url: str, body: Any) -> str:
    lines = [
        *(["import json"] if body else []),
        "import os",
        "import urllib.request",
        *(["import uuid"] if method == "POST" else []),
        "",
        f'request = urllib.request.Request("{url}", method="{method}")',
        'request.add_header("Authorization", "Bearer " + os.environ["STRONGBOX_KEY"])',
    ]
    if method == "POST":
        lines.append('request.add_header("Idempotency-Key", str(uuid.uuid4()))')
    if body:
        lines.append(f'request.add_header("Content-Type", "{_TYPE}")')
        lines.append(f"request.data = json.dumps({body!r}).encode()")
    lines += ["with urllib.request.urlopen(request) as answer:", "    print(answer.status, answer.read())"]
    return "\n".join(lines)


def _javascript(method: str, url: str, body: Any) -> str:
    headers = ['    Authorization: "Bearer " + process.env.STRONGBOX_KEY,']
    if method == "POST":
        headers.append('    "Idempotency-Key": crypto.randomUUID(),')
    if body:
        headers.append(f'    "Content-Type": "{_TYPE}",')
    lines = [
        f'const answer = await fetch("{url}", {{',
        f'  method: "{method}",',
        "  headers: {",
        *headers,
        "  },",
        *([f"  body: JSON.stringify({json.dumps(body, ensure_ascii=False)}),"] if body else []),
        "});",
        "console.log(answer.status, await answer.text());",
    ]
    return "\n".join(lines)
