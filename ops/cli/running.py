"""Live verification for `ops verify`. Apart from it, because a replay has no use for the SDK that this loads."""

from concurrent.futures import ThreadPoolExecutor

import click

from ops.aws.logs import CloudWatchLogs
from ops.cli.bench import Bench, bench
from ops.cli.root import Session
from ops.render import Judged
from ops.shell.verifying import verify


def judge_running(session: Session, services: tuple[str, ...], rules: str | None, watch_seconds: float) -> list[Judged]:
    """Judge the running release, service by service, all at the same time.

    Args:
        session: the global options.
        services: which ones; all that are declared if none is named.
        rules: the rule set; each service's own if not given.
        watch_seconds: how long to watch on while there is no verdict.

    Raises:
        OpsError: a service is not declared, nothing of it runs, or its log could not be read.
    """
    tools = bench(session)
    tools.only(services)
    named = services or tuple(each.name for each in tools.members)
    click.echo(f"judging {', '.join(named)}{f', for up to {watch_seconds:.0f} s' if watch_seconds else ''}", err=True)
    with ThreadPoolExecutor(max_workers=len(named)) as pool:
        return list(pool.map(lambda service: _judged(tools, service, rules, watch_seconds), named))


def _judged(tools: Bench, service: str, rules: str | None, watch_seconds: float) -> Judged:
    member = next(each for each in tools.members if each.name == service)
    name = rules or member.rules
    rule_set = tools.declared.rule_set(name)
    judgement = verify(tools.world, CloudWatchLogs(tools.aws), service, rule_set, window_seconds=watch_seconds)
    return Judged(service, name, rule_set.digest(), replay=False, judgement=judgement)
