"""An engine of one's own: dockerd, started for a while and leaving nothing behind.

It leaves the machine's network alone: no bridge, no rule of a firewall, no forwarding. Its containers share the
machine's network or have none.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

import docker  # type: ignore[import-untyped] # it ships no types

PROGRAM = "dockerd"
PACKAGES = ("docker.io", "docker-cli")
"""Debian's engine; the program that builds is a package of its own in later releases."""

_ALONE = (
    *("--bridge=none", "--iptables=false", "--ip6tables=false", "--ip-forward=false", "--ip-masq=false"),
    *("--userland-proxy=false", "--exec-opt=native.cgroupdriver=cgroupfs"),
)
_START_SECONDS = 60
_STOP_SECONDS = 30
_PAUSE = 0.1
_TAIL = 5


class EngineError(RuntimeError):
    """No engine could be had. Says why."""


def program() -> str | None:
    """Where dockerd is; None where it is not installed."""
    return shutil.which(PROGRAM)


def install() -> None:
    """Install Debian's engine, which starts nothing.

    Raises:
        EngineError: this is no Debian, its packages cannot be reached, or we may not install any.
    """
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        raise EngineError(f"{PROGRAM} is not installed, and can be only by root on a Debian machine")
    _apt("update")
    _apt("install", "--yes", "--no-install-recommends", PACKAGES[0])
    if shutil.which("docker") is None:
        _apt("install", "--yes", "--no-install-recommends", PACKAGES[1])


def _apt(*words: str) -> None:
    # The system's own tool, found where the system has it; everything it says belongs to the log.
    ran = subprocess.run(  # noqa: S603
        ["apt-get", "--quiet", *words],  # noqa: S607
        env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"},
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
        check=False,
    )
    if ran.returncode != 0:
        raise EngineError(f"`apt-get {' '.join(words)}` ended with {ran.returncode}")


@contextmanager
def running() -> Iterator[dict[str, str]]:
    """An engine for the length of a `with` block; gives the environment in which clients find it.

    Raises:
        EngineError: it did not come up; with its last words.
    """
    found = program()
    if found is None or os.geteuid() != 0:
        raise EngineError(f"{PROGRAM} is not installed" if found is None else f"only root may start {PROGRAM}")
    # Short, because the path of a socket may have a hundred characters.
    folder = Path(tempfile.mkdtemp(prefix="engine-"))
    before = set(_cgroups())
    address = f"unix://{folder}/engine.sock"
    places = ["--data-root", "data", "--exec-root", "exec", "--pidfile", "pid"]
    absolute = [word if word.startswith("--") else str(folder / word) for word in places]
    try:
        with (folder / "log").open("w", encoding="utf-8") as log:
            engine = subprocess.Popen(  # noqa: S603 - dockerd, with our own words
                [found, "--host", address, *absolute, *_ALONE],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            _await(engine, address, folder / "log")
            yield {"DOCKER_HOST": address, "DOCKER_CONFIG": str(folder / "config")}
        finally:
            _stop(engine, address)
    finally:
        _tidy(folder, before)


def _await(engine: "subprocess.Popen[bytes]", address: str, log: Path) -> None:
    until = monotonic() + _START_SECONDS
    while not _answers(address):
        if engine.poll() is not None or monotonic() > until:
            last = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-_TAIL:])
            raise EngineError(f"{PROGRAM} did not come up; its last words:\n{last}")
        sleep(_PAUSE)


def _answers(address: str) -> bool:
    try:
        client = docker.DockerClient(base_url=address, timeout=_STOP_SECONDS)
    except docker.errors.DockerException:
        return False
    try:
        return bool(client.ping())
    except docker.errors.DockerException:
        return False
    finally:
        client.close()


def _stop(engine: "subprocess.Popen[bytes]", address: str) -> None:
    """Remove every container, then end the engine; one that will not end is killed."""
    if engine.poll() is None and _answers(address):
        client = docker.DockerClient(base_url=address, timeout=_STOP_SECONDS)
        for container in client.containers.list(all=True):
            container.remove(force=True, v=True)
        client.close()
    engine.terminate()
    try:
        engine.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        engine.kill()
        engine.wait()


def _tidy(folder: Path, before: set[Path]) -> None:
    """Undo the mounts and the groups of processes that it leaves, and remove its files."""
    for place in reversed(_mounts(folder)):
        subprocess.run(["umount", place], check=False)  # noqa: S603, S607 - the system's own tool
    for group in set(_cgroups()) - before:
        for inner in sorted((each for each in group.rglob("*") if each.is_dir()), reverse=True):
            inner.rmdir()
        group.rmdir()
    if left := _mounts(folder):
        sys.stderr.write(f"engine: still mounted, so {folder} stays: {', '.join(left)}\n")
        return
    shutil.rmtree(folder)


def _mounts(folder: Path) -> list[str]:
    lines = Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()
    return [place for line in lines if (place := line.split()[1]).startswith(f"{folder}/")]


def _cgroups() -> list[Path]:
    return [*Path("/sys/fs/cgroup").glob("docker"), *Path("/sys/fs/cgroup").glob("*/docker")]
