"""What an account holds, as the tasks of its position manager said it last."""

from datetime import timedelta

from ops.core.held import SILENT_BEATS, Holdings, holdings
from ops.errors import Exit, OpsError
from ops.ports import LogReader
from ops.shell.streams import milliseconds, running_revision, streams_of
from ops.world import World


def held_by(world: World, reader: LogReader, account: str, service: str, *, heartbeat_seconds: float) -> Holdings:
    """The account's newest report in the lines of the service's own tasks, whatever revision they are of."""
    try:
        running_revision(world, service)
    except OpsError as error:
        if error.exit_code is not Exit.NOT_DONE:
            raise
        return Holdings(account=account, service=service, report=None, missing=error.message)
    now = world.clock.now()
    since = milliseconds(now - timedelta(seconds=heartbeat_seconds * (SILENT_BEATS + 1)))
    lines = reader.read(streams_of(world, service)(), since=since)
    texts = ((line.stream.task, line.text) for line in lines)
    return holdings(account, service, texts, now, heartbeat_seconds=heartbeat_seconds)
