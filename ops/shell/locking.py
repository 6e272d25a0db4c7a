"""Holding the environment's lock: taken before anything is looked at, renewed at every step, let go at the end."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

from ops.core.lock import SPAN_SECONDS, Lock
from ops.errors import Exit, OpsError, Unreachable
from ops.world import Asked, Fenced, Tell, World

FAST_SECONDS = 2.0
SLOW_SECONDS = 5.0
FAST_FOR_SECONDS = 120.0


class LockedError(OpsError):
    """Somebody else holds the lock. Nothing was tried."""

    def __init__(self, lock: Lock) -> None:
        self.lock = lock
        super().__init__(
            f"the environment is locked by {lock.holder()}",
            next_step="wait for it with --lock-wait SECONDS (the lock of a dead holder runs out), or see ops status",
            exit_code=Exit.LOCKED,
        )


class Grip:
    """The lock while it is ours."""

    def __init__(self, world: World, lock: Lock) -> None:
        self._world = world
        self.lock = lock

    @property
    def fence(self) -> int:
        """The fencing number that every write of ours carries."""
        return self.lock.fence

    def renew(self, seconds: float = SPAN_SECONDS) -> None:
        """Hold it for that long from now.

        Raises:
            Fenced: somebody else has taken it.
        """
        expires = self._world.clock.now() + timedelta(seconds=seconds)
        if not self._world.control.renew(self.lock, expires):
            raise self.lost()

    def lost(self) -> Fenced:
        """What to raise when a write was refused."""
        now = self._world.control.lock()
        return Fenced(now.holder() if now else "nobody")


@contextmanager
def holding(world: World, asked: Asked, purpose: str, tell: Tell) -> Iterator[Grip]:
    """The lock for the length of a `with` block.

    Raises:
        LockedError: somebody else holds it, and still did after the time that was to be waited.
    """
    lock = _take(world, asked, purpose, tell)
    try:
        yield Grip(world, lock)
    finally:
        try:
            world.control.let_go(lock, world.clock.now())
        except Unreachable:
            tell("lock", f"could not be let go; it runs out by itself within {SPAN_SECONDS} seconds")


def _take(world: World, asked: Asked, purpose: str, tell: Tell) -> Lock:
    begun = world.clock.monotonic()
    while True:
        now = world.clock.now()
        expires = now + timedelta(seconds=SPAN_SECONDS)
        wanted = Lock(fence=0, token=asked.token, who=asked.who, purpose=purpose, since=now, expires=expires)
        taken = world.control.take(wanted, now)
        if taken is not None:
            return taken
        held = world.control.lock() or replace(wanted, token="")
        if asked.dead(held) and (taken := world.control.take(wanted, now, over=held.fence)) is not None:
            tell("lock", f"taken from {held.holder()}: that process is no more")
            return taken
        if world.clock.monotonic() - begun >= asked.lock_wait_seconds:
            raise LockedError(held)
        tell("lock", f"held by {held.holder()}; waiting")
        pause(world, begun)


def pause(world: World, begun: float) -> None:
    """Wait between two looks: 2 s for the first two minutes, then 5 s, with jitter so that many do not look at once."""
    early = world.clock.monotonic() - begun < FAST_FOR_SECONDS
    seconds = FAST_SECONDS if early else SLOW_SECONDS
    world.clock.sleep(seconds * world.jitter())
