"""The stack of `make topology`: production settings and TLS 1.3 on every hop, on one machine.

browser -> nginx -> gunicorn -> PostgreSQL and Redis; each server has a certificate of a local authority, each
client verifies it. Only loopback listens.
"""

from __future__ import annotations

import http.client
import os
import shutil
import socket
import ssl
import sys
from collections.abc import Callable
from pathlib import Path

from config.embedded import environment, home, local, preparation, processes, programs, tls_postgres, valkey
from config.embedded.__main__ import main
from config.embedded.certificates import Authority, Certificate
from config.embedded.engines import Engines
from config.embedded.postgres import Postgres
from config.embedded.processes import CannotStart
from config.embedded.programs import HOME, Program
from config.embedded.supervisor import Listener, Stack
from config.embedded.valkey import Valkey
from config.embedded.watched import Watched
from config.embedded.zygote import Zygote

SETTINGS = "config.settings.base"
ADDRESS = "127.0.0.1"
# Each server's certificate is for itself alone: a stolen one cannot stand in for another server.
HOSTS = ("localhost", f"IP:{ADDRESS}")

_USERS = """\
user default reset off
user broker reset on #{broker} ~* &* {rights} +keys +info
user cache reset on #{cache} ~sb:* resetchannels {rights}
"""

_NGINX = """\
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log warn;
{user}
events {{
    worker_connections 512;
}}

http {{
    include {home}/deploy/nginx/strongbox.conf;
    client_body_temp_path {folder}/client_body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;

    upstream web {{
        server {address}:{web};
        keepalive 16;
    }}

    server {{
        listen {address}:{plain};
        set $public $host:{port};
        include {home}/deploy/nginx/plain.conf;
    }}

    server {{
        listen {address}:{port} ssl;
        ssl_certificate {certificate};
        ssl_certificate_key {key};

        location / {{
            proxy_pass https://web;
            proxy_ssl_name localhost;
            proxy_ssl_trusted_certificate {trusted};
        }}
    }}
}}
"""


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((ADDRESS, 0))
        return int(probe.getsockname()[1])


def proxy(folder: Path, *, authority: Authority, web: int, port: int, plain: int) -> list[str]:
    """Write the configuration of nginx and return its command line; `web` is gunicorn's port.

    Raises: CannotStart when nginx is missing.
    """
    nginx = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if nginx is None:
        raise CannotStart("The topology needs Debian's nginx: apt-get install -y nginx")
    issued = authority.issue("proxy", hosts=HOSTS)
    text = _NGINX.format(
        folder=folder,
        home=HOME,
        address=ADDRESS,
        web=web,
        plain=plain,
        port=port,
        certificate=issued.certificate,
        key=issued.key,
        trusted=authority.certificate,
        user="user www-data;" if os.geteuid() == 0 else "",
    )
    processes.write_private(folder / "nginx.conf", text)
    return [nginx, "-c", str(folder / "nginx.conf"), "-e", str(folder / "nginx.log"), "-g", "daemon off;"]


class Redis(Valkey):
    """Debian's Redis with TLS and without a plain port; it stands where production has Valkey with TLS."""

    def __init__(
        self,
        folder: Path,
        *,
        port: int,
        certificate: Certificate,
        authority: Path,
        passwords: tuple[str, str],
    ) -> None:
        super().__init__(
            folder, socket=folder / "unused", broker_password=passwords[0], cache_password=passwords[1]
        )
        self.port = port
        self._certificate = certificate
        self._authority = authority

    def _binary(self) -> Path:
        found = shutil.which("redis-server")
        if found is None:
            raise CannotStart("The topology needs Debian's Redis: apt-get install -y redis-server")
        return Path(found)

    def _users(self) -> str:
        # This Redis knows no rights by database; the cache is told apart by the prefix of its keys.
        return valkey.users(**self._passwords, text=_USERS)

    def _settings(self) -> str:
        return (
            f"bind {ADDRESS}\nport 0\ntls-port {self.port}\n"
            f"tls-cert-file {self._certificate.certificate}\ntls-key-file {self._certificate.key}\n"
            f'tls-ca-cert-file {self._authority}\ntls-auth-clients no\ntls-protocols "TLSv1.3"\n'
        ) + valkey.settings(self.folder, durable=True)

    def _dial(self) -> socket.socket:
        trust = ssl.create_default_context(cafile=self._authority)
        plain = socket.create_connection((ADDRESS, self.port), timeout=1)
        try:
            return trust.wrap_socket(plain, server_hostname="localhost")
        except OSError:
            plain.close()
            raise


class TlsEngines(Engines):
    """PostgreSQL and Redis reached by TCP and TLS 1.3 only."""

    @property
    def authority(self) -> Authority:
        """Who issues the certificates of this state folder."""
        return Authority(self.state / "tls")

    def _assemble(self) -> tuple[Postgres, Valkey, dict[str, str]]:
        place = home.prepare(self.state, server=tls_postgres.fetch(HOME / ".strongbox-engines"))
        values = environment.ensure(
            self.state,
            database_host=place.sockets,
            database_port=free_port(),
            programs=tls_postgres.with_tls(place),
            work=place.scratch,
        )
        port = int(values["STRONGBOX_DB_PORT"])
        sockets = Path(values["STRONGBOX_DB_HOST"])
        postgres = Postgres(
            place, sockets=sockets, port=port, certificate=self.authority.issue("postgres", hosts=HOSTS)
        )
        broker, cache = values["STRONGBOX_BROKER_PASSWORD"], values["STRONGBOX_CACHE_PASSWORD"]
        redis = Redis(
            self.state / "redis",
            port=free_port(),
            certificate=self.authority.issue("redis", hosts=HOSTS),
            authority=self.authority.certificate,
            passwords=(broker, cache),
        )
        values |= {
            "STRONGBOX_DB_HOST": "localhost",
            "STRONGBOX_DB_SSLMODE": "verify-full",
            "STRONGBOX_DB_SSLROOTCERT": str(self.authority.certificate),
            "STRONGBOX_REDIS_CA": str(self.authority.certificate),
            "STRONGBOX_BROKER_URL": f"rediss://broker:{broker}@localhost:{redis.port}/0",
            "STRONGBOX_CACHE_URL": f"rediss://cache:{cache}@localhost:{redis.port}/1",
            "STRONGBOX_PROXY_COUNT": "1",
            "STRONGBOX_DEMO": "0",
            # For management commands, which read this file.
            "DJANGO_SETTINGS_MODULE": SETTINGS,
        }
        return postgres, redis, values


class Topology(Stack):
    """Production on one machine."""

    def __init__(self, where: local.Place, *, plain: int) -> None:
        self.where = where
        self.plain = plain
        self.engines: TlsEngines = TlsEngines(where.state)
        self.url = f"https://localhost:{where.port}/"

    def listens(self) -> list[Listener]:
        """Return the proxy's two ports."""
        return [
            Listener(socket.AF_INET, ADDRESS, self.where.port),
            Listener(socket.AF_INET, ADDRESS, self.plain, variable="HTTP_PORT"),
        ]

    def prepare(self, say: Callable[[str], None]) -> list[Watched]:
        """Start the engines, migrate, gather static files, and write the proxy's configuration."""
        values = self.engines.assemble()
        values["STRONGBOX_PUBLIC_URL"] = self.url.rstrip("/")
        state = self.engines.state
        environment.save(state, values)
        self.zygote = Zygote(values, state=state, settings=SETTINGS)
        self.engines.start()
        spawn = self.zygote.spawn
        self.zygote.wait()
        preparation.prepare(
            values, state=state, markers=self.engines.markers, say=say, spawn=spawn, settings=SETTINGS
        )
        port = free_port()
        issued = self.engines.authority.issue("web", hosts=HOSTS)
        web = [
            *programs.bind([f"{ADDRESS}:{port}"]),
            f"--certfile={issued.certificate}",
            f"--keyfile={issued.key}",
        ]
        product = [
            Watched(
                program,
                environment=programs.environment(values, program.secrets, settings=SETTINGS),
                state=state,
                spawn=spawn,
            )
            for program in programs.programs(state, web=web)
        ]
        return [*product, Watched(self._proxy(port), environment={"PATH": os.environ["PATH"]}, state=state)]

    def _proxy(self, web: int) -> Program:
        folder = processes.private_folder(self.engines.state / "nginx")
        authority = self.engines.authority
        arguments = proxy(folder, authority=authority, web=web, port=self.where.port, plain=self.plain)
        return Program("nginx", arguments, secrets=frozenset(), tells=False, grace=10)

    def answers(self) -> bool:
        """Ask through the proxy, as a browser would that trusts the local authority."""
        trust = ssl.create_default_context(cafile=self.engines.authority.certificate)
        connection = http.client.HTTPSConnection("localhost", self.where.port, timeout=5, context=trust)
        return local.is_ready(connection, host=f"localhost:{self.where.port}")

    def hints(self) -> list[str]:
        """Name the authority that a browser has to trust."""
        return [f"Its certificates are of the local authority {self.engines.authority.certificate}"]


if __name__ == "__main__":
    sys.exit(
        main(
            lambda: Topology(
                local.place(port=8443, folder=".strongbox-topology"),
                plain=local.port_number(os.environ, "HTTP_PORT", 8080),
            )
        )
    )
