"""`ops preflight`: everything that must hold before a deployment, all at once."""

import click

from ops.cli.bench import bench
from ops.cli.root import Session, Spoken, json_option
from ops.cli.spoken import tell
from ops.core.plain import plain
from ops.core.standing import standing
from ops.errors import Exit
from ops.screens import finding_lines
from ops.shell.observe import look
from ops.shell.preparing import findings


@click.command(cls=Spoken)
@json_option
@click.pass_obj
def preflight(session: Session) -> Exit:
    """Find everything that would stop a deployment, or that disagrees: each with its evidence and its fix.

    Reads only: parameters, services, templates, secrets (never their values), a rollout in flight, the lock, and what
    `ops status` finds.

    \b
    Example:
      ops --json preflight

    Exit codes: 0 nothing found; 1 not done; 2 wrong usage; 7 findings.
    """  # noqa: D301 - click keeps the lines after a backspace as they are
    there = bench(session)
    scene = look(there.world, there.members)
    told = standing(scene, there.names).findings
    found = {(each.id, each.subject): each for each in (*findings(there.world, scene, there.members), *told)}
    lines = list(finding_lines(found.values())) or ["nothing found", "Next: ops deploy"]
    tell(session, {"findings": plain(list(found.values()))}, lines)
    return Exit.FINDINGS if found else Exit.DONE
