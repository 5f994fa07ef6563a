"""The HTTP client: out to public hosts only, to the address that was checked, within time and size."""

import http.server
import ipaddress
import ssl
import threading
from datetime import UTC, datetime, timedelta

import pytest

from outbound import http as outbound

PUBLIC = "93.184.216.34"


def client(*addresses, **changes):
    asked = []

    def resolver(host, port):
        asked.append((host, port))
        return list(addresses[min(len(asked), len(addresses)) - 1])

    made = outbound.Client(resolver=resolver, private_origins=frozenset(), **changes)
    return made, asked


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.8.8", "0.0.0.1", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",
        "169.254.169.254", "100.64.0.1", "192.0.2.1", "198.18.0.1", "203.0.113.5", "224.0.0.1", "239.1.1.1",
        "240.0.0.1", "255.255.255.255", "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1",
        "::ffff:127.0.0.1", "::ffff:93.184.216.34", "::ffff:a9fe:a9fe", "64:ff9b::7f00:1", "64:ff9b:1::a00:1",
        "2002:7f00:1::", "2001:0:7f00:1::", "::7f00:1", "2001:db8::1", "not an address",
    ],
)  # fmt: skip
def test_an_address_that_is_not_public_is_refused(address):
    made, asked = client([address])
    with pytest.raises(outbound.AddressRefused):
        made.send("GET", "https://name.example/")
    with pytest.raises(outbound.AddressRefused):
        client([PUBLIC, address])[0].send("GET", "https://name.example/")
    assert asked == [("name.example", 443)]


@pytest.mark.parametrize("address", [PUBLIC, "8.8.8.8", "2606:4700::1111"])
def test_public_addresses_pass_the_check(address):
    made, asked = client([address])
    made.check("https://name.example/hook")
    assert asked == [("name.example", 443)]


@pytest.mark.parametrize(
    "url",
    [
        "http://name.example/", "ftp://name.example/", "file:///etc/passwd", "gopher://name.example/",
        "//name.example/",
        "https:///path", "https://", "", "name.example", "https://user@name.example/", "https://u:p@name.example/",
        "https://name.example:22/", "https://name.example:6379/", "https://name.example:99999/",
        "https://name.example/#part", "https://name.example\\@127.0.0.1/", "https://name.example/a b",
        "https://name.example/\r\nHost: x", "https://exämple.example/", "https://[::1", "https://name.example\t/",
    ],
)  # fmt: skip
def test_an_address_of_another_form_is_refused_before_anybody_is_asked(url):
    made, asked = client([PUBLIC])
    with pytest.raises(outbound.AddressRefused):
        made.check(url)
    assert asked == []


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "2130706433", "0x7f.1", "017700000001", "127.1", "localhost", "[::1]"]
)
def test_other_spellings_of_this_host_are_refused(host):
    with pytest.raises((outbound.AddressRefused, outbound.HostUnknown)):
        outbound.Client(private_origins=frozenset()).check(f"https://{host}/")


def test_a_host_without_an_address_is_unknown():
    with pytest.raises(outbound.HostUnknown):
        client([])[0].check("https://name.example/")


class Handler(http.server.BaseHTTPRequestHandler):
    seen: list[tuple[str, str, str | None, bytes]]

    def do_GET(self):
        if self.path == "/slow":
            self.send_response(200)
            self.end_headers()
            for _ in range(600):
                try:
                    self.wfile.write(b".")
                    self.wfile.flush()
                except OSError:
                    return
                self.server.stop.wait(0.05)
            self.server.seen.append((self.command, self.path, "to the end", b""))
            return
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.seen.append((self.command, self.path, self.headers["Host"], body))
        if self.path == "/away":
            self.send_response(302)
            self.send_header("Location", "/elsewhere")
            self.end_headers()
            return
        answer = b"x" * int(self.path.removeprefix("/size/")) if self.path.startswith("/size/") else b"hello"
        self.send_response(200)
        self.send_header("X-Name", "value")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_POST = do_GET  # noqa: N815  the library's name

    def log_message(self, *args):
        return


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        return


@pytest.fixture
def server(request):
    made = Server(("127.0.0.1", 0), Handler)
    made.seen, made.stop = [], threading.Event()
    context = getattr(request, "param", None)
    if context is not None:
        made.socket = context().wrap_socket(made.socket, server_side=True)
    thread = threading.Thread(target=made.serve_forever)
    thread.start()
    yield made
    made.stop.set()
    made.shutdown()
    thread.join()
    made.server_close()


def origin(server):
    return f"http://127.0.0.1:{server.server_port}"


def allowed(server, **changes):
    return outbound.Client(private_origins=frozenset({origin(server)}), **changes)


def test_an_origin_of_the_settings_may_be_private(server, settings):
    settings.OUTBOUND_PRIVATE_ORIGINS = [origin(server)]
    answer = outbound.Client().send("POST", origin(server) + "/a?b=c", headers={"X-A": "1"}, body=b"body")
    assert (answer.status, answer.body, answer.headers["x-name"]) == (200, b"hello", "value")
    assert server.seen == [("POST", "/a?b=c", f"127.0.0.1:{server.server_port}", b"body")]
    other = origin(server).replace("127.0.0.1", "127.0.0.2")
    with pytest.raises(outbound.AddressRefused):
        outbound.Client().send("GET", other)
    with pytest.raises(outbound.AddressRefused):
        outbound.Client().send("GET", origin(server).replace("http", "https"))


def test_a_redirect_is_an_answer(server):
    assert allowed(server).send("GET", origin(server) + "/away").status == 302
    assert [path for _, path, _, _ in server.seen] == ["/away"]


def test_the_size_of_an_answer_is_bounded(server):
    bounded = allowed(server, most_bytes=100_000)
    assert len(bounded.send("GET", origin(server) + "/size/100000").body) == 100_000
    with pytest.raises(outbound.AnswerTooLarge):
        bounded.send("GET", origin(server) + "/size/100001")


def test_the_whole_time_is_bounded_however_slowly_bytes_arrive(server):
    with pytest.raises(outbound.NoAnswer):
        answer = allowed(server, timeout_seconds=0.5).send("GET", origin(server) + "/slow")
        raise AssertionError(answer)
    assert server.seen == []


def test_nobody_there_is_no_answer():
    with pytest.raises(outbound.NoAnswer):
        outbound.Client(private_origins=frozenset({"http://127.0.0.1:1"})).send("GET", "http://127.0.0.1:1/")


def certificate(folder, name):
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "server.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.fixture
def tls(tmp_path, monkeypatch):
    path = certificate(tmp_path, "hook.example")
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    made = Server(("127.0.0.1", 0), Handler)
    made.seen, made.stop = [], threading.Event()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    made.socket = context.wrap_socket(made.socket, server_side=True)
    thread = threading.Thread(target=made.serve_forever)
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


def pinned(server, host, *answers):
    asked = []

    def resolver(name, port):
        asked.append(name)
        return list(answers[min(len(asked), len(answers)) - 1])

    url = f"https://{host}:{server.server_port}"
    return outbound.Client(resolver=resolver, private_origins=frozenset({url})), url, asked


def test_the_name_is_looked_up_once_and_the_certificate_must_be_its_own(tls):
    # A second look-up would lead elsewhere: there is none.
    made, url, asked = pinned(tls, "hook.example", ["127.0.0.1"], ["127.0.0.9"])
    assert made.send("GET", url + "/").body == b"hello"
    assert asked == ["hook.example"]
    assert tls.seen == [("GET", "/", f"hook.example:{tls.server_port}", b"")]
    other, url, _ = pinned(tls, "other.example", ["127.0.0.1"])
    with pytest.raises(outbound.NoAnswer):
        other.send("GET", url + "/")
    assert len(tls.seen) == 1


def test_a_name_that_changes_its_mind_gains_nothing():
    made, asked = client([PUBLIC], ["127.0.0.1"])
    made.check("https://rebind.example/")
    with pytest.raises(outbound.AddressRefused):
        made.send("GET", "https://rebind.example/")
    assert asked == [("rebind.example", 443)] * 2


def test_a_dead_address_is_followed_by_the_next(tls):
    made, url, _ = pinned(tls, "hook.example", ["127.0.0.77", "127.0.0.1"])
    assert made.send("GET", url + "/").status == 200


def test_every_special_block_is_refused():
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.168.0.0/16",
    ):
        network = ipaddress.ip_network(text)
        for address in (network[0], network[1], network[-1]):
            assert not outbound.is_public(address), address
