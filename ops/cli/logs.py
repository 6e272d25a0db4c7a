"""`ops logs`: the lines of a release's own tasks."""

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta

import click

from ops.aws.logs import CloudWatchLogs
from ops.cli.bench import bench
from ops.cli.complete import services
from ops.cli.duration import DURATION
from ops.cli.root import Session, Spoken, json_option
from ops.core.judge import printable
from ops.errors import Exit, OpsError
from ops.ports import Clock, LogLine, Stream
from ops.shell.streams import milliseconds, running_revision, stream, streams_of
from ops.shell.tail import Tail
from ops.shell.watch import pause
from ops.world import World

_TASK_SHOWN = 8


@click.command(cls=Spoken)
@click.argument("service", shell_complete=services)
@click.option("--follow", "-f", is_flag=True, help="Go on with the lines as they come, until Ctrl-C.")
@click.option("--since", type=DURATION, default="1h", show_default=True, help="How far back, such as 90s, 10m, 2h.")
@click.option("--task", metavar="ID", help="Of this task, which may have ended; the running revision's if not given.")
@json_option
@click.pass_obj
def logs(session: Session, service: str, *, follow: bool, since: float, task: str | None) -> Exit:
    """Show what the tasks of a service have logged, and of no other.

    Of the running revision's tasks, unless a task is named: also one that has ended, or that ran once. With several
    tasks each line begins with the first part of its task's id. The lines can be judged: ops verify --replay -

    \b
    Examples:
      ops logs dispatcher-large --since 10m
      ops logs dispatcher-large --follow

    Exit codes: 0 shown; 1 nothing runs, or the log cannot be read; 2 wrong usage.
    """  # noqa: D301 - click keeps the lines after a backspace as they are
    if follow and session.json:
        raise OpsError("one JSON object cannot go on", next_step="leave out --follow or --json")
    tools = bench(session)
    tools.only((service,))
    world = tools.world
    begin = milliseconds(world.clock.now() - timedelta(seconds=since))
    tail = Tail(CloudWatchLogs(tools.aws), _streams(world, service, task), since=begin)
    if follow:
        _follow(tail, world.clock)
    else:
        _show(session, service, tail.fresh())
    return Exit.DONE


def _streams(world: World, service: str, task: str | None) -> Callable[[], Sequence[Stream]]:
    if task is not None:
        only = stream(world, service, task.rpartition("/")[-1])
        return lambda: [only]
    return streams_of(world, service, running_revision(world, service))


def _show(session: Session, service: str, lines: Sequence[LogLine]) -> None:
    if session.json:
        rows = [{"at": _time(line.at), "task": line.stream.task, "text": line.text} for line in lines]
        click.echo(json.dumps({"service": service, "lines": rows}))
        return
    several = len({line.stream for line in lines}) > 1
    _print(lines, named=several)


def _follow(tail: Tail, clock: Clock) -> None:
    begun = clock.monotonic()
    tasks: set[Stream] = set()
    try:
        while True:
            lines = tail.fresh()
            tasks |= {line.stream for line in lines}
            _print(lines, named=len(tasks) > 1)
            clock.sleep(pause(clock.monotonic() - begun))
    except KeyboardInterrupt:
        return  # this is how following ends


def _print(lines: Iterable[LogLine], *, named: bool) -> None:
    for line in lines:
        text = "".join(printable(line.text)) if sys.stdout.isatty() else line.text
        click.echo(f"{line.stream.task[:_TASK_SHOWN]} {text}" if named else text)


def _time(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).isoformat()
