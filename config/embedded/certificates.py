"""A certificate authority of one's own, for hops between one's own processes; made with the openssl program.

Never for what the public reaches: there a certificate of a public authority stands in the same place.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from config.embedded import processes
from config.embedded.processes import CannotStart

DAYS = 825


@dataclass(frozen=True)
class Certificate:
    """A certificate and its private key (0600)."""

    certificate: Path
    key: Path


class Authority:
    """Issues certificates that only those who trust its own certificate accept."""

    def __init__(self, folder: Path, *, name: str = "Strongbox local authority") -> None:
        self.folder = processes.private_folder(folder)
        self._own = Certificate(folder / "ca.pem", folder / "ca.key")
        self._name = name

    @property
    def certificate(self) -> Path:
        """What a client trusts; made when there is none yet."""
        if not self._own.certificate.exists():
            extensions = [
                "basicConstraints=critical,CA:TRUE,pathlen:0",
                "keyUsage=critical,keyCertSign,cRLSign",
            ]
            self._make(self._own, name=self._name, extensions=extensions, signer=None)
        return self._own.certificate

    def issue(self, name: str, *, hosts: Sequence[str]) -> Certificate:
        """Return the server certificate of a process, valid for `hosts` (names, or IP:1.2.3.4)."""
        found = Certificate(self.folder / f"{name}.pem", self.folder / f"{name}.key")
        if not found.certificate.exists():
            trusted = Certificate(self.certificate, self._own.key)
            names = ",".join(host if ":" in host else f"DNS:{host}" for host in hosts)
            extensions = [
                "basicConstraints=critical,CA:FALSE",
                "keyUsage=critical,digitalSignature",
                "extendedKeyUsage=serverAuth",
                f"subjectAltName={names}",
            ]
            self._make(found, name=name, extensions=extensions, signer=trusted)
        return found

    def _make(
        self, target: Certificate, *, name: str, extensions: Sequence[str], signer: Certificate | None
    ) -> None:
        fresh = target.certificate.with_suffix(".new")
        command = [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-noenc",
        ]
        command += ["-subj", f"/CN={name}", "-days", str(DAYS), "-config", os.devnull]
        command += [part for extension in extensions for part in ("-addext", extension)]
        if signer is not None:
            command += ["-CA", str(signer.certificate), "-CAkey", str(signer.key)]
        command += ["-keyout", str(target.key), "-out", str(fresh)]
        if shutil.which("openssl") is None:
            raise CannotStart("The program openssl is missing: apt-get install -y openssl")
        made = subprocess.run(command, capture_output=True, text=True, umask=0o077, check=False)
        if made.returncode:
            raise CannotStart(f"openssl could not make the certificate of {name}: {made.stderr.strip()}")
        # The certificate appears last: whoever sees it finds its key beside it.
        fresh.replace(target.certificate)
