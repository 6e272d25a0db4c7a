"""The records of ECS, one lock over them, and a bell that rings at every change."""
# ruff: noqa: SLF001 - the records are private stores of one exact version of ministack, guarded by sandbox.aws.fits

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from threading import Condition, RLock
from typing import Any, Self

from sandbox.aws.upstream import ecs, responses

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Scope:
    """The account and region a record belongs to."""

    account: str
    region: str

    @classmethod
    def current(cls) -> "Scope":
        """Of the request being answered."""
        return cls(responses.get_account_id(), responses.get_region())

    def entered(self) -> Any:
        """A `with` block in which ministack's stores are this scope's."""
        return responses.request_scope(self.account, self.region)


@dataclass(frozen=True, slots=True)
class Board:
    """Whoever reads several records, or changes one, holds the lock; whoever changed one rings."""

    bell: Condition = field(default_factory=lambda: Condition(RLock()))

    def __enter__(self) -> Self:
        """Hold the lock."""
        self.bell.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        """Ring, so that whoever waits for a change looks again, and release."""
        self.bell.notify_all()
        self.bell.release()

    def wait_for(self, seen: Callable[[], bool], seconds: float) -> bool:
        """Wait until `seen` is true, looking at every change; whether it became so in time."""
        with self.bell:
            return self.bell.wait_for(seen, seconds)


def services() -> Iterator[tuple[Scope, str, Record]]:
    """All services of all accounts and regions: scope, `cluster/name`, record."""
    for (account, region, key), record in ecs._services.all_items():
        yield Scope(account, region), key, record


def tasks_of(service: Record) -> list[Record]:
    """The tasks of a service, in the order they were created. In the service's scope."""
    group, cluster = f"service:{service['serviceName']}", service["clusterArn"]
    own = [each for each in ecs._tasks.values() if each.get("group") == group and each.get("clusterArn") == cluster]
    return sorted(own, key=lambda each: float(each["createdAt"]))


def count(task: Record) -> None:
    """One more observable change of the task."""
    task["version"] = int(task.get("version", 0)) + 1


def now() -> float:
    """The time as records keep it: seconds since 1970, to the millisecond."""
    return round(time.time(), 3)
