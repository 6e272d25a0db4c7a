"""The story a rehearsal tells: from an empty machine to the first verdict, one order after another, told truly."""

import json
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from typing import Any

import psycopg
from psycopg.rows import dict_row

from contract import environment, events
from sandbox import proof, recommendations
from sandbox.feed import End, Fed, Scene, insert
from sandbox.parts import Finished, Part, PartError
from sandbox.proof import Finding, Witnesses
from sandbox.record import Record, StepFailedError, Verdict
from sandbox.stage import SERVICE, Stage, done, run, stand_up
from sandbox.venue import Book, VenueError
from sandbox.watch import Seen, Watch
from sandbox.world import World

_HEARTBEATS = 3
_SCENE_SECONDS = 30
_MOST_FINDINGS = 12
_STATE = {End.FILLED: "filled", End.RESTING: "accepted", End.REFUSED: "refused"}


def first_verdict(world: World, record: Record) -> None:
    """Stand the world up, feed it, watch every ending, stop it, prove it, judge it."""
    stage = stand_up(world, record)
    try:
        dispatcher, watch = _dispatcher(world, record, stage)
        fed = _feed_all(record, stage, dispatcher, watch)
        _stop(record, dispatcher, watch)
    except (StepFailedError, PartError):
        with suppress(VenueError, psycopg.Error):  # what failed may have taken them along
            _evidence(world, stage)
        raise
    state, claims, executions = _evidence(world, stage)
    witnesses = Witnesses(Book.of(state), claims, executions, watch.seen)
    _prove(world, record, stage, fed, witnesses)
    _judge(world, record, stage)


# ------------------------------------------------------------------------------------------------------ the dispatcher


def _dispatcher(world: World, record: Record, stage: Stage) -> tuple[Part, Watch]:
    with record.step("migrate", "making the tables") as told:
        done("dispatcher migrate", run(world, stage, "migrate", "dispatcher", "migrate"))
        told(f"tables: {', '.join(_tables(stage))}")
    with record.step("check", "asking the service whether it may trade") as told:
        checked = done("dispatcher check --json", run(world, stage, "check", "dispatcher", "check", "--json"))
        told(f"`dispatcher check --json` ended with 0: {_short(checked.stdout)}")
    with record.step("dispatcher", "starting the dispatcher") as told:
        watch = Watch()
        dispatcher = world.start(SERVICE, [sys.executable, "-m", "dispatcher", "run"], stage.variables)
        dispatcher.wait_for(lambda line: _holds_lease(watch, line), what="that it holds the account's lease")
        connected = next(each for each in watch.heard if isinstance(each, events.BrokerConnected))
        told(f"{connected.message}, account {connected.account_number}, buying power ${connected.buying_power:,.2f}")
    return dispatcher, watch


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


# ------------------------------------------------------------------------------------------------- feeding and watching


def _feed_all(record: Record, stage: Stage, dispatcher: Part, watch: Watch) -> dict[int, Fed]:
    fed: dict[int, Fed] = {}
    count = sum(len(scene.feed) for scene in recommendations.SCENES)
    record.teller.heading(f"{count} recommendations, and what becomes of each")
    record.teller.columns()
    with record.step("feed", f"feeding {count} recommendations") as told:
        for scene in recommendations.SCENES:
            fed |= _play(record, stage, dispatcher, watch, scene)
        dispatcher.wait_for(lambda line: _alive(watch, line), what=f"{_HEARTBEATS} heartbeats")
        told(f"{len(fed)} recommendations were fed, each has an ending")
    return fed


def _alive(watch: Watch, line: str) -> bool:
    watch.hear(line)
    return watch.count(events.Heartbeat) >= _HEARTBEATS


def _play(record: Record, stage: Stage, dispatcher: Part, watch: Watch, scene: Scene) -> dict[int, Fed]:
    """Feed one scene and watch it to its end."""
    if scene.fault is not None:
        stage.venue.fault(scene.fault)
    with stage.server.database.connect() as connection:
        fed = insert(connection, scene.feed, stage.venue.now())

    waiting = set(fed)

    def hear(line: str) -> bool:
        number = watch.hear(line)
        if number in waiting and watch.seen[number].at_its_end(fed[number].expected):
            waiting.discard(number)
            _tell(record, number, fed[number], watch.seen[number])
            record.teller.progress(f"{scene.name}: {len(waiting)} still without an ending")
        return not waiting

    dispatcher.wait_for(hear, what=f"the endings of scene {scene.name!r}", seconds=_SCENE_SECONDS)
    if scene.fault is not None:
        _struck(stage, scene)
    return fed


def _tell(record: Record, number: int, fed: Fed, seen: Seen) -> None:
    expected = fed.expected
    as_expected = (seen.state, seen.reason) == (_STATE[expected.end], expected.reason)
    record.teller.ending(number, fed, seen, as_expected=as_expected)


def _struck(stage: Stage, scene: Scene) -> None:
    """A fault that did not strike has shown nothing."""
    served = stage.venue.state()["faults_served"]
    wanted = f"{(scene.fault or {})['route']} {(scene.fault or {})['kind']}"
    if wanted not in served:
        raise StepFailedError(
            f"the fault {wanted} to strike", f"only {served}", next_step="look at the order requests in exchange.json"
        )


# ------------------------------------------------------------------------------------------------------------ the proof


def _stop(record: Record, dispatcher: Part, watch: Watch) -> None:
    with record.step("stop", "stopping the dispatcher with SIGTERM") as told:
        code = dispatcher.stop()
        while (line := dispatcher.said.get()) is not None:
            watch.hear(line)
        last = watch.heard[-1].name if watch.heard else "nothing"
        if (code, last) != (0, events.ServiceStopped.name):
            raise StepFailedError(
                f"exit code 0 after {events.ServiceStopped.name}",
                f"exit code {code} after {last}",
                next_step="read its last lines",
                tail=dispatcher.output.tail(),
            )
        told(f"SIGTERM: it said {last} and ended with 0")


def _evidence(world: World, stage: Stage) -> tuple[dict[str, Any], list[dict[str, Any]], list[dict[str, Any]]]:
    """Keep the log, ask the exchange and the database, and keep what they said."""
    log = world.folder / f"{SERVICE}.log"
    if log.exists():
        _keep(world, log.name, log.read_text(encoding="utf-8"))
    state = stage.venue.state()
    _keep(world, "exchange.json", json.dumps(state, indent=1))
    claims, executions = (_rows(stage, table) for table in ("dispatch_claims", "dispatch_executions"))
    _keep(world, "claims.json", json.dumps(claims, indent=1, default=str))
    _keep(world, "executions.json", json.dumps(executions, indent=1, default=str))
    return state, claims, executions


def _rows(stage: Stage, table: str) -> list[dict[str, Any]]:
    question = f"select * from {table} order by recommendation_id"  # noqa: S608 - one of our two names
    with stage.server.database.connect() as connection:
        return connection.cursor(row_factory=dict_row).execute(question.encode()).fetchall()


def _keep(world: World, name: str, text: str) -> None:
    world.private(f"evidence/{name}", text)


def _prove(world: World, record: Record, stage: Stage, fed: Mapping[int, Fed], witnesses: Witnesses) -> None:
    record.orders = proof.counts(fed, witnesses)
    record.teller.heading("the proof")
    with record.step("endings", "asking exchange, database and log") as told:
        _none(proof.endings(fed, witnesses))
        told(f"{len(fed)} of {len(fed)} endings are the expected ones, by exchange, database and log alike")
    with record.step("strangers", "looking for ghosts and duplicates") as told:
        _none(proof.no_strangers(fed, witnesses))
        told(f"{len(witnesses.book.orders)} orders at the exchange, each known, none twice; nothing is left claimed")
    with record.step("secrets", "searching the logs") as told:
        files = _logs(world, stage)
        _none(proof.no_secrets(files, stage.secrets))
        told(f"{len(files)} files hold none of {len(stage.secrets)} secrets, and no simulated fallback")
    record.teller.note("     " + ", ".join(f"{name} {count}" for name, count in asdict(record.orders).items()))


def _none(findings: list[Finding]) -> None:
    if findings:
        shown = "; ".join(str(each) for each in findings[:_MOST_FINDINGS])
        more = len(findings) - _MOST_FINDINGS
        raise StepFailedError(
            "no finding",
            f"{len(findings)}: {shown}{f'; and {more} more' if more > 0 else ''}",
            next_step="compare exchange.json, claims.json, executions.json and dispatcher.log in the evidence",
        )


def _logs(world: World, stage: Stage) -> dict[str, str]:
    """Everything that was written by anyone, but for the file that hands the exchange its keys."""
    written = [file for file in world.folder.rglob("*") if file.suffix in {".log", ".err", ".json", ".txt"}]
    ours = {str(file.relative_to(world.folder)): file for file in written if file.name != "passwords.json"}
    files = ours | {"postgres/server.log": stage.server.folder / "data" / "server.log"}
    return {name: file.read_text(encoding="utf-8", errors="replace") for name, file in files.items()}


# ---------------------------------------------------------------------------------------------------------- the verdict


def _judge(world: World, record: Record, stage: Stage) -> None:
    with record.step("verdict", "judging the log") as told:
        command = [sys.executable, "-m", "ops", "--json", "verify", "--replay", str(world.evidence / f"{SERVICE}.log")]
        judged = world.run("verify", command, {}, seconds=60)
        _keep(world, "verdict.json", judged.stdout)
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
