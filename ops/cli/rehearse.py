"""`ops rehearse`: the whole world on this machine, with the proof."""

import click

from ops.cli.root import Session, Spoken, json_option
from ops.errors import Exit
from sandbox.rehearse import rehearse as play


@click.command(cls=Spoken)
@click.option("--release", is_flag=True, help="The whole way of a release, through AWS's endpoint on this machine.")
@json_option
@click.pass_obj
def rehearse(session: Session, *, release: bool) -> Exit:
    """Rehearse everything on this machine, with no account anywhere.

    Starts a real PostgreSQL and an exchange that answers as Alpaca's paper API does, starts the dispatcher, feeds it
    recommendations good and bad, and proves by exchange, database and log what became of each. Everything that was
    started is stopped at the end; the evidence stays in .sandbox/.

    With --release the same service is built, pushed and deployed by the real tools to an AWS endpoint on this machine:
    proven by its own log lines, followed by a broken release that is judged FAIL and taken back.

    \b
    Examples:
      ops --json rehearse
      ops rehearse --release

    Exit codes: 0 done and proven; 1 not done; 2 wrong usage.
    """  # noqa: D301 - click keeps the lines after a backspace as they are
    return Exit.DONE if play(as_json=session.json, release=release) else Exit.NOT_DONE
