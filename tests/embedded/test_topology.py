"""`make topology`: production's settings, TLS 1.3 on every hop, and a wrong certificate refused on each."""

import http.client
import json
import socket
import ssl
import subprocess
import sys
import threading

import psycopg
import pytest

from config.embedded import certificates, environment, topology
from tests.embedded.conftest import remove_state, wait_until
from tests.embedded.stack import HOME, Stack, free_port

# One stack for all of this file, however many workers share the tests.
pytestmark = pytest.mark.xdist_group("topology")
HOSTS = ["localhost", "IP:127.0.0.1"]


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    state = tmp_path_factory.mktemp("topology") / "state"
    stack = Stack(state, free_port(), module="config.embedded.topology", HTTP_PORT=str(free_port()))
    stack.start()
    yield stack
    stack.end()
    remove_state(state)


@pytest.fixture(scope="module")
def stranger(tmp_path_factory):
    """An authority that nobody here trusts."""
    return certificates.Authority(tmp_path_factory.mktemp("stranger") / "tls", name="Somebody else")


def https(stack, path, *, trusted, newest=ssl.TLSVersion.TLSv1_3):
    trust = ssl.create_default_context(cafile=trusted)
    trust.maximum_version = newest
    connection = http.client.HTTPSConnection("localhost", stack.port, timeout=60, context=trust)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        return answer
    finally:
        connection.close()


def plain(stack, path):
    connection = http.client.HTTPConnection("127.0.0.1", int(stack.variables["HTTP_PORT"]), timeout=60)
    try:
        connection.request("GET", path, headers={"Host": "localhost"})
        answer = connection.getresponse()
        return answer.status, answer.getheader("Location"), answer.read().decode()
    finally:
        connection.close()


def said(client):
    """Return what a server answers; nothing when it hangs up."""
    try:
        return client.recv(100)
    except ConnectionResetError:
        return b""


def hops(stack, **changed):
    return inside(stack, "hops", **changed)


def inside(stack, module, *arguments, **changed):
    """Run a module of these tests as the product's own process, and return the JSON of its last line."""
    values = {**environment.load(stack.state), **changed}
    command = [sys.executable, "-m", f"tests.embedded.{module}", *arguments]
    done = subprocess.run(command, cwd=HOME, env=values, capture_output=True, text=True, timeout=60)
    assert done.stdout, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_it_answers_over_tls_1_3_and_binds_browsers_to_https(stack):
    assert f"Strongbox is ready at https://localhost:{stack.port}/" in stack.lines
    answer = https(stack, "/readyz", trusted=stack.state / "tls" / "ca.pem")
    assert answer.status == 200
    assert answer.getheader("Strict-Transport-Security") == "max-age=63072000; includeSubDomains; preload"


def test_a_browser_that_does_not_trust_the_authority_goes_no_further(stack, stranger):
    with pytest.raises(ssl.SSLCertVerificationError):
        https(stack, "/readyz", trusted=stranger.certificate)


def test_older_tls_is_refused(stack):
    with pytest.raises(ssl.SSLError, match=r"(?i)protocol version"):
        https(stack, "/readyz", trusted=stack.state / "tls" / "ca.pem", newest=ssl.TLSVersion.TLSv1_2)


def test_plain_http_sends_pages_to_https_and_refuses_the_api(stack):
    assert plain(stack, "/login?next=/o/x/")[:2] == (301, f"https://localhost:{stack.port}/login?next=/o/x/")
    status, location, body = plain(stack, "/api/v1/invoices")
    assert (status, location) == (403, None)
    assert json.loads(body)["code"] == "tls_required"


def test_the_product_reaches_its_engines_and_refuses_others_that_pretend(stack, stranger):
    assert hops(stack) == {"database": "ok", "cache": "ok", "queue": "ok"}
    other = str(stranger.certificate)
    refused = hops(stack, STRONGBOX_DB_SSLROOTCERT=other, STRONGBOX_REDIS_CA=other)
    assert {name for name, said in refused.items() if "certificate verify failed" in said} == set(refused)


def test_a_server_of_another_name_is_refused(stack):
    values = environment.load(stack.state)
    with pytest.raises(
        psycopg.OperationalError, match=r'server certificate for "localhost".* does not match'
    ):
        psycopg.connect(
            host="other.example",
            hostaddr="127.0.0.1",
            port=values["STRONGBOX_DB_PORT"],
            user="strongbox_app",
            dbname="strongbox",
            sslmode="verify-full",
            sslrootcert=values["STRONGBOX_DB_SSLROOTCERT"],
        )


def test_the_engines_refuse_who_comes_without_tls(stack):
    values = environment.load(stack.state)
    with pytest.raises(psycopg.OperationalError, match="no encryption"):
        psycopg.connect(
            host="localhost",
            port=values["STRONGBOX_DB_PORT"],
            user="strongbox_app",
            password=values["STRONGBOX_DB_APP_PASSWORD"],
            dbname="strongbox",
            sslmode="disable",
        )
    port = int(values["STRONGBOX_BROKER_URL"].rsplit(":", 1)[1].split("/")[0])
    with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
        client.sendall(b"PING\r\n")
        assert said(client) == b""


def test_a_backup_the_changes_and_a_drill_run_here_over_tls(stack, stranger):
    found = inside(stack, "backed", str(stranger.certificate))
    assert (found["backup"]["failed"], found["backup"]["targets"]) == (False, ["folder"])
    assert [version for _, version in found["hops"]] == ["TLSv1.3"] and found["segment"]
    assert (found["drill"]["state"], len(found["drill"]["checks"])) == ("passed", 10), found["drill"]
    assert "certificate verify failed" in found["refused"]


@pytest.mark.parametrize(("issuer", "status"), [("own", 200), ("stranger", 502)])
def test_the_proxy_hands_requests_only_to_a_web_process_it_can_verify(
    stack, stranger, tmp_path, issuer, status
):
    own = certificates.Authority(stack.state / "tls")
    issued = (own if issuer == "own" else stranger).issue("impostor", hosts=HOSTS)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(issued.certificate, issued.key)
    asked = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            client, _ = listener.accept()
            try:
                with server.wrap_socket(client, server_side=True) as secured:
                    # In TLS 1.3 the server learns only now that its certificate was refused.
                    asked.extend(secured.recv(4096).splitlines()[:1])
                    secured.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            except OSError:
                client.close()

        thread = threading.Thread(target=serve)
        thread.start()
        proxy = Stack(stack.state, free_port())
        arguments = topology.proxy(
            tmp_path, authority=own, web=listener.getsockname()[1], port=proxy.port, plain=free_port()
        )
        nginx = subprocess.Popen(arguments)
        try:
            wait_until((tmp_path / "nginx.pid").exists)
            assert https(proxy, "/secret", trusted=own.certificate).status == status
        finally:
            nginx.terminate()
            nginx.wait()
            thread.join(60)
    assert asked == ([b"GET /secret HTTP/1.1"] if issuer == "own" else [])
