"""`ops rollback`: back to the last verified release."""

import click

from ops.cli.bench import bench
from ops.cli.progress import progress
from ops.cli.root import Session, Spoken, json_option
from ops.cli.spoken import tell, tell_ending
from ops.errors import Exit
from ops.screens import preview_screen
from ops.shell.rollback import Return, preview, roll_back


@click.command(cls=Spoken)
@click.option(
    "--to", metavar="REF", help="Another release: its deployment, tag, git revision or digest, or a beginning."
)
@click.option("--plan", "planning", is_flag=True, help="Show what it would do, and change nothing.")
@click.option("--lock-wait", type=float, default=0, metavar="SECONDS", help="How long to wait for a held lock.")
@json_option
@click.pass_obj
def rollback(session: Session, *, to: str | None, planning: bool, lock_wait: float) -> Exit:
    """Go back to the last verified release, and prove that it runs.

    Never "the number before": the last release that was proven and that nobody has gone back from. Before anything is
    changed, its revisions, its image and its secrets are looked for. Schedules move first, then services; nothing is
    built, and neither git nor a container engine is needed. It needs only access to AWS.

    \b
    Examples:
      ops rollback --plan
      ops rollback
      ops rollback --to 20261122T143000Z-7

    Exit codes: 0 done and proven; 1 not done, or it fails as well; 2 wrong usage; 4 superseded; 5 inconclusive;
    6 locked; 7 the release cannot be deployed any more. With --plan: 0 it could, 1 there is none to go back to.
    """  # noqa: D301 - click keeps the lines after a backspace as they are
    there = bench(session)
    if planning:
        told = preview(there.world, there.members, to)
        tell(session, told.document(), preview_screen(told))
        return Exit.DONE if told.deployable else Exit.FINDINGS if told.findings else Exit.NOT_DONE
    wanted = Return(
        members=there.members, to=to, rules=there.rules_hash, asked=there.asked(lock_wait), evidence=there.evidence
    )
    with progress() as step:
        ended = roll_back(there.world, wanted, there.prove(), step)
    return tell_ending(session, "rollback", ended)
