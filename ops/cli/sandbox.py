"""`ops sandbox`: the world on this machine, standing until it is taken down. It is a program of its own."""

import json
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import click

from ops.cli.root import Session, Spoken, json_option
from ops.errors import Exit, OpsError

tasks_option = click.option(
    "--tasks",
    type=click.Choice(["auto", "processes", "containers"]),
    default="auto",
    show_default=True,
    help="How services run. auto: as containers if an engine answers that can run them.",
)


@click.group()
def sandbox() -> None:
    """A world on this machine to try every verb in: PostgreSQL, an exchange, an AWS endpoint with the stacks in it.

    \b
    Examples:
      ops sandbox up --feed
      ops sandbox feed
      ops sandbox down

    Exit codes: 0 done; 1 not done; 2 wrong usage.
    """  # noqa: D301 - click keeps the lines after a backspace as they are


@sandbox.command(cls=Spoken, short_help="Stand it up, with the stacks deployed and no release yet.")
@tasks_option
@click.option(
    "--feed",
    is_flag=True,
    help="Write a recommendation every few seconds: without an order in sight a release is INCONCLUSIVE.",
)
@json_option
@click.pass_obj
def up(session: Session, *, tasks: str, feed: bool) -> Exit:
    """Stand it up, with the stacks deployed and no release yet; say how to point the tools at it.

    The exchange's clock starts on a Monday at 10:00 in New York; its market closes six hours later.

    \b
    Examples:
      ops sandbox up --feed
      ops sandbox up --tasks processes
    """  # noqa: D301 - click keeps the lines after a backspace as they are
    return _ask(session, "up", "--tasks", tasks, *(["--feed"] if feed else []))


@sandbox.command(cls=Spoken)
@json_option
@click.pass_obj
def down(session: Session) -> Exit:
    """Stop everything of it. What it held is gone; its logs stay in .sandbox/.

    \b
    Example:
      ops sandbox down
    """  # noqa: D301 - click keeps the lines after a backspace as they are
    return _ask(session, "down")


@sandbox.command(cls=Spoken)
@json_option
@click.pass_obj
def status(session: Session) -> Exit:
    """Say whether it stands, and where.

    \b
    Example:
      ops --json sandbox status
    """  # noqa: D301 - click keeps the lines after a backspace as they are
    return _ask(session, "status")


@sandbox.command(cls=Spoken)
@json_option
@click.pass_obj
def feed(session: Session) -> Exit:
    """Write one recommendation, as upstream does: a few shares that every account may buy.

    A release is proven by what it does, so a deployment without one ends inconclusive.

    \b
    Example:
      ops sandbox feed
    """  # noqa: D301 - click keeps the lines after a backspace as they are
    return _ask(session, "feed")


def _ask(session: Session, verb: str, *how: str) -> Exit:
    """Let the sandbox's own program do it; its progress is on stderr."""
    words = [sys.executable, "-m", "sandbox", verb, *how]
    ran = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=False)  # noqa: S603 - our own program
    try:
        there: dict[str, Any] = json.loads(ran.stdout)
    except ValueError:
        raise OpsError(
            f"the sandbox gave no answer to {verb}",
            next_step="make setup; then the same again",
            exit_code=Exit.NOT_DONE,
        ) from None
    if error := there.get("error"):
        raise OpsError(error["message"], next_step=error["next"], exit_code=Exit.NOT_DONE)
    click.echo(json.dumps(there) if session.json else "\n".join(_lines(there)))
    return Exit.DONE if ran.returncode == 0 else Exit.NOT_DONE


def _lines(there: dict[str, Any]) -> Iterator[str]:
    if not there["up"]:
        yield "nothing stands"
        yield "Next: ops sandbox up"
        return
    ops = f"ops --config {there['inventory']}"
    if fed := there.get("fed"):
        yield f"recommendation {fed['id']}: {fed['action']} {fed['quantity']} {fed['ticker']} at {fed['entry']}"
        yield f"  stop {fed['stop_loss']}, target {fed['take_profit']}"
        yield f"Next: {ops} logs SERVICE shows what became of it; {ops} deploy judges by it"
        return
    yield f"aws       {there['endpoint_url']}"
    yield f"exchange  {there['exchange_url']}"
    yield f"database  {there['database_url']}"
    yield f"tasks     run as {there['tasks']}"
    yield f"feed      {'a recommendation every few seconds' if there['feed'] else 'none'}"
    words = ["ops" if shutil.which("ops") else sys.argv[0], "--config", there["inventory"], "deploy", *there["build"]]
    yield f"Next: export AWS_ENDPOINT_URL={there['endpoint_url']}; {shlex.join(words)}"
    if not there["feed"]:
        yield "      in another terminal: ops sandbox feed, so that there is something to judge by"
