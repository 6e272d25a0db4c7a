"""`ops restart`: new tasks of the release that runs."""

import click

from ops.cli import complete
from ops.cli.bench import bench
from ops.cli.progress import progress
from ops.cli.root import Session, Spoken, json_option
from ops.cli.spoken import tell_ending
from ops.errors import Exit
from ops.shell.restart import Renewal
from ops.shell.restart import restart as walk


@click.command(cls=Spoken)
@click.argument("services", nargs=-1, shell_complete=complete.services, metavar="[SERVICE]...")
@click.option("--lock-wait", type=float, default=0, metavar="SECONDS", help="How long to wait for a held lock.")
@json_option
@click.pass_obj
def restart(session: Session, services: tuple[str, ...], lock_wait: float) -> Exit:
    """Give services new tasks of the release they run, and prove them: for a secret whose value has changed.

    All services if none is named, one after the other, each proven before the next. The release stays the same one,
    and so does its proof: new tasks that fail say more about the new value than about the image. What they left is
    saved in .ops/evidence/.

    \b
    Examples:
      ops restart
      ops restart dispatcher-large

    Exit codes: 0 done and proven; 1 not done, or the new tasks fail; 2 wrong usage; 4 superseded; 5 inconclusive;
    6 locked; 7 they could not start again.
    """  # noqa: D301 - click keeps the lines after a backspace as they are
    there = bench(session)
    wanted = Renewal(
        members=there.members,
        only=there.only(services),
        rules=there.rules_hash,
        asked=there.asked(lock_wait),
        evidence=there.evidence,
    )
    with progress() as step:
        ended = walk(there.world, wanted, there.prove(), step)
    return tell_ending(session, "restart", ended)
