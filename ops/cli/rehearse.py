"""`ops rehearse`: the whole world on this machine, with the proof."""

import click

from ops.cli.root import Session, Spoken, json_option
from ops.cli.sandbox import tasks_option
from ops.errors import Exit
from sandbox.rehearse import ORDERS, released
from sandbox.rehearse import rehearse as play


@click.command(cls=Spoken)
@click.option(
    "--orders", is_flag=True, help="The orders only: no release, no AWS endpoint; seconds instead of minutes."
)
@tasks_option
@json_option
@click.pass_obj
def rehearse(session: Session, *, orders: bool, tasks: str) -> Exit:
    """Rehearse everything on this machine, with no account anywhere.

    Starts a real PostgreSQL, an exchange that answers as Alpaca's paper API does, and an AWS endpoint. Stands the
    stacks up by the real CDK command line, builds, pushes and deploys a release, feeds it recommendations good and bad,
    ships a broken release and sees it judged FAIL and taken back. Exchange, database and log prove what became of
    each. Everything that was started is stopped at the end; the evidence stays in .sandbox/.

    With a container engine at DOCKER_HOST or the default socket the service runs in real containers; an engine is never
    installed or started. Without one its image is pulled and run as a process, and what that does not enforce is said.
    With --orders the service is started as a program of this machine, without a release.

    \b
    Examples:
      ops rehearse
      ops rehearse --tasks processes
      ops --json rehearse --orders

    Exit codes: 0 done and proven; 1 not done; 2 wrong usage.
    """  # noqa: D301 - click keeps the lines after a backspace as they are
    story = ORDERS if orders else released(tasks)
    return Exit.DONE if play(as_json=session.json, story=story) else Exit.NOT_DONE
