"""The command `ops`: its global options, its verbs, and how an error is told.

`ops --help` imports click and this file only. A verb's module is imported when the verb is called.
"""

import json
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click
from click.shell_completion import CompletionItem

from ops.cli.complete import environments
from ops.errors import Exit, OpsError

VERBS = {
    "init": ("ops.cli.init", "Create the release parameters of an environment, before the first cdk deploy."),
    "preflight": ("ops.cli.preflight", "Find everything that would stop a deployment, all at once."),
    "build": ("ops.cli.build", "Build the image of HEAD, and have it import all of its modules."),
    "push": ("ops.cli.push", "Push what was built, and read its digest back."),
    "plan": ("ops.cli.plan", "Show what a deployment would change."),
    "deploy": ("ops.cli.deploy", "Ship a release and prove it, or take it back."),
    "verify": ("ops.cli.verify", "Judge what a release has logged: PASS, FAIL or INCONCLUSIVE."),
    "rollback": ("ops.cli.rollback", "Go back to the last verified release, and prove that it runs."),
    "status": ("ops.cli.status", "Say what is true: what runs, whether it is proven, what disagrees."),
    "history": ("ops.cli.history", "Show the deployments, how they were judged, and why."),
    "logs": ("ops.cli.logs", "The lines of a service's own tasks; --follow."),
    "trading": ("ops.cli.trading", "The kill switch: show, halt, reduce, resume, flatten, per account."),
    "positions": ("ops.cli.positions", "What each account holds, what protects it, what ends it next; close SYMBOL."),
    "schedules": ("ops.cli.schedules", "What the clock starts: list, audit, sync, disable, enable."),
    "restart": ("ops.cli.restart", "New tasks of the same release, for a secret whose value has changed."),
    "sandbox": ("ops.cli.sandbox", "A world on this machine to try every verb in: up, feed, status, down."),
    "rehearse": ("ops.cli.rehearse", "Rehearse everything on this machine, with the proof."),
}
"""Every verb: the module that has a command of its name, and what it does in a line."""

HELP_OPTIONS = ["-h", "--help"]

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


@dataclass
class Session:
    """What the global options said."""

    json: bool = False
    env: str | None = None
    config: Path | None = None
    endpoint_url: str | None = None


class Spoken(click.Command):
    """A command that tells its help in the form that was asked for."""

    def get_help(self, ctx: click.Context) -> str:
        """The help as a screen, or with --json as an object."""
        screen = super().get_help(ctx)
        return json.dumps({"help": screen}) if ctx.ensure_object(Session).json else screen


class Verbs(Spoken, click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The names of the verbs, as they are declared."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """The verb's command; None when there is no such verb."""
        if cmd_name not in VERBS:
            return None
        command: click.Command = getattr(import_module(VERBS[cmd_name][0]), cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """The verbs with their purpose, without importing them."""
        with formatter.section("Verbs"):
            formatter.write_dl([(name, purpose) for name, (_, purpose) in VERBS.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The verbs that begin so, without importing them."""
        if not incomplete or incomplete[0].isalnum():
            return [CompletionItem(name, help=told) for name, (_, told) in VERBS.items() if name.startswith(incomplete)]
        return click.Command.shell_complete(self, ctx, incomplete)

    def main(self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any) -> NoReturn:  # type: ignore[override]  # always ends the process, as click's does in standalone mode
        """Run the command line and exit. With --json an error, too, is one object on stdout."""
        words = list(sys.argv[1:] if args is None else args)
        session = Session(json="--json" in words)
        extra["standalone_mode"] = False
        try:
            ended = super().main(words, prog_name or "ops", obj=session, **extra)
        except OpsError as error:
            ended = _tell(session, error.message, error.next_step, error.exit_code)
        except click.exceptions.NoArgsIsHelpError as error:
            click.echo(json.dumps({"help": error.message}) if session.json else error.message, err=not session.json)
            ended = Exit.USAGE
        except click.ClickException as error:
            ended = _tell(session, error.format_message(), _usage_step(error), Exit.USAGE)
        except click.Abort:  # a RuntimeError too, so it comes before the defects
            ended = _tell(session, "interrupted", "ops status says what is true", Exit.NOT_DONE)
        except Exception as error:  # noqa: BLE001 - the outermost loop: a defect is told in the form that was asked for
            traceback.print_exception(error)
            told = f"a defect of ops: {type(error).__name__}: {error}"
            ended = _tell(session, told, "report it with the lines above; ops status says what is true", Exit.NOT_DONE)
        sys.exit(ended or Exit.DONE)


def _usage_step(error: click.ClickException) -> str:
    context = error.ctx if isinstance(error, click.UsageError) else None
    return f"{context.command_path if context else 'ops'} --help"


def _tell(session: Session, message: str, next_step: str, exit_code: Exit) -> Exit:
    if session.json:
        click.echo(json.dumps({"error": {"message": message, "next": next_step, "exit": exit_code}}))
    else:
        click.echo(f"ops: {message}\nNext: {next_step}", err=True)
    return exit_code


def json_option(command: Decorated) -> Decorated:
    """`--json`, which may stand before or after the verb. `Verbs.main` has read it already, so that errors know it."""
    text = "One JSON object on stdout, also for errors; progress on stderr."
    return click.option("--json", is_flag=True, expose_value=False, help=text)(command)


def _version(ctx: click.Context, _: click.Parameter, asked: bool) -> None:  # noqa: FBT001 - click's signature
    if not asked:
        return
    # Imported by name, because --help has no use for it and would pay for it.
    version = import_module("importlib.metadata").version("ops-pipeline")
    click.echo(json.dumps({"version": version}) if ctx.ensure_object(Session).json else f"ops {version}")
    ctx.exit()


@click.command(cls=Verbs, context_settings={"help_option_names": HELP_OPTIONS})
@click.option(
    "--env",
    metavar="NAME",
    shell_complete=environments,
    help="Environment; the one marked default in pipeline.toml if not given.",
)
@click.option(
    "--config", type=click.Path(path_type=Path), metavar="PATH", help="The inventory; the nearest pipeline.toml."
)
@click.option("--endpoint-url", metavar="URL", help="Another AWS endpoint; AWS_ENDPOINT_URL if not given.")
@json_option
@click.option(
    "--version", is_flag=True, expose_value=False, is_eager=True, callback=_version, help="The version of ops."
)
@click.pass_obj
def ops(session: Session, env: str | None, config: Path | None, endpoint_url: str | None) -> None:
    """Build, ship, prove and take back a release, and say what is true.

    \b
    Examples:
      ops rehearse
      ops deploy
      ops status
      ops rollback --plan

    Exit codes: 0 done and proven; 1 not done; 2 wrong usage; 3 taken back; 4 superseded by another deployment;
    5 inconclusive; 6 locked; 7 findings.

    Completion: eval "$(_OPS_COMPLETE=bash_source ops)" in your shell's start file; or zsh_source, fish_source.
    """  # noqa: D301 - click keeps the lines after a backspace as they are
    session.env = env
    session.config = config
    session.endpoint_url = endpoint_url
