"""`ops preflight`: everything that must hold before a deployment, all at once."""

from collections.abc import Iterator

import click

from ops.cli.bench import Bench, bench
from ops.cli.root import Session, Spoken, json_option
from ops.cli.spoken import tell
from ops.core.plain import plain
from ops.core.standing import Finding, Severity, standing
from ops.errors import Exit, OpsError
from ops.screens import finding_lines
from ops.shell.initialise import wanted
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
    found = {(each.id, each.subject): each for each in _found(there)}
    lines = list(finding_lines(found.values())) or ["nothing found", "Next: ops deploy"]
    tell(session, {"findings": plain(list(found.values()))}, lines)
    return Exit.FINDINGS if found else Exit.DONE


def _found(there: Bench) -> Iterator[Finding]:
    """What stops a deployment, then what disagrees. Without a control table little else can be looked for."""
    yield from _parameters(there)
    try:
        scene = look(there.world, there.members)
    except OpsError as error:
        if error.exit_code is not Exit.FINDINGS:
            raise
        subject = there.names.control_table
        yield _error("control-table-missing", subject, error.message, error.next_step)
        return
    yield from findings(there.world, scene, there.members)
    yield from standing(scene, there.names).findings


def _parameters(there: Bench) -> Iterator[Finding]:
    needed = [each.name for each in wanted(there.declared, there.names)]
    there_are = there.world.parameters.read(tuple(needed))
    for name in needed:
        if name not in there_are:
            yield _error("parameter-missing", name, "there is no such parameter", "ops init")


def _error(identity: str, subject: str, evidence: str, fix: str) -> Finding:
    return Finding(id=identity, severity=Severity.ERROR, subject=subject, evidence=evidence, fix=fix)
