"""The base image that this machine makes of its own Python."""

import json
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.engine import base
from sandbox.engine.client import answering

ASKED = """
import ctypes, importlib.util, json, os, ssl, sqlite3, sys
for name in ("libstdc++.so.6", "libpthread.so.0", "libz.so.1"):
    ctypes.CDLL(name)
print(json.dumps({
    "version": sys.version, "user": os.getuid(), "pip": importlib.util.find_spec("pip") is not None,
    "certificates": len(ssl.create_default_context(cafile="/etc/ssl/certs/ca-certificates.crt").get_ca_certs()) > 0,
    "tests": importlib.util.find_spec("test") is not None,
}))
"""


def test_the_name_says_which_python_and_stays_the_same() -> None:
    assert base.tag() == base.tag()
    assert base.tag().startswith("python3.")


def test_certificates_that_nobody_has_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nonexistent.pem")

    with pytest.raises(base.BaseError, match="SSL_CERT_FILE"):
        base.tag()


@pytest.fixture
def engine() -> Iterator[Any]:
    client = answering()
    assert client is not None
    yield client
    client.close()


@pytest.mark.containers
def test_a_container_of_it_runs_python_as_this_machine_has_it_with_pip_and_certificates(engine: Any) -> None:
    said = engine.containers.run(
        base.base_image(engine), ["python", "-c", ASKED], user="10001", read_only=True, network_mode="none", remove=True
    )

    told = json.loads(said)
    assert told == {"version": sys.version, "user": 10001, "pip": True, "certificates": True, "tests": False}
