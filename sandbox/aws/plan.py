"""What a task is to run: a task definition and its overrides, read into values. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_STOP_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """A container's health check; times in seconds."""

    command: tuple[str, ...]
    """`CMD-SHELL` and one line, or `CMD` and its words."""
    interval: float
    timeout: float
    retries: int
    start_period: float


@dataclass(frozen=True, slots=True)
class LogStream:
    """Where a container's lines go."""

    group: str
    name: str
    region: str
    create_group: bool


@dataclass(frozen=True, slots=True)
class Container:
    """One container of a task, before its secrets are known and its image is pulled."""

    name: str
    image: str
    essential: bool
    entrypoint: tuple[str, ...] | None
    command: tuple[str, ...] | None
    environment: Mapping[str, str]
    secrets: tuple[tuple[str, str], ...]
    """Variable and `valueFrom`."""
    working_folder: str
    user: str
    read_only_root: bool
    drop: tuple[str, ...]
    add: tuple[str, ...]
    memory: int | None
    """MiB; the task's limit when the container has none."""
    cpu: int
    init: bool
    stop_seconds: float
    health: HealthCheck | None
    log: LogStream | None
    tmpfs: Mapping[str, str] = field(default_factory=dict)
    """Paths in memory, and their mount options."""
    scratch: tuple[str, ...] = ()
    """Paths of the task's own empty volumes, which may be written though the root is read-only."""


@dataclass(frozen=True, slots=True)
class Where:
    """The task the containers belong to."""

    task_id: str
    region: str


def containers(definition: Mapping[str, Any], overrides: Mapping[str, Any], where: Where) -> tuple[Container, ...]:
    """The containers of a task, in the order of its definition, with the overrides of RunTask applied."""
    changed = {each.get("name"): each for each in overrides.get("containerOverrides") or ()}
    rows: Sequence[Mapping[str, Any]] = definition.get("containerDefinitions", ())
    return tuple(_container(row, changed.get(row["name"], {}), definition, where) for row in rows)


def _container(
    row: Mapping[str, Any], override: Mapping[str, Any], definition: Mapping[str, Any], where: Where
) -> Container:
    linux = row.get("linuxParameters") or {}
    capabilities = linux.get("capabilities") or {}
    memory = override.get("memory") or row.get("memory") or definition.get("memory")
    return Container(
        name=row["name"],
        image=row["image"],
        essential=bool(row.get("essential", True)),
        entrypoint=_words(row.get("entryPoint")),
        command=_words(override.get("command") or row.get("command")),
        environment=_pairs(row.get("environment")) | _pairs(override.get("environment")),
        secrets=tuple((each["name"], each["valueFrom"]) for each in row.get("secrets") or ()),
        working_folder=row.get("workingDirectory") or "",
        user=row.get("user") or "",
        read_only_root=bool(row.get("readonlyRootFilesystem")),
        drop=tuple(capabilities.get("drop") or ()),
        add=tuple(capabilities.get("add") or ()),
        memory=int(memory) if memory else None,
        cpu=int(row.get("cpu") or 0),
        init=bool(linux.get("initProcessEnabled")),
        stop_seconds=float(row.get("stopTimeout") or _STOP_SECONDS),
        health=_health(row.get("healthCheck")),
        log=_log(row, where),
        tmpfs={each["containerPath"]: _tmpfs(each) for each in linux.get("tmpfs") or ()},
        scratch=_scratch(row, definition),
    )


def _words(given: Sequence[str] | None) -> tuple[str, ...] | None:
    return tuple(str(word) for word in given) if given else None


def _pairs(rows: Sequence[Mapping[str, str]] | None) -> dict[str, str]:
    return {row["name"]: str(row["value"]) for row in rows or ()}


def _health(row: Mapping[str, Any] | None) -> HealthCheck | None:
    if not row or not row.get("command") or row["command"][0] == "NONE":
        return None
    return HealthCheck(
        command=tuple(row["command"]),
        interval=float(row.get("interval") or 30),
        timeout=float(row.get("timeout") or 5),
        retries=int(row.get("retries") or 3),
        start_period=float(row.get("startPeriod") or 0),
    )


def _log(row: Mapping[str, Any], where: Where) -> LogStream | None:
    configuration = row.get("logConfiguration") or {}
    options = configuration.get("options") or {}
    if configuration.get("logDriver") != "awslogs" or not options.get("awslogs-group"):
        return None
    prefix = options.get("awslogs-stream-prefix")
    return LogStream(
        group=options["awslogs-group"],
        # Without a prefix AWS names the stream after the container's runtime id, which only the runner knows.
        name=f"{prefix}/{row['name']}/{where.task_id}" if prefix else where.task_id,
        region=options.get("awslogs-region") or where.region,
        create_group=str(options.get("awslogs-create-group", "")).lower() == "true",
    )


def _tmpfs(row: Mapping[str, Any]) -> str:
    return ",".join([f"size={row['size']}m", *row.get("mountOptions", ())])


def _scratch(row: Mapping[str, Any], definition: Mapping[str, Any]) -> tuple[str, ...]:
    own = {each.get("name") for each in definition.get("volumes") or () if not _host_path(each)}
    return tuple(each["containerPath"] for each in row.get("mountPoints") or () if each.get("sourceVolume") in own)


def _host_path(volume: Mapping[str, Any]) -> str:
    host = volume.get("host") or volume.get("Host") or {}
    return str(host.get("sourcePath") or host.get("SourcePath") or "")
