"""Start and stop the endpoint: ministack with our patches, in a thread of this process, on loopback only."""

import asyncio
import http.client
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from threading import Event, Thread
from typing import Any, Protocol

from hypercorn.asyncio import serve
from hypercorn.config import Config

from sandbox.aws.settings import Pace, Settings, Tasks

_READY_SECONDS = 30
_STOP_SECONDS = 20


class AwsError(RuntimeError):
    """The endpoint could not be started or stopped. Says why."""


class Installed(Protocol):
    """What `sandbox.aws.patches.install` gives back."""

    notes: tuple[str, ...]

    def stop(self) -> None:
        """End every task and thread."""

    def take_back(self) -> None:
        """Forget what is not kept, and take the patches back."""


@dataclass(frozen=True, slots=True)
class Aws:
    """A running endpoint."""

    settings: Settings
    notes: tuple[str, ...]
    """What the task mode is and what it does not enforce, one sentence each."""

    @property
    def url(self) -> str:
        """Its address, for AWS_ENDPOINT_URL."""
        return self.settings.url

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables for its clients."""
        return self.settings.client_environment

    def reset(self) -> None:
        """Forget everything: tasks are stopped, every resource is gone."""
        connection = http.client.HTTPConnection("127.0.0.1", self.settings.port, timeout=_STOP_SECONDS)
        try:
            connection.request("POST", "/_ministack/reset")
            answer = connection.getresponse()
            if answer.status != http.client.OK:
                raise AwsError(f"the reset was answered {answer.status}: {answer.read()!r}")
        finally:
            connection.close()


@contextmanager
def running(
    *, port: int = 0, tasks: Tasks = Tasks.AUTO, pace: Pace | None = None, data: Path | None = None
) -> Iterator[Aws]:
    """An endpoint for the length of a `with` block, in this process. One at a time.

    Args:
        port: 0 lets the operating system choose.
        tasks: how ECS tasks run.
        pace: how fast its clocks tick.
        data: keeps its resources in this folder, from one process to the next; None keeps them in memory. Only the
            first endpoint of a process may be given one.

    Raises:
        AwsError: the port is taken, or it did not come up.
    """
    folder = Path(tempfile.mkdtemp(prefix="ops-pipeline-aws-"))
    try:
        with _listening(port) as listener:
            chosen: int = listener.getsockname()[1]
            settings = Settings(port=chosen, folder=folder, tasks=tasks, pace=pace or Pace())
            with _environment(_ministack_environment(settings, data)):
                patches: Any = import_module("sandbox.aws.patches")
                installed: Installed = patches.install(settings)
                with _serving(patches.application, listener, settings, installed):
                    yield Aws(settings, installed.notes)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _ministack_environment(settings: Settings, data: Path | None) -> Mapping[str, str]:
    kept = {"PERSIST_STATE": "1", "STATE_DIR": str(data)} if data else {"PERSIST_STATE": "0"}
    return {
        "GATEWAY_PORT": str(settings.port),
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "MINISTACK_ACCOUNT_ID": settings.account,
        "MINISTACK_REGION": settings.region,
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "LOG_LEVEL": os.environ.get("LOG_LEVEL", "ERROR"),
        **kept,
    }


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def _listening(port: int) -> Iterator[socket.socket]:
    """A socket that already listens: who connects early waits instead of being refused."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(100)
    except OSError as error:
        listener.close()
        raise AwsError(f"127.0.0.1:{port} cannot be listened on: {error}. Next: give another --port") from error
    with listener:
        yield listener


@contextmanager
def _serving(application: Any, listener: socket.socket, settings: Settings, installed: Installed) -> Iterator[None]:
    asked_to_stop = Event()
    thread = Thread(
        target=_serve, args=(application, listener.detach(), asked_to_stop), name="aws endpoint", daemon=True
    )
    thread.start()
    try:
        _wait_until_ready(settings.port)
        yield
    finally:
        # Tasks may still speak to the endpoint while they end, so they end first.
        installed.stop()
        asked_to_stop.set()
        thread.join(_STOP_SECONDS)
        if thread.is_alive():
            sys.stderr.write(f"aws: the server did not stop within {_STOP_SECONDS} s\n")
        installed.take_back()


def _serve(application: Any, listener: int, asked_to_stop: Event) -> None:
    config = Config()
    config.bind = [f"fd://{listener}"]
    config.keep_alive_timeout = 75
    config.graceful_timeout = 1
    config.loglevel = "ERROR"

    async def until_asked() -> None:
        while not asked_to_stop.is_set():  # noqa: ASYNC110 - set by another thread, which asyncio has no wait for
            await asyncio.sleep(0.05)

    asyncio.run(serve(application, config, shutdown_trigger=until_asked))


def _wait_until_ready(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_READY_SECONDS)
    try:
        connection.request("GET", "/_ministack/health")
        status = connection.getresponse().status
    except OSError as error:
        raise AwsError(f"the endpoint did not answer within {_READY_SECONDS} s: {error}") from error
    finally:
        connection.close()
    if status != http.client.OK:
        raise AwsError(f"the endpoint's first answer was {status}")
