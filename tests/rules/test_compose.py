"""docker-compose.yml: hardened containers, one secret a file, separated networks, TLS on each hop."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from django.core.management import get_commands

from deploy import make_secrets

HOME = Path(__file__).resolve().parents[2]
COMPOSE = yaml.safe_load((HOME / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"]
ONCE = ["migrate", "bootstrap", "restore"]
APP = ["web", "worker", "watch", "ops-worker", "receiver", "beat", "sealer", *ONCE]


def secrets_of(name):
    return set(SERVICES[name]["secrets"])


def test_the_services_are_those_of_the_architecture():
    assert sorted(SERVICES) == sorted([*APP, "proxy", "postgres", "valkey"])


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_every_container_is_hardened(name):
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert "privileged" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert int(service["user"].split(":")[0]) > 0
    assert service["healthcheck"].get("test") or name in ONCE
    assert re.fullmatch(r"[a-z/-]+:[a-z0-9.]+", service["image"])


def test_only_the_proxy_publishes_ports():
    assert [name for name, service in SERVICES.items() if service.get("ports")] == ["proxy"]
    assert SERVICES["proxy"]["ports"] == ["443:8443", "80:8080"]


def test_networks_separate_what_need_not_meet():
    members = {
        network: {name for name, service in SERVICES.items() if network in service["networks"]}
        for network in COMPOSE["networks"]
    }
    assert members == {
        "public": {"proxy"},
        "outside": {"web", "worker", "ops-worker", "receiver", "restore"},
        "edge": {"proxy", "web"},
        "app": {"web", "worker", "watch", "ops-worker", "receiver", "restore", "beat", "valkey"},
        "data": {"web", "worker", "watch", "ops-worker", "receiver", "beat", "sealer", *ONCE, "postgres"},
    }
    internal = {name for name, network in COMPOSE["networks"].items() if network.get("internal")}
    assert internal == {"edge", "app", "data"}


@pytest.mark.parametrize(
    ("secret", "holders"),
    [
        ("db_owner_password", {"migrate"}),
        ("db_rekey_password", {"ops-worker"}),
        ("db_bulk_password", {"worker"}),
        ("db_sealer_password", {"sealer"}),
        ("audit_private_key", {"sealer"}),
        (
            "db_app_password",
            {"web", "worker", "watch", "ops-worker", "receiver", "restore", "beat", "bootstrap"},
        ),
        ("root_key", {"web", "worker", "watch", "ops-worker", "receiver", "restore", "bootstrap"}),
        ("db_restore_password", {"restore"}),
        ("db_replication_password", {"ops-worker", "receiver", "restore"}),
        ("backup_drill_key", {"ops-worker"}),
        ("backup_signing_key", {"ops-worker", "receiver", "restore"}),
        *((name, set(APP) - {"sealer"}) for name in ("context_key", "pepper", "network_key")),
        *((name, set(APP) - {"sealer"}) for name in ("broker_url", "cache_url")),
        ("public_key", {"proxy"}),
        ("postgres_password", {"postgres"}),
        ("valkey_users", {"valkey"}),
    ],
)
def test_a_secret_is_known_to_those_who_need_it_only(secret, holders):
    assert {name for name in SERVICES if secret in secrets_of(name)} == holders


def test_nothing_serves_before_the_tables_and_the_operators_organization_are_there():
    done = {"condition": "service_completed_successfully"}
    assert SERVICES["migrate"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    assert SERVICES["bootstrap"]["depends_on"]["migrate"] == done
    waiting = [name for name in APP if SERVICES[name]["depends_on"].get("bootstrap") == done]
    assert waiting == [name for name in APP if name not in ONCE]
    assert [SERVICES[name]["restart"] for name in ONCE] == ["no", "no", "no"]


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_a_command_of_the_product_is_one_that_it_has(name):
    command = SERVICES[name].get("command", "")
    if "manage.py" in command:
        assert command.split()[2] in get_commands()


def test_every_secret_is_a_file_of_its_own_and_used():
    files = [entry["file"] for entry in COMPOSE["secrets"].values()]
    assert files == [f"./deploy/secrets/{name}" for name in COMPOSE["secrets"]]
    assert set().union(*(secrets_of(name) for name in SERVICES)) == set(COMPOSE["secrets"])


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_the_environment_holds_no_secret_and_names_only_mounted_files(name):
    environment = SERVICES[name].get("environment", {})
    for variable, value in environment.items():
        if variable.endswith("_FILE") and value.startswith("/run/secrets/"):
            assert value.removeprefix("/run/secrets/") in secrets_of(name), variable
        assert not re.search(r"(PASSWORD|KEY|PEPPER|_URL)$", variable) or variable == "STRONGBOX_PUBLIC_URL"


@pytest.mark.parametrize("name", APP)
def test_the_product_verifies_who_it_talks_to(name):
    environment = SERVICES[name]["environment"]
    assert environment["STRONGBOX_DB_SSLMODE"] == "verify-full"
    assert environment["STRONGBOX_DB_SSLROOTCERT"] == "/run/secrets/ca_cert"
    # the sealer has no way to the cache or the queue
    assert environment.get("STRONGBOX_REDIS_CA") == (None if name == "sealer" else "/run/secrets/ca_cert")


def test_every_server_speaks_tls_1_3_only():
    postgres = (HOME / "deploy/postgres/postgresql.conf").read_text()
    assert "ssl = on" in postgres
    assert "ssl_min_protocol_version = 'TLSv1.3'" in postgres
    hba = (HOME / "deploy/postgres/pg_hba.conf").read_text().splitlines()
    assert {line.split()[0] for line in hba if line and not line.startswith("#")} == {"local", "hostssl"}
    valkey = (HOME / "deploy/valkey/valkey.conf").read_text().splitlines()
    assert {"port 0", "tls-port 6379", 'tls-protocols "TLSv1.3"'} <= set(valkey)
    proxy = (HOME / "deploy/nginx/strongbox.conf").read_text().splitlines()
    assert {"ssl_protocols TLSv1.3;", "proxy_ssl_verify on;", "proxy_ssl_protocols TLSv1.3;"} <= set(proxy)


@pytest.fixture
def own_umask():
    """The script sets the mask of its whole process, which here is that of all tests."""
    kept = os.umask(0o022)
    yield
    os.umask(kept)


@pytest.mark.usefixtures("own_umask")
def test_the_script_makes_every_secret_once_and_privately(tmp_path, monkeypatch):
    folder = tmp_path / "secrets"
    monkeypatch.setattr(make_secrets, "FOLDER", folder)
    make_secrets.main()
    made = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    assert set(COMPOSE["secrets"]) <= set(made)
    modes = {name: (folder / name).stat().st_mode & 0o777 for name in COMPOSE["secrets"]}
    assert modes.pop("ca_cert") == 0o444
    assert set(modes.values()) == {0o400}
    make_secrets.main()
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()} == made
    keys = [made[name].decode().strip() for name in ("root_key", "context_key", "pepper", "network_key")]
    assert [len(bytes.fromhex(key)) for key in keys] == [32] * 4
    assert len(set(keys)) == 4


def test_a_health_check_tells_whether_the_process_said_that_it_works(tmp_path):
    ready = tmp_path / "worker"
    codes = []
    for _ in range(2):
        command = [sys.executable, "-m", "deploy.healthcheck", "file"]
        codes.append(subprocess.run(command, cwd=HOME, env={"STRONGBOX_READY_FILE": str(ready)}).returncode)
        ready.touch()
    assert codes == [1, 0]
