"""Places for backups as they are outside: a folder, a server that speaks S3, a machine with sshd."""

import contextlib
import getpass
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3

from backups import targets

KEYS = targets.Credentials(access_key="backup", secret_key="backup-secret")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextmanager
def listening(command: list[str], port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server until the block ends; it is there when its port answers."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert process.poll() is None, f"{command[0]} ended with {process.returncode}"
                assert time.monotonic() < until, f"{command[0]} does not answer"
                time.sleep(0.05)
        yield process
    finally:
        process.terminate()
        process.wait(60)


@contextmanager
def s3_server() -> Iterator[str]:
    """Run moto's server, with a bucket `locked` that has Object Lock and a bucket `plain` that has none."""
    port = free_port()
    with listening([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], port):
        endpoint = f"http://127.0.0.1:{port}"
        client = s3_client(endpoint)
        where = {"LocationConstraint": "eu-central-1"}
        client.create_bucket(
            Bucket="locked", ObjectLockEnabledForBucket=True, CreateBucketConfiguration=where
        )
        client.create_bucket(Bucket="plain", CreateBucketConfiguration=where)
        yield endpoint


def s3_client(endpoint: str):
    """Return the other side's own client: what an attacker with the stolen key has."""
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="eu-central-1",
        aws_access_key_id=KEYS.access_key,
        aws_secret_access_key=KEYS.secret_key,
    )


def s3_target(endpoint: str, prefix: str, bucket: str = "locked") -> targets.Target:
    return targets.of(f"s3://{bucket}/{prefix}?region=eu-central-1&endpoint={endpoint}", credentials=KEYS)


class Machine:
    """A machine with sshd, reached as the user who runs the tests."""

    def __init__(self, home: Path, port: int, server: int) -> None:
        self.home, self.port, self._server = home, port, server

    def hang_up(self) -> None:
        """End the sessions that are open: the processes which this machine's own sshd started."""
        for status in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                parent = int(status.read_text().rpartition(")")[2].split()[1])
                if parent == self._server:
                    os.kill(int(status.parent.name), signal.SIGKILL)

    @property
    def credentials(self) -> targets.Credentials:
        return targets.Credentials(
            ssh_key=(self.home / "client").read_text(), ssh_host_key=(self.home / "host.pub").read_text()
        )

    def target(self, folder: str, credentials: targets.Credentials | None = None) -> targets.Target:
        url = f"sftp://{getpass.getuser()}@127.0.0.1:{self.port}{self.home / folder}"
        return targets.of(url, credentials=credentials or self.credentials)


@contextmanager
def ssh_machine(home: Path) -> Iterator[Machine]:
    """Run Debian's sshd on loopback with a key of its own; it knows one client key and no password."""
    sshd = shutil.which("sshd") or "/usr/sbin/sshd"
    for name in ("host", "client", "other"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(home / name)], check=True)
    (home / "authorized").write_text((home / "client.pub").read_text())
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    port = free_port()
    (home / "config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {home}/host\nPidFile none\n"
        f"AuthorizedKeysFile {home}/authorized\nStrictModes no\nUsePAM no\n"
        "PasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\n"
        "Subsystem sftp internal-sftp\nAllowTcpForwarding no\n"
    )
    with listening([sshd, "-D", "-e", "-f", str(home / "config")], port) as process:
        yield Machine(home, port, process.pid)
