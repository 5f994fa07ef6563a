"""The one way out over HTTP: to public addresses, over TLS, to a host that was resolved once, within bounds.

Promise kept: a web address that somebody typed (a webhook, a gateway) cannot make this server talk to
itself, to its neighbours or to a cloud's metadata service (ASVS 1.3.6, OWASP SSRF). The name is resolved
once, every address it has must be public, and the connection goes to the address that was checked, so a name
that changes its mind in between (DNS rebinding) gains nothing. Redirects are never followed, proxies in the
environment never used.
"""

import http.client
import ipaddress
import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias
from urllib.parse import SplitResult, urlsplit

from django.conf import settings

from core.errors import Refusal

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolver: TypeAlias = Callable[[str, int], Sequence[str]]

_PORTS = frozenset({443, 8443})
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH"})
_CHUNK = 64 * 1024
_SECONDS_FOR_A_NAME = 3.0
# Addresses that carry another address inside: whoever checks only the outside is led through.
_CARRIERS = tuple(
    ipaddress.IPv6Network(text)
    for text in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96")
)


class AddressRefused(Refusal):
    """This web address cannot be used: it must be https and lead to a public host."""

    code = "address_refused"


class HostUnknown(Refusal):
    """There is no host of this name."""

    code = "host_unknown"


class NoAnswer(Refusal):
    """The other side did not answer in time."""

    code = "no_answer"
    status = 502


class NotReached(NoAnswer):
    """The other side could not be reached; nothing was sent."""


class CertificateRefused(NotReached):
    """The other side's certificate is not one that can be trusted, or is for another name; nothing was sent."""

    code = "certificate_refused"


class AnswerTooLarge(Refusal):
    """The other side sent more than was asked for."""

    code = "answer_too_large"
    status = 502


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. Names of headers are in lower case; a redirect is an answer like any other."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def resolve(host: str, port: int) -> Sequence[str]:
    """Return every address of a host as the system's resolver knows it.

    Raises:
        HostUnknown: it has none.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise HostUnknown from None
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def resolve_soon(host: str, port: int) -> Sequence[str]:
    """Look a name up within seconds: for a check on which a transaction waits.

    Raises:
        HostUnknown: it has no address, or nobody said so in time.
    """
    found: queue.SimpleQueue[Sequence[str]] = queue.SimpleQueue()

    def look_up() -> None:
        try:
            found.put(resolve(host, port))
        except HostUnknown:
            found.put(())

    threading.Thread(target=look_up, daemon=True).start()
    try:
        addresses = found.get(timeout=_SECONDS_FOR_A_NAME)
    except queue.Empty:
        addresses = ()
    if not addresses:
        raise HostUnknown
    return addresses


def is_public(address: Address) -> bool:
    """Tell whether an address lies on the public internet and carries no other address inside."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None or any(address in network for network in _CARRIERS):
            return False
        if address.scope_id is not None:
            return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def collector_origins() -> frozenset[str]:
    """Return the origins where alerts and the trail may go though they lie in a private network."""
    return frozenset([*settings.OUTBOUND_PRIVATE_ORIGINS, *settings.OUTBOUND_COLLECTORS])


def checked_addresses(host: str, port: int, *, resolver: Resolver, private: bool) -> list[str]:
    """Return every address of a host, all of which may be talked to.

    Raises:
        AddressRefused: one of them is not public, and the host is none that may be private.
        HostUnknown: it has none.
    """
    found = list(resolver(host, port))
    if not found:
        raise HostUnknown
    try:
        addresses = [ipaddress.ip_address(text) for text in found]
    except ValueError:
        raise AddressRefused from None
    # One private address among public ones is enough to refuse: the next look-up may begin with it.
    if not private and not all(is_public(address) for address in addresses):
        raise AddressRefused
    return found


def tls_context(ca: str = "") -> ssl.SSLContext:
    """Return what a server's certificate is judged by: the public authorities, or those in `ca` (PEM) alone.

    Raises:
        ValueError: `ca` holds no certificate.
    """
    try:
        context = ssl.create_default_context(cadata=ca or None)
    except ssl.SSLError:
        raise ValueError("no certificate of an authority") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """Sends requests within bounds. `private_origins` are exact origins that may lie in a private network or
    speak plain http, such as the sandbox gateway: they come from the settings, never from a person. `ca` are the
    authorities (PEM) that alone are trusted, where somebody's server has a certificate of its own house."""

    timeout_seconds: float = 10.0
    most_bytes: int = 1024 * 1024
    private_origins: frozenset[str] = field(
        default_factory=lambda: frozenset(settings.OUTBOUND_PRIVATE_ORIGINS)
    )
    resolver: Resolver = resolve
    ca: str = ""

    def check(self, url: str) -> None:
        """Check a web address as `send` would, without sending anything.

        Raises:
            AddressRefused: it is not https, or leads to a host that is not public.
            HostUnknown: the host does not exist.
        """
        self._addresses(self._split(url))

    def send(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> Answer:
        """Send one request and return the whole answer, whatever its status.

        Raises:
            AddressRefused: the address is not https, or leads to a host that is not public.
            HostUnknown: the host does not exist.
            NotReached: no connection came about; surely nothing was sent.
            NoAnswer: nothing complete came within the time.
            AnswerTooLarge: more than `most_bytes` came.
        """
        if method not in _METHODS:
            raise ValueError(f"unknown method {method}")
        parts = self._split(url)
        deadline = time.monotonic() + self.timeout_seconds
        connection = self._connect(parts, deadline)
        # A side that sends one byte at a time stays within every single time limit: the whole has one too.
        watchdog = threading.Timer(max(0.0, deadline - time.monotonic()), _hang_up, [connection.sock])
        watchdog.daemon = True
        watchdog.start()
        try:
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            sent = {
                "User-Agent": "Strongbox",
                "Accept-Encoding": "identity",
                "Connection": "close",
                **(headers or {}),
            }
            connection.request(method, target, body=body or None, headers=sent)
            answer = self._read(connection.getresponse())
        except (OSError, http.client.HTTPException) as error:
            raise NoAnswer from error
        finally:
            watchdog.cancel()
            connection.close()
        if time.monotonic() >= deadline:
            # What the watchdog cut off may look like the end of the answer.
            raise NoAnswer
        return answer

    def _read(self, response: http.client.HTTPResponse) -> Answer:
        parts: list[bytes] = []
        size = 0
        while chunk := response.read(_CHUNK):
            size += len(chunk)
            if size > self.most_bytes:
                raise AnswerTooLarge
            parts.append(chunk)
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, headers, b"".join(parts))

    def _split(self, url: str) -> SplitResult:
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise AddressRefused from None
        if not url.isascii() or any(character <= " " or character == "\\" for character in url):
            # Browsers, this library and the resolver disagree about such addresses.
            raise AddressRefused
        if not parts.hostname or parts.username is not None or parts.password is not None or parts.fragment:
            raise AddressRefused
        if self._is_private_origin(parts):
            return parts
        if parts.scheme != "https" or (port or 443) not in _PORTS:
            raise AddressRefused
        return parts

    def _is_private_origin(self, parts: SplitResult) -> bool:
        return f"{parts.scheme}://{parts.netloc}" in self.private_origins

    def _addresses(self, parts: SplitResult) -> list[str]:
        return checked_addresses(
            str(parts.hostname),
            _port(parts),
            resolver=self.resolver,
            private=self._is_private_origin(parts),
        )

    def _connect(self, parts: SplitResult, deadline: float) -> http.client.HTTPConnection:
        failure: OSError | None = None
        for address in self._addresses(parts):
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                break
            tls = tls_context(self.ca) if parts.scheme == "https" else None
            connection = _Pinned(str(parts.hostname), _port(parts), address, tls, remaining)
            try:
                connection.connect()
            except ssl.SSLCertVerificationError as error:
                connection.close()
                raise CertificateRefused from error
            except OSError as error:
                failure = error
                connection.close()
            else:
                return connection
        raise NotReached from failure


class _Pinned(http.client.HTTPConnection):
    """A connection to an address that was checked; the name is used for the certificate and the Host header."""

    def __init__(
        self, host: str, port: int, address: str, tls: ssl.SSLContext | None, timeout: float
    ) -> None:
        super().__init__(host, port, timeout=timeout)
        self._address = address
        self._tls = tls
        if tls is not None:
            self.default_port = 443

    def connect(self) -> None:
        """Open the connection."""
        plain = socket.create_connection((self._address, self.port), self.timeout)
        if self._tls is None:
            self.sock = plain
            return
        try:
            self.sock = self._tls.wrap_socket(plain, server_hostname=self.host)
        except BaseException:
            plain.close()
            raise


def _port(parts: SplitResult) -> int:
    return parts.port or (443 if parts.scheme == "https" else 80)


def _hang_up(sock: socket.socket) -> None:
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        return
