"""What holds a task in, as the engine itself tells it; what does not hold without one, as the endpoint tells it."""

from typing import Any

from contract.names import IMAGE_USER
from sandbox.cloud import Cloud
from sandbox.record import StepFailedError

_MEBI = 1024 * 1024


def told_by_engine(cloud: Cloud, digest: str, services: int) -> list[str]:
    """The one container of each service, and that it is held in as its task definition asks; in container mode.

    Raises:
        StepFailedError: one is not, or there are more or fewer.
    """
    running = cloud.mode.containers(cloud.host)
    if len(running) != services:
        raise StepFailedError(f"{services} containers", str(len(running)), next_step="docker ps --all")
    return [_held(each, digest) for each in running]


def _held(container: Any, digest: str) -> str:
    facts = container.attrs
    host, image = facts["HostConfig"], container.image.attrs
    seen = {
        "user": facts["Config"]["User"],
        "read-only root": host["ReadonlyRootfs"],
        "capabilities": (host["CapDrop"], host["CapAdd"] or []),
        "network": host["NetworkMode"],
        "health": facts["State"]["Health"]["Status"],
        "image": digest in {each.partition("@")[2] for each in image["RepoDigests"]},
        "memory": host["Memory"] > 0,
    }
    wanted = {
        "user": IMAGE_USER,
        "read-only root": True,
        "capabilities": (["ALL"], []),
        "network": "host",
        "health": "healthy",
        "image": True,
        "memory": True,
    }
    if seen != wanted:
        raise StepFailedError(str(wanted), str(seen), next_step=f"docker inspect {container.id[:12]}")
    memory = host["Memory"] // _MEBI
    return (
        f"container {container.id[:12]}: user {IMAGE_USER}, read-only root, no capability, {memory} MiB, healthy; "
        f"pulled as {digest[:19]}"
    )
