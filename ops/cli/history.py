"""`ops history`: the deployments of an environment."""

import click

from ops.cli.bench import bench
from ops.cli.root import Session, Spoken, json_option
from ops.cli.spoken import tell
from ops.core.plain import plain
from ops.errors import Exit
from ops.screens import history_screen
from ops.shell.journal import records


@click.command(cls=Spoken)
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="How many, newest first.")
@json_option
@click.pass_obj
def history(session: Session, limit: int) -> Exit:
    """Show what was deployed: when, by whom, from which commit, how it was judged, and why.

    \b
    Examples:
      ops history
      ops --json history --limit 5

    Exit codes: 0 told; 1 not done; 2 wrong usage.
    """  # noqa: D301 - click keeps the lines after a backspace as they are
    found = records(bench(session).world, limit)
    tell(session, {"deployments": plain(found)}, history_screen(found) if found else ["nothing was ever deployed"])
    return Exit.DONE
