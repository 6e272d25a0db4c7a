"""`ops schedules`: what the clock starts, and whether it should."""

from collections.abc import Iterator, Sequence
from typing import Any

import click

from contract.workload import ScheduleState
from ops.cli import complete
from ops.cli.bench import Bench, bench
from ops.cli.progress import progress
from ops.cli.root import Session, Spoken, json_option
from ops.cli.spoken import tell, tell_ending
from ops.core.clockwork import Entry
from ops.core.plain import plain
from ops.core.release import short
from ops.errors import Exit, OpsError
from ops.screens import columns, finding_lines
from ops.shell import clockwork
from ops.shell.observe import look

_lock_wait = click.option(
    "--lock-wait", type=float, default=0, metavar="SECONDS", help="How long to wait for a held lock."
)


@click.group()
def schedules() -> None:
    """See and change what the clock starts: our schedules, declared ones of others, and strangers.

    \b
    Examples:
      ops schedules list
      ops schedules audit
      ops schedules sync
      ops schedules disable preopen-check --why "the broker is closed"

    Every change reads the schedule, changes one field, writes it back whole, and compares. A schedule of somebody else
    is only ever held to the state that pipeline.toml declares.

    Exit codes: 0 done; 1 not done; 2 wrong usage; 6 locked; 7 findings (audit).
    """  # noqa: D301 - click keeps the lines after a backspace as they are


@schedules.command("list", cls=Spoken)
@json_option
@click.pass_obj
def list_(session: Session) -> Exit:
    """List every schedule and rule that concerns us: whose it is, its state, when it fires, what it starts.

    That is: ours, the declared ones of others, and whatever else starts our tasks or starts tasks in our cluster.

    \b
    Example:
      ops schedules list
    """  # noqa: D301 - click keeps the lines after a backspace as they are
    there = bench(session)
    found = clockwork.clockwork(there.world, there.declared)
    tell(session, {"schedules": [_document(each) for each in found]}, _screen(found))
    return Exit.DONE


@schedules.command(cls=Spoken)
@json_option
@click.pass_obj
def audit(session: Session) -> Exit:
    """Find what is wrong with the clock: each with its evidence and its fix.

    A state that is not the declared one, a schedule that is gone, one that starts another revision than the proven
    one, one that nobody declared, one that starts what is not there, late starts that would be made up for.

    \b
    Example:
      ops --json schedules audit

    Exit codes: 0 nothing found; 1 not done; 2 wrong usage; 7 findings.
    """  # noqa: D301 - click keeps the lines after a backspace as they are
    there = bench(session)
    scene = look(there.world, there.members)
    found = clockwork.clock_findings(there.world, scene, clockwork.clockwork(there.world, there.declared))
    lines = list(finding_lines(found)) or ["nothing found"]
    tell(session, {"findings": plain(found)}, lines)
    return Exit.FINDINGS if found else Exit.DONE


@schedules.command(cls=Spoken)
@_lock_wait
@json_option
@click.pass_obj
def sync(session: Session, lock_wait: float) -> Exit:
    """Hold every schedule to how it should be: others' to pipeline.toml, ours to their parameters and the release.

    \b
    Example:
      ops schedules sync

    Exit codes: 0 every schedule is as it should be; 1 not done; 2 wrong usage; 6 locked.
    """  # noqa: D301 - click keeps the lines after a backspace as they are
    there = bench(session)
    with progress() as step:
        ended = clockwork.sync(there.world, there.members, there.declared, there.asked(lock_wait), step)
    return tell_ending(session, "schedules sync", ended)


def _change(name: str, state: ScheduleState, does: str) -> None:
    """One verb that says a state."""

    @schedules.command(
        name, cls=Spoken, help=f"{does}\n\n\b\nExample:\n  ops schedules {name} preopen-check --why REASON"
    )
    @click.argument("schedule", shell_complete=complete.schedules)
    @click.option("--group", metavar="NAME", help="Its group, or the bus of a rule; needed when two have the name.")
    @click.option("--why", required=True, help="The reason; it stands in the history.")
    @_lock_wait
    @json_option
    @click.pass_obj
    def change(session: Session, schedule: str, group: str | None, why: str, lock_wait: float) -> Exit:
        there = bench(session)
        each = _named(there, schedule, group)
        clockwork.refuse_against_declaration(each, state)
        asked = there.asked(lock_wait)
        with progress() as step:
            ended = clockwork.switch(there.world, there.members, each, state, why=why, asked=asked, tell=step)
        return tell_ending(session, f"schedules {name}", ended)


_change("disable", ScheduleState.DISABLED, "Let a schedule not fire any more. A release in between does not undo it.")
_change("enable", ScheduleState.ENABLED, "Let a schedule fire; one of ours that starts nothing yet, after a release.")


def _named(there: Bench, name: str, group: str | None) -> Entry:
    found = clockwork.clockwork(there.world, there.declared)
    named = [each for each in found if each.name == name and group in {None, each.group}]
    if len(named) == 1:
        return named[0]
    known = ", ".join(sorted(f"{each.group}/{each.name}" for each in named or found)) or "none"
    why = "several schedules are" if named else "no schedule that concerns us is"
    raise OpsError(
        f"{why} called {group + '/' if group else ''}{name}; there are {known}",
        next_step="name one of them, with --group where two have the same name",
    )


def _document(each: Entry) -> dict[str, Any]:
    trigger = plain(each.trigger) or {}
    told = {"name": each.name, "group": each.group, "whose": each.whose, "state": each.state, "should": each.should}
    return {**plain(told), "held": each.held, "trigger": trigger}


def _screen(found: Sequence[Entry]) -> Iterator[str]:
    rows = [_row(each) for each in found]
    if not rows:
        yield "nothing that the clock starts concerns this environment"
        return
    head, *below = columns(("NAME", "WHOSE", "STATE", "SHOULD BE", "WHEN"), rows)
    yield head
    for line, each in zip(below, found, strict=True):
        yield line
        yield f"    {_starts(each)}"
    wrong = sum(not each.held for each in found)
    yield f"Next: ops schedules {'sync' if wrong else 'audit'}"


def _row(each: Entry) -> tuple[str, ...]:
    trigger = each.trigger
    when = f"{trigger.expression or 'an event'} {trigger.time_zone}".strip() if trigger else "-"
    name = f"{each.group}/{each.name}"
    return (name, each.whose, each.state or "not there", each.should or "nobody says", when)


def _starts(each: Entry) -> str:
    if each.trigger is None:
        return "starts nothing"
    return " ".join(["starts", short(each.trigger.revision) or "no task", *each.trigger.command])
