"""Syslog over TLS (RFC 5424 messages, RFC 5425 frames): out to hosts that were checked, and known to have arrived.

Promise kept: what `send` returns from was read by the other side. Syslog itself acknowledges nothing, so the session is
ended in order: we close our half and wait for the other side's signed close, which follows what it has read. A
receiver that goes away before cannot give it, and the whole batch counts as not sent. It may then arrive twice, never
not at all.
"""

import re
import socket
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import IntEnum
from urllib.parse import SplitResult, urlsplit

from outbound.http import (
    AddressRefused,
    CertificateRefused,
    NoAnswer,
    NotReached,
    Resolver,
    checked_addresses,
    collector_origins,
    resolve,
    tls_context,
)

SCHEME = "syslog+tls"
DEFAULT_PORT = 6514
# Ports below this belong to services that are no syslog.
_LOWEST_PORT = 1024
# RFC 5424, 6.2.1: security and authorization messages that are not for everybody.
_FACILITY = 10
_NAME = re.compile(r"[!-~]{1,32}")
_HOST = re.compile(r"[!-~]{1,255}")


class Severity(IntEnum):
    """RFC 5424, table 2."""

    CRITICAL = 2
    ERROR = 3
    WARNING = 4
    NOTICE = 5
    INFORMATIONAL = 6


def message(*, severity: Severity, at: datetime, host: str, id: str, text: str) -> bytes:
    """Write one message: `id` says what kind it is, `text` is one line."""
    if not _NAME.fullmatch(id) or not _HOST.fullmatch(host):
        raise ValueError("a message's kind and host are printable and short")
    moment = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    line = " ".join(text.splitlines()) if "\n" in text or "\r" in text else text
    return f"<{_FACILITY * 8 + severity}>1 {moment} {host} strongbox - {id} - {line}".encode()


def frame(messages: Sequence[bytes]) -> bytes:
    """Put messages behind each other, each led by its length (RFC 5425, 4.3)."""
    return b"".join(b"%d %s" % (len(one), one) for one in messages)


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """Sends batches within bounds. `ca` are the authorities (PEM) that alone are trusted; empty: the public ones."""

    ca: str = ""
    timeout_seconds: float = 10.0
    private_origins: frozenset[str] = field(default_factory=collector_origins)
    resolver: Resolver = resolve

    def check(self, url: str) -> None:
        """Check an address as `send` would, without sending anything.

        Raises:
            AddressRefused: it is not `syslog+tls://host`, or leads to a host that is not public.
            HostUnknown: the host does not exist.
        """
        self._addresses(self._split(url))

    def send(self, url: str, messages: Sequence[bytes]) -> None:
        """Send messages in one session and return once the other side has read all of them.

        Raises:
            AddressRefused, HostUnknown: as `check`.
            CertificateRefused, NotReached: no session came about; surely nothing was sent.
            NoAnswer: the session broke; some of it may have arrived.
        """
        parts = self._split(url)
        deadline = time.monotonic() + self.timeout_seconds
        session = self._connect(parts, deadline)
        try:
            session.settimeout(max(0.1, deadline - time.monotonic()))
            session.sendall(frame(messages))
            _end_in_order(session, deadline)
        except OSError as error:
            raise NoAnswer from error
        finally:
            session.close()

    def _split(self, url: str) -> SplitResult:
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise AddressRefused from None
        odd = not url.isascii() or any(character <= " " or character == "\\" for character in url)
        beyond = parts.username is not None or parts.password is not None or parts.fragment or parts.query
        if odd or beyond or parts.scheme != SCHEME or not parts.hostname or parts.path not in ("", "/"):
            raise AddressRefused
        if port is not None and port < _LOWEST_PORT:
            raise AddressRefused
        return parts

    def _is_private(self, parts: SplitResult) -> bool:
        return f"{parts.scheme}://{parts.netloc}" in self.private_origins

    def _addresses(self, parts: SplitResult) -> list[str]:
        return checked_addresses(
            str(parts.hostname),
            parts.port or DEFAULT_PORT,
            resolver=self.resolver,
            private=self._is_private(parts),
        )

    def _connect(self, parts: SplitResult, deadline: float) -> ssl.SSLSocket:
        context = tls_context(self.ca)
        failure: OSError | None = None
        for address in self._addresses(parts):
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                break
            try:
                plain = socket.create_connection((address, parts.port or DEFAULT_PORT), remaining)
            except OSError as error:
                failure = error
                continue
            try:
                return context.wrap_socket(plain, server_hostname=str(parts.hostname))
            except ssl.SSLCertVerificationError as error:
                plain.close()
                raise CertificateRefused from error
            except OSError as error:
                plain.close()
                failure = error
        raise NotReached from failure


def _end_in_order(session: ssl.SSLSocket, deadline: float) -> None:
    """Close our half and wait until the other side has read to the end and closed its own.

    Raises:
        OSError: it was reset, or did not close in time.
    """
    session.settimeout(max(0.1, deadline - time.monotonic()))
    # A bare end of the connection proves nothing: whoever sits in between can make one up. The closing words of TLS
    # they cannot.
    session.unwrap().close()
