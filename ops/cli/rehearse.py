"""`ops rehearse`: the whole world on this machine, with the proof."""

import click

from ops.cli.root import Session, Spoken, json_option
from ops.errors import Exit
from sandbox.rehearse import rehearse as play


@click.command(cls=Spoken)
@json_option
@click.pass_obj
def rehearse(session: Session) -> Exit:
    """Rehearse everything on this machine, with no account anywhere.

    Starts a real PostgreSQL and an exchange that answers as Alpaca's paper API does, starts the dispatcher, feeds it
    recommendations good and bad, and proves by exchange, database and log what became of each. Everything that was
    started is stopped at the end; the evidence stays in .sandbox/.

    \b
    Example:
      ops --json rehearse

    Exit codes: 0 done and proven; 1 not done; 2 wrong usage.
    """  # noqa: D301 - click keeps the lines after a backspace as they are
    return Exit.DONE if play(as_json=session.json) else Exit.NOT_DONE
