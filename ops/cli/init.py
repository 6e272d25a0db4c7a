"""`ops init`: an inventory where there is none, and the release parameters that a first stack needs."""

from pathlib import Path

import click

from contract.inventory import FILE_NAME
from ops.cli.bench import bench
from ops.cli.root import Session, Spoken, json_option
from ops.cli.spoken import tell
from ops.errors import Exit
from ops.files import begin_inventory, nearest
from ops.shell.initialise import initialise, wanted


@click.command(cls=Spoken)
@json_option
@click.pass_obj
def init(session: Session) -> Exit:
    """Create the release parameters of an environment, before the first cdk deploy.

    CloudFormation reads them and owns none, so no stack update can put an old release back. Those that are there are
    left as they are: running this again changes nothing.

    Where there is no pipeline.toml, in this folder or above it, a commented one is written instead, and nothing is
    asked of AWS: put your own account, region and account numbers in, and run the same again.

    \b
    Examples:
      ops init
      ops --env paper init

    Exit codes: 0 every parameter is there, or the file was written; 1 not done; 2 wrong usage.
    """  # noqa: D301 - click keeps the lines after a backspace as they are
    if session.config is None and nearest(Path.cwd()) is None:
        return _begin(session)
    there = bench(session)
    created = initialise(there.world.parameters, wanted(there.declared, there.names))
    lines = [f"{'created' if new else 'is there'}  {name}" for name, new in created.items()]
    new = [name for name, was in created.items() if was]
    document = {"created": new, "existing": [name for name in created if name not in new], "wrote": None}
    tell(session, document, [*lines, "Next: cdk deploy, then ops deploy"])
    return Exit.DONE


def _begin(session: Session) -> Exit:
    file = begin_inventory(Path.cwd())
    lines = [
        f"wrote  {file}",
        "       an environment on this machine, and one in AWS whose every identifier is an example",
        f"Next: put your own into {FILE_NAME}; ops init",
    ]
    tell(session, {"created": [], "existing": [], "wrote": str(file)}, lines)
    return Exit.DONE
