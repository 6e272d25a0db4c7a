"""Run containers as local processes: the image's files, the host's Python, no walls.

An image is pulled once per digest and unpacked into a folder that all its tasks share. A container is a process in a
group of its own, started in the image's working folder with the image's libraries and nothing else of this host's
Python: `python` is a virtual environment without site-packages. What a task definition asks for beyond that is not
enforced, and `NOT_ENFORCED` says so.
"""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock, Thread
from typing import IO, Any

from sandbox.aws.plan import HealthCheck
from sandbox.aws.pull import Fetched, Source
from sandbox.aws.runner import CannotPullError, CannotStartError, Launch, Pulled
from sandbox.aws.unpack import UnsafeLayerError, unpack

NOT_ENFORCED = (
    "user: tasks run as the user who started the endpoint",
    "read-only root: a task can write to its image's files, which all tasks of that digest share",
    "capabilities: a task has those of the user",
    "memory and CPU: limits are recorded, not applied",
    "network: tasks share this machine's network; security groups and subnets mean nothing",
    "IAM: task and execution roles are recorded; the endpoint answers every caller",
    "operating system: only the image's files below its root are its own; programs and Python are this machine's",
)
_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_MAPPED = ("PATH", "PYTHONPATH")
"""Variables whose folders are looked for in the image first."""
_SIGNALLED = 128


@dataclass(frozen=True, slots=True)
class _Unpacked:
    """An image whose files are here."""

    root: Path
    config: Mapping[str, Any]


class Processes:
    """Containers as processes."""

    mode = "processes"
    not_enforced = NOT_ENFORCED

    def __init__(self, folder: Path, source: Source) -> None:
        self._folder = folder
        self._source = source
        self._lock = Lock()
        self._unpacked: dict[str, Path] = {}

    def pull(self, image: str) -> Pulled:
        """Have an image unpacked; its layers are pulled and laid once per digest."""
        with self._lock:
            fetched = self._source.fetch(image)
            if fetched.digest not in self._unpacked:
                self._unpacked[fetched.digest] = self._laid(image, fetched)
            return Pulled(fetched.digest, _Unpacked(self._unpacked[fetched.digest], fetched.config))

    def _laid(self, image: str, fetched: Fetched) -> Path:
        """The image's files. Releases share all layers but the last, so these are laid once and linked."""
        *lower, last = fetched.layers or ("",)
        below = self._folder / "layers" / hashlib.sha256(" ".join(lower).encode()).hexdigest()
        root = self._folder / "images" / fetched.digest.removeprefix("sha256:")
        try:
            if not below.exists():
                self._lay(image, lower, below)
            shutil.copytree(below, root, symlinks=True, copy_function=os.link)
            self._lay(image, [last] if last else [], root)
        except UnsafeLayerError as error:
            shutil.rmtree(root, ignore_errors=True)
            shutil.rmtree(below, ignore_errors=True)
            raise CannotPullError(f"failed to register layer: {error}") from error
        return root

    def _lay(self, image: str, digests: Sequence[str], folder: Path) -> None:
        unpack([self._source.layer(image, digest) for digest in digests], folder)

    def start(self, launch: Launch) -> "Process":
        """Start the container's program."""
        own = self._folder / "tasks" / launch.task_id / launch.container.name
        for place in (own / "home", own / "tmp", *(_volume(own, each) for each in launch.container.scratch)):
            place.mkdir(parents=True)
        image: _Unpacked = launch.pulled.content
        environment = _environment(launch, image, own, _python(own / "python"))
        folder = _inside(image.root, launch.container.working_folder or image.config.get("WorkingDir") or "/")
        folder.mkdir(parents=True, exist_ok=True)
        return Process.started(_program(launch, image, environment), environment, folder, launch)

    def forget(self, task_id: str) -> None:
        """Remove the task's own folders."""
        shutil.rmtree(self._folder / "tasks" / task_id, ignore_errors=True)

    def close(self) -> None:
        """Nothing is held beyond the tasks."""


@dataclass(frozen=True, slots=True)
class Process:
    """A container's first process, and all it starts: one process group."""

    popen: "subprocess.Popen[str]"
    environment: Mapping[str, str] = field(repr=False)
    folder: Path
    stop_seconds: float
    reader: Thread = field(repr=False)

    @classmethod
    def started(cls, program: Sequence[str], environment: Mapping[str, str], folder: Path, launch: Launch) -> "Process":
        """Start it, and tell its lines as they come, of both streams in the order they were written.

        Raises:
            CannotStartError: the operating system would not start it.
        """
        try:
            popen = subprocess.Popen(  # noqa: S603 - the image's own entrypoint, never a shell of ours
                program,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                encoding="utf-8",
                errors="replace",
                env=environment,
                cwd=folder,
                start_new_session=True,
            )
        except OSError as error:
            raise CannotStartError(f"exec: {program[0]!r}: {error.strerror}") from error
        if popen.stdout is None:
            raise AssertionError("a pipe was asked for")
        name = f"{launch.task_id[:8]} {launch.container.name} output"
        reader = Thread(target=_tell, args=(popen.stdout, launch), name=name, daemon=True)
        reader.start()
        return cls(popen, environment, folder, launch.container.stop_seconds, reader)

    @property
    def runtime_id(self) -> str:
        """Its process id."""
        return str(self.popen.pid)

    def wait(self) -> int:
        """Wait for its end, end what it left running, hear its last words."""
        # It is left unreaped until its group is gone: until then nobody else can get its number.
        os.waitid(os.P_PID, self.popen.pid, os.WEXITED | os.WNOWAIT)
        self._signal_group(signal.SIGKILL)
        code = self.popen.wait()
        self.reader.join()
        return code if code >= 0 else _SIGNALLED - code

    def stop(self) -> None:
        """SIGTERM to the first process; SIGKILL to the group after the stop timeout."""
        if self.popen.returncode is None:
            # Not Popen.send_signal: it reaps, and only `wait` may.
            with suppress(ProcessLookupError):
                os.kill(self.popen.pid, signal.SIGTERM)
        self.reader.join(self.stop_seconds)
        if self.reader.is_alive():
            self.kill()

    def kill(self) -> None:
        """SIGKILL to the group."""
        if self.popen.returncode is None:
            self._signal_group(signal.SIGKILL)

    def looks_every(self, check: HealthCheck) -> float:
        """Each question runs the check."""
        return check.interval

    def healthy(self, check: HealthCheck) -> bool | None:
        """Run the check beside it, with its variables and in its folder."""
        kind, *words = check.command
        program = ["/bin/sh", "-c", " ".join(words)] if kind == "CMD-SHELL" else words
        found = shutil.which(program[0], path=self.environment["PATH"])
        return found is not None and _passes([found, *program[1:]], self.environment, self.folder, check.timeout)

    def _signal_group(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.popen.pid, number)


def _passes(program: Sequence[str], environment: Mapping[str, str], folder: Path, seconds: float) -> bool:
    quiet = subprocess.DEVNULL
    with subprocess.Popen(  # noqa: S603 - the task definition's own health check
        program, stdin=quiet, stdout=quiet, stderr=quiet, env=environment, cwd=folder, start_new_session=True
    ) as probe:
        try:
            return probe.wait(seconds) == 0
        except subprocess.TimeoutExpired:
            os.killpg(probe.pid, signal.SIGKILL)
            return False


def _tell(source: IO[str], launch: Launch) -> None:
    with source:
        for line in source:
            launch.say(line.rstrip("\n"))


def _python(folder: Path) -> Path:
    """A virtual environment with this machine's Python and no libraries; the folder of its programs."""
    base = Path(getattr(sys, "_base_executable", "") or sys.executable).resolve()
    programs = folder / "bin"
    programs.mkdir(parents=True)
    (folder / "pyvenv.cfg").write_text(f"home = {base.parent}\ninclude-system-site-packages = false\n", "utf-8")
    for name in ("python", "python3", f"python3.{sys.version_info.minor}"):
        (programs / name).symlink_to(base)
    return programs


def _environment(launch: Launch, image: _Unpacked, own: Path, python: Path) -> dict[str, str]:
    given = dict(each.partition("=")[::2] for each in image.config.get("Env") or ()) | dict(launch.environment)
    for volume in launch.container.scratch:
        below = {name: value for name, value in given.items() if value.startswith(f"{volume}/")}
        given |= {name: str(_volume(own, value)) for name, value in below.items()}
    for name in _MAPPED:
        if name in given:
            given[name] = os.pathsep.join(str(_if_inside(image.root, step)) for step in given[name].split(os.pathsep))
    given["PATH"] = os.pathsep.join(filter(None, [str(python), given.get("PATH", ""), _SYSTEM_PATH]))
    return given | {"HOME": str(own / "home"), "TMPDIR": str(own / "tmp"), "HOSTNAME": launch.task_id}


def _volume(own: Path, path: str) -> Path:
    """Where a path on one of the task's own volumes is: no other task's, least of all its predecessor's."""
    return own / "volumes" / path.lstrip("/")


def _program(launch: Launch, image: _Unpacked, environment: Mapping[str, str]) -> list[str]:
    """Entrypoint and command. A task's own entrypoint drops the image's command, as the engines do it."""
    container, config = launch.container, image.config
    entrypoint = container.entrypoint or tuple(config.get("Entrypoint") or ())
    command = container.command or (() if container.entrypoint else tuple(config.get("Cmd") or ()))
    words = [*entrypoint, *command]
    if not words:
        raise CannotStartError("no command specified")
    first = str(_if_inside(image.root, words[0])) if words[0].startswith("/") else words[0]
    found = shutil.which(first, path=environment["PATH"])
    if found is None:
        raise CannotStartError(f'exec: "{words[0]}": executable file not found in $PATH')
    return [found, *words[1:]]


def _if_inside(root: Path, path: str) -> Path | str:
    place = _inside(root, path)
    return place if path.startswith("/") and place.exists() else path


def _inside(root: Path, path: str) -> Path:
    """The path as the image means it. One that climbs out means the root, as it does in a container."""
    place = (root / path.lstrip("/")).resolve()
    return place if root.resolve() in (place, *place.parents) else root
