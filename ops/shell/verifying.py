"""Judge the running release now, by the log lines of its own tasks since they began."""

from contract.verification import RuleSet
from ops.core.judge import Judgement
from ops.ports import LogReader
from ops.shell.streams import milliseconds, running_revision, service_tasks, streams_of
from ops.shell.tail import Tail
from ops.shell.watch import watch
from ops.world import World


def verify(world: World, reader: LogReader, service: str, rule_set: RuleSet, *, window_seconds: float) -> Judgement:
    """Judge what the tasks of a service's running revision have logged since the first of them began.

    Args:
        world: where the tasks are.
        reader: reads their logs.
        service: the service, as it is declared.
        rule_set: what to judge by.
        window_seconds: how long to watch on while there is no verdict; 0 judges what is there.

    Raises:
        OpsError: nothing of the service runs, or its log could not be read.
    """
    revision = running_revision(world, service)
    created = [each.created for each in service_tasks(world, service, revision) if each.created and not each.ended]
    since = milliseconds(min(created, default=world.clock.now()))
    source = Tail(reader, streams_of(world, service, revision), since=since)
    return watch(source, rule_set, world.clock, window_seconds=window_seconds)
