"""The door that records refusals as edge does, and a moment that stands still: shared with the services' tests."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.attacks import liars
from tests.attacks.held_places import Place
from tests.services.accounts.conftest import doors, now
from tests.services.backups import places as outside

__all__ = ["doors", "now"]


@pytest.fixture(scope="module")
def bucket() -> Iterator[Place]:
    lies = liars.Lies()
    with outside.s3_server() as endpoint, liars.bucket(endpoint, lies) as shown:
        thief = outside.s3_client(endpoint)

        def lay(case: str, name: str, content: bytes) -> None:
            thief.put_object(Bucket="locked", Key=f"{case}/{name}", Body=content)

        def withdraw() -> None:
            lies.withdrawn = "PUT .*partNumber"

        yield Place(
            kind="s3",
            lies=lies,
            address=lambda case: f"s3://locked/{case}?region=eu-central-1&endpoint={shown}",
            lay=lay,
            fetch=lambda case, name: thief.get_object(Bucket="locked", Key=f"{case}/{name}")["Body"].read(),
            take_away=lambda case, name: thief.delete_object(Bucket="locked", Key=f"{case}/{name}"),
            credentials={"access_key": outside.KEYS.access_key, "secret_key": outside.KEYS.secret_key},
            withdraw=withdraw,
            give_back=lambda: setattr(lies, "withdrawn", ""),
        )


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[outside.Machine]:
    with outside.ssh_machine(tmp_path_factory.mktemp("machine")) as machine:
        yield machine


@pytest.fixture(scope="module")
def account(sshd: outside.Machine) -> Place:
    known = (sshd.home / "authorized").read_text()

    def lay(case: str, name: str, content: bytes) -> None:
        path = sshd.home / case / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def withdraw() -> None:
        (sshd.home / "authorized").write_text("")
        sshd.hang_up()

    return Place(
        kind="sftp",
        lies=liars.Lies(),
        address=lambda case: f"sftp://{outside.getpass.getuser()}@127.0.0.1:{sshd.port}{sshd.home / case}",
        lay=lay,
        fetch=lambda case, name: (sshd.home / case / name).read_bytes(),
        take_away=lambda case, name: (sshd.home / case / name).unlink(),
        credentials={
            "ssh_key": sshd.credentials.ssh_key,
            "ssh_host_key": sshd.credentials.ssh_host_key,
        },
        withdraw=withdraw,
        give_back=lambda: (sshd.home / "authorized").write_text(known) and None,
    )


@pytest.fixture
def lying_account(account: Place, sshd: outside.Machine) -> Iterator[Place]:
    lies = liars.Lies()
    with liars.machine(sshd.home, lies) as port:
        yield replace(
            account,
            lies=lies,
            address=lambda case: f"sftp://somebody@127.0.0.1:{port}{sshd.home / case}",
            cases=account.cases,
        )


@pytest.fixture(params=["s3", "sftp"])
def place(request: pytest.FixtureRequest) -> Place:
    return request.getfixturevalue({"s3": "bucket", "sftp": "account"}[request.param])


@pytest.fixture(params=["s3", "sftp"])
def liar(request: pytest.FixtureRequest) -> Iterator[Place]:
    found = request.getfixturevalue({"s3": "bucket", "sftp": "lying_account"}[request.param])
    yield found
    for name, told in vars(liars.Lies()).items():
        setattr(found.lies, name, told)
