"""`ops preflight`: everything that must hold before a deployment, all at once."""

from collections.abc import Sequence

import click

from contract.strict import DocumentError
from ops.cli.bench import bench
from ops.cli.progress import progress, summarise
from ops.cli.root import Session, Spoken, json_option
from ops.cli.spoken import tell
from ops.core.plain import plain
from ops.core.scene import Finding, Severity
from ops.errors import Exit, OpsError
from ops.processes import own_token
from ops.screens import finding_lines
from ops.shell.preflight import Declaration
from ops.shell.preflight import preflight as look


@click.command(cls=Spoken)
@click.option("--no-task", is_flag=True, help="Ask no task: only what can be seen from outside.")
@json_option
@click.pass_obj
def preflight(session: Session, *, no_task: bool) -> Exit:
    """Find everything that would stop a deployment, or that disagrees: each with its evidence and its fix.

    The inventory itself; account, cluster, roles, subnets, security groups, log groups, image repository, parameters,
    secrets (never their values); services and schedules, declared against AWS; alarms that ring, a rollout in flight,
    the lock. What only a task can see (keys inside the secrets, the schema, the account at the broker) is asked by a
    one-off `check` task of the image that runs. Nothing is changed.

    \b
    Examples:
      ops preflight
      ops --json preflight --no-task

    Exit codes: 0 nothing found; 1 not done; 2 wrong usage; 7 findings.
    """  # noqa: D301 - click keeps the lines after a backspace as they are
    try:
        there = bench(session)
    except OpsError as error:
        if not isinstance(error.__cause__, DocumentError):
            raise
        return _tell(session, _config(error.__cause__))
    declared = Declaration(members=there.members, inventory=there.declared, place=there.place)
    with progress() as step:
        found = look(there.world, declared, None if no_task else own_token(), step)
    return _tell(session, found)


def _config(error: DocumentError) -> tuple[Finding, ...]:
    """The inventory cannot be used: every problem of it is a finding, and nothing else can be looked for."""
    fix = f"correct it in {error.name}"
    return tuple(
        Finding(id="config", severity=Severity.ERROR, subject=each.path or error.name, evidence=each.message, fix=fix)
        for each in error.problems
    )


def _tell(session: Session, found: Sequence[Finding]) -> Exit:
    lines = list(finding_lines(found)) or ["nothing found", "Next: ops deploy"]
    tell(session, {"findings": plain(found)}, lines)
    summarise(f"ops preflight: {len(found)} findings", lines)
    return Exit.FINDINGS if found else Exit.DONE
