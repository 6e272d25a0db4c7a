"""`ops init`: the release parameters of an environment, before its first stack."""

import click

from ops.cli.bench import bench
from ops.cli.root import Session, Spoken, json_option
from ops.cli.spoken import tell
from ops.errors import Exit
from ops.shell.initialise import initialise, wanted


@click.command(cls=Spoken)
@json_option
@click.pass_obj
def init(session: Session) -> Exit:
    """Create the release parameters of an environment, before the first cdk deploy.

    CloudFormation reads them and owns none, so no stack update can put an old release back. Those that are there are
    left as they are: running this again changes nothing.

    \b
    Example:
      ops --env paper init

    Exit codes: 0 every parameter is there; 1 not done; 2 wrong usage.
    """  # noqa: D301 - click keeps the lines after a backspace as they are
    there = bench(session)
    created = initialise(there.world.parameters, wanted(there.declared, there.names))
    lines = [f"{'created' if new else 'is there'}  {name}" for name, new in created.items()]
    new = [name for name, was in created.items() if was]
    document = {"created": new, "existing": [name for name in created if name not in new]}
    tell(session, document, [*lines, "Next: cdk deploy, then ops deploy"])
    return Exit.DONE
