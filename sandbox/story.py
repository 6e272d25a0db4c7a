"""The story of the orders: from an empty machine to the first verdict, one order after another, told truly."""

import json
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import psycopg

from contract import environment, events
from sandbox.acts import evidence, feed_all, keep, prove
from sandbox.option_act import options_opened_and_closed
from sandbox.parts import Finished, Part, PartError
from sandbox.record import Record, StepFailedError, Verdict
from sandbox.stage import ACCOUNT, SERVICE, Stage, done, run, stand_up
from sandbox.trader import Trader
from sandbox.venue import VenueError
from sandbox.watch import Watch
from sandbox.world import World


def first_verdict(world: World, record: Record) -> None:
    """Stand the world up, feed it, watch every ending, stop it, prove it, judge it."""
    stage = stand_up(world, record)
    try:
        dispatcher, trader = _dispatcher(world, record, stage)
        fed = feed_all(record, stage, [trader])
        _stop(record, dispatcher, trader)
    except (StepFailedError, PartError):
        with suppress(VenueError, psycopg.Error):  # what failed may have taken them along
            evidence(world, stage, SERVICE)
        raise
    prove(world, record, stage, fed, [evidence(world, stage, SERVICE).with_log_of(trader)])
    _judge(world, record, stage)
    options_opened_and_closed(world, record, stage)


# ------------------------------------------------------------------------------------------------------ the dispatcher


def _dispatcher(world: World, record: Record, stage: Stage) -> tuple[Part, Trader]:
    with record.step("migrate", "making the tables") as told:
        done("dispatcher migrate", run(world, stage, "migrate", "dispatcher", "migrate"))
        told(f"tables: {', '.join(_tables(stage))}")
    with record.step("check", "asking the service whether it may trade") as told:
        checked = done("dispatcher check --json", run(world, stage, "check", "dispatcher", "check", "--json"))
        told(f"`dispatcher check --json` ended with 0: {_short(checked.stdout)}")
    with record.step("dispatcher", "starting the dispatcher") as told:
        dispatcher = world.start(SERVICE, [sys.executable, "-m", "dispatcher", "run"], stage.variables)
        trader = stage.trader(SERVICE, ACCOUNT, dispatcher)
        watch = trader.watch
        dispatcher.wait_for(lambda line: _holds_lease(watch, line), what="that it holds the account's lease")
        connected = next(each for each in watch.heard if isinstance(each, events.BrokerConnected))
        told(f"{connected.message}, account {connected.account_number}, buying power ${connected.buying_power:,.2f}")
    return dispatcher, trader


def _holds_lease(watch: Watch, line: str) -> bool:
    watch.hear(line)
    return watch.count(events.LeaseAcquired) > 0 and watch.count(events.ReconcileCompleted) > 0


def _tables(stage: Stage) -> list[str]:
    question = b"select table_name from information_schema.tables where table_schema = 'public' order by 1"
    with stage.server.database.connect() as connection:
        return [str(row[0]) for row in connection.execute(question)]


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 100 else f"{line[:97]}..."  # noqa: PLR2004  a line of evidence


# ------------------------------------------------------------------------------------------------------------- its end


def _stop(record: Record, dispatcher: Part, trader: Trader) -> None:
    with record.step("stop", "stopping the dispatcher with SIGTERM") as told:
        code = dispatcher.stop()
        trader.hear_out()
        last = trader.watch.heard[-1].name if trader.watch.heard else "nothing"
        if (code, last) != (0, events.ServiceStopped.name):
            raise StepFailedError(
                f"exit code 0 after {events.ServiceStopped.name}",
                f"exit code {code} after {last}",
                next_step="read its last lines",
                tail=dispatcher.output.tail(),
            )
        told(f"SIGTERM: it said {last} and ended with 0")


# ---------------------------------------------------------------------------------------------------------- the verdict


def _judge(world: World, record: Record, stage: Stage) -> None:
    with record.step("verdict", "judging the log") as told:
        command = [sys.executable, "-m", "ops", "--json", "verify", "--replay", str(world.evidence / f"{SERVICE}.log")]
        judged = world.run("verify", command, {}, seconds=60)
        keep(world, "verdict.json", judged.stdout)
        verdict = _verdict(judged)
        release = stage.variables[environment.BUILD_REVISION.name]
        record.verdicts.append(Verdict(release, verdict["verdict"]))
        _passed(verdict)
        told(f"{verdict['verdict']}: `ops verify --replay dispatcher.log`, {len(verdict['rules'])} rules hold")
        told(f"the evidence is in {world.evidence.relative_to(world.checkout)}/")


def _verdict(judged: Finished) -> dict[str, Any]:
    try:
        verdict: dict[str, Any] = json.loads(judged.stdout)
        return {"verdict": verdict["verdict"], "rules": verdict["rules"]}
    except (ValueError, KeyError) as error:
        raise StepFailedError(
            "`ops --json verify` to print a verdict",
            f"exit code {judged.code} and {_short(judged.stdout)!r}",
            next_step="run it on dispatcher.log in the evidence",
            tail=judged.output.tail(),
        ) from error


def _passed(verdict: Mapping[str, Any]) -> None:
    broken = [f"{each['kind']} {each['id']}" for each in verdict["rules"] if each["verdict"] != "PASS"]
    if verdict["verdict"] != "PASS":
        raise StepFailedError(
            "PASS",
            f"{verdict['verdict']}: {', '.join(broken)}",
            next_step="read verdict.json in the evidence; it has the lines each rule rests on",
        )
