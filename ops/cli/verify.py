"""`ops verify`: what a release's own log lines prove."""

import json
from pathlib import Path

import click
from rich.console import Console

from contract.inventory import Inventory, UnknownNameError
from contract.verification import RuleSet
from ops.cli.root import Session, Spoken, json_option
from ops.core.judge import Judgement, judge
from ops.core.ruling import Verdict
from ops.errors import Exit, OpsError
from ops.files import inventory, log_lines
from ops.render import Judged, show, verify_document, verify_screen

_EXITS = {Verdict.PASS: Exit.DONE, Verdict.FAIL: Exit.NOT_DONE, Verdict.INCONCLUSIVE: Exit.INCONCLUSIVE}


@click.command(cls=Spoken)
@click.option("--replay", metavar="FILE", help="Judge the lines of a file; - is stdin. Soak time is skipped.")
@click.option("--rules", metavar="NAME", default="default", show_default=True, help="Rule set of pipeline.toml.")
@json_option
@click.pass_obj
def verify(session: Session, replay: str | None, rules: str) -> Exit:
    """Judge what a release has logged: PASS, FAIL or INCONCLUSIVE.

    The lines are judged by a rule set of pipeline.toml, and every rule is shown with the lines it rests on.

    \b
    Examples:
      ops verify --replay dispatcher.log
      aws logs tail GROUP --since 1h | ops --json verify --replay - --rules v4

    Exit codes: 0 PASS; 1 FAIL; 2 wrong usage; 5 INCONCLUSIVE.
    """  # noqa: D301 - click keeps the lines after a backspace as they are
    if replay is None:
        raise OpsError(
            "live verification needs a deployed release, and this version of ops cannot deploy one yet",
            next_step="judge a log that you have: ops verify --replay FILE",
        )
    rule_set = _rule_set(inventory(session.config, folder=Path.cwd()), session.env, rules)
    judgement = _judge(replay, rule_set)
    judged = Judged(replay, rules, rule_set.digest(), replay=True, judgement=judgement)
    if session.json:
        click.echo(json.dumps(verify_document(judged)))
    else:
        show(verify_screen(judged), Console(highlight=False))
    return _EXITS[judgement.verdict]


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
