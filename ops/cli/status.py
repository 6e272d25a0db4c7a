"""`ops status`: what is true of an environment."""

from collections.abc import Iterator
from dataclasses import replace

import click

from ops.cli.bench import Bench, bench
from ops.cli.progress import progress
from ops.cli.root import Session, Spoken, json_option
from ops.cli.spoken import tell, tell_ending
from ops.core.clockwork import Whose, audit, second_starters
from ops.core.plain import plain
from ops.core.scene import Finding
from ops.core.standing import standing
from ops.errors import Exit
from ops.processes import is_dead
from ops.screens import status_screen
from ops.shell.clockwork import clockwork
from ops.shell.observe import look
from ops.shell.repair import repair


def _clock(there: Bench) -> Iterator[Finding]:
    """Others' schedules that are not as declared, or start our work undeclared; `ops schedules audit` says it all."""
    found = clockwork(there.world, there.declared)
    yield from audit(each for each in found if each.whose is Whose.EXTERNAL and not each.held)
    yield from second_starters(found)


@click.command(cls=Spoken)
@click.option("--repair", "repairing", is_flag=True, help="Let the parameters say what runs again, under the lock.")
@click.option("--lock-wait", type=float, default=0, metavar="SECONDS", help="How long to wait for a held lock.")
@json_option
@click.pass_obj
def status(session: Session, *, repairing: bool, lock_wait: float) -> Exit:
    """Say what is true: what runs, whether it is what was built and proven, and where anything disagrees.

    Services, schedules and parameters are compared with each other, with the record of the deployments and with what
    pipeline.toml declares of others' schedules. A second runner is named, with what started it: a schedule, a service
    or a task that does the work of ours, also under another family's name.

    --repair puts the parameters back to what runs, which is what CI does after every cdk deploy; it touches no service.

    \b
    Examples:
      ops status
      ops --json status
      ops status --repair

    Exit codes: 0 told, whatever it is; 1 not done; 2 wrong usage; 6 locked (--repair only).
    """  # noqa: D301 - click keeps the lines after a backspace as they are
    there = bench(session)
    if repairing:
        with progress() as step:
            return tell_ending(
                session, "status --repair", repair(there.world, there.members, there.asked(lock_wait), step)
            )
    scene = look(there.world, there.members)
    if scene.lock is not None and is_dead(scene.lock):
        scene = replace(scene, lock=None)
    told = standing(scene, there.names)
    told = replace(told, findings=(*told.findings, *_clock(there)))
    tell(session, plain(told), status_screen(told))
    return Exit.DONE
