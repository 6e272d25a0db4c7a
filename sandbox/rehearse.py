"""The rehearsal: the whole world on this machine, one story told step by step, and the proof. `ops rehearse` calls it.

A step that fails says what was expected, what was seen, the last lines of the part that failed, and what to do next.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import monotonic

import psycopg
from botocore.exceptions import BotoCoreError, ClientError

from contract.strict import DocumentError
from sandbox.parts import PartError
from sandbox.pgbinaries import PostgresError
from sandbox.record import Record, StepFailedError
from sandbox.releases import one_release
from sandbox.story import first_verdict
from sandbox.telling import Step, Teller
from sandbox.venue import VenueError
from sandbox.world import Interrupted, World, WorldBusyError

CHECKOUT = Path(__file__).resolve().parents[1]
"""Where pipeline.toml is, and where `.sandbox/` will be."""

Story = Callable[[World, Record], None]
ORDERS: Story = first_verdict
"""The story of the orders alone, which takes seconds."""


def released(tasks: str) -> Story:
    """The story of a release, whose tasks run in that way; `sandbox.mode` has the words."""
    return partial(one_release, tasks=tasks)


def rehearse(*, as_json: bool, story: Story = one_release, checkout: Path = CHECKOUT) -> bool:
    """Play a story in a world of its own and tell how it went; whether every step was done.

    With `as_json` stdout gets exactly one JSON object and the story goes to stderr.
    """
    record = Record(Teller.on(stderr=as_json))
    began = monotonic()
    ok = _played(story, checkout, record)
    seconds = monotonic() - began
    record.teller.note(f"\n{'done and proven' if ok else 'NOT done'} in {seconds:.1f} s")
    if as_json:
        print(record.document(ok=ok, seconds=seconds))  # noqa: T201 - the one object that stdout is for
    return ok


def _played(story: Story, checkout: Path, record: Record) -> bool:
    """Whether the story was played to its end. What is expected to go wrong is told; the rest is a fault of ours."""
    try:
        with World.opened(checkout) as world:
            return _told(story, world, record)
    except WorldBusyError as error:
        _busy(record, error)
    except Interrupted as signal:
        record.teller.note(
            f"\ninterrupted by {signal}; everything that was started is stopped. Next: run the same again"
        )
    return False


def _told(story: Story, world: World, record: Record) -> bool:
    try:
        story(world, record)
    except StepFailedError as error:
        _explain(record.teller, error.expected, error.seen, error.tail, error.next_step)
    except (
        PartError,
        PostgresError,
        VenueError,
        DocumentError,
        psycopg.Error,
        OSError,
        BotoCoreError,
        ClientError,
    ) as error:
        tail = error.tail if isinstance(error, PartError) else ""
        _explain(record.teller, "this step to be done", str(error), tail, "look at the lines above and at the evidence")
    finally:
        world.private("evidence/story.txt", "\n".join(record.teller.lines) + "\n")
        record.teller.note(f"\nevidence: {world.evidence.relative_to(world.checkout)}/")
    return bool(record.steps) and all(each.ok for each in record.steps)


def _busy(record: Record, error: WorldBusyError) -> None:
    record.steps.append(Step("set-up", ok=False, seconds=0.0, evidence=str(error)))
    record.teller.note(f"rehearse: {error}\nNext: wait for it, or stop it, and run the same again")


def _explain(teller: Teller, expected: str, seen: str, tail: str, next_step: str) -> None:
    teller.note(f"\n  expected: {expected}\n  seen:     {seen}")
    if tail:
        teller.note("  last lines:\n" + "\n".join(f"    {line}" for line in tail.splitlines()))
    teller.note(f"  next:     {next_step}")
