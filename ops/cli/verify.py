"""`ops verify`: what a release's own log lines prove."""

import json
from importlib import import_module
from pathlib import Path

import click
from rich.console import Console

from contract.inventory import Inventory, UnknownNameError
from contract.verification import RuleSet
from ops.cli import complete
from ops.cli.duration import DURATION
from ops.cli.root import Session, Spoken, json_option
from ops.core.judge import Judgement, judge
from ops.core.ruling import Verdict, worst
from ops.errors import Exit, OpsError
from ops.files import inventory, log_lines
from ops.render import Judged, show, verify_document, verify_documents, verify_screen

_EXITS = {Verdict.PASS: Exit.DONE, Verdict.FAIL: Exit.NOT_DONE, Verdict.INCONCLUSIVE: Exit.INCONCLUSIVE}


@click.command(cls=Spoken)
@click.argument("services", nargs=-1, shell_complete=complete.services, metavar="[SERVICE]...")
@click.option("--watch", type=DURATION, default=0, metavar="TIME", help="Watch on for so long without a verdict: 10m.")
@click.option("--replay", metavar="FILE", help="Judge the lines of a file; - is stdin. Soak time is skipped.")
@click.option(
    "--rules",
    metavar="NAME",
    shell_complete=complete.rule_sets,
    help="Rule set of pipeline.toml; a service's own, and default for a replay.",
)
@json_option
@click.pass_obj
def verify(session: Session, *, services: tuple[str, ...], watch: float, replay: str | None, rules: str | None) -> Exit:
    """Judge what a release has logged: PASS, FAIL or INCONCLUSIVE.

    Without --replay the running release is judged: by all that the tasks of its services have logged since they began,
    and by no other line. The lines are judged by a rule set of pipeline.toml, and every rule is shown with the lines
    it rests on.

    \b
    Examples:
      ops verify --watch 10m
      ops verify --replay dispatcher.log
      aws logs tail GROUP --since 1h | ops --json verify --replay - --rules v4

    Exit codes: 0 PASS; 1 FAIL, or nothing runs; 2 wrong usage; 5 INCONCLUSIVE.
    """  # noqa: D301 - click keeps the lines after a backspace as they are
    if replay is None:
        # Imported by name: a replay asks nothing of AWS, and would pay for its SDK.
        judged = import_module("ops.cli.running").judge_running(session, services, rules, watch)
    elif services or watch:
        raise OpsError(
            "a replay is of a file, not of a service", next_step="leave out --replay, or SERVICE and --watch"
        )
    else:
        judged = [_replayed(session, replay, rules or "default")]
    return _tell(session, judged)


def _tell(session: Session, judged: list[Judged]) -> Exit:
    if session.json:
        click.echo(json.dumps(verify_document(judged[0]) if len(judged) == 1 else verify_documents(judged)))
    else:
        for each in judged:
            show(verify_screen(each), Console(highlight=False))
    return _EXITS[worst(each.judgement.verdict for each in judged)]


def _replayed(session: Session, replay: str, rules: str) -> Judged:
    rule_set = _rule_set(inventory(session.config, folder=Path.cwd()), session.env, rules)
    return Judged(replay, rules, rule_set.digest(), replay=True, judgement=_judge(replay, rule_set))


def _rule_set(declared: Inventory, environment: str | None, rules: str) -> RuleSet:
    try:
        declared.environment(environment)  # a replay asks nothing of it, and a misspelt name is still an error
        return declared.rule_set(rules)
    except UnknownNameError as error:
        raise OpsError(str(error), next_step=f"name one of {', '.join(error.known)}") from error


def _judge(name: str, rule_set: RuleSet) -> Judgement:
    try:
        with click.open_file(name, "rb") as handle:
            return judge(log_lines(handle), rule_set, replay=True)
    except OSError as error:
        raise OpsError(
            f"{name} cannot be read: {error.strerror}",
            next_step="name a file of log lines that you may read, or - for stdin",
        ) from error
