"""Each test of the contract runs with every adapter that says it can do what the test needs."""

import pytest

from tests.gateway import Gateway as Sandbox
from tests.gateways.benches import BENCHES, Bench


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "bench" in metafunc.fixturenames:
        wanted = getattr(metafunc.function, "needs", frozenset())
        names = [name for name, (_, can) in BENCHES.items() if wanted <= can]
        metafunc.parametrize("bench", names, indirect=True)


@pytest.fixture
def bench(request: pytest.FixtureRequest, gateway: Sandbox) -> Bench:
    make, _ = BENCHES[request.param]
    return make(gateway)
