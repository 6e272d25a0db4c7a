"""What every story does: feed the dispatcher, watch what becomes of each recommendation, ask all three, prove it."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, Protocol

from psycopg.rows import dict_row

from contract import events
from sandbox import proof, recommendations
from sandbox.feed import End, Fed, Scene, insert
from sandbox.proof import Finding, Witnesses
from sandbox.record import Record, StepFailedError
from sandbox.stage import Stage
from sandbox.watch import Seen, Watch
from sandbox.world import World

_HEARTBEATS = 3
_SCENE_SECONDS = 75
"""A spent budget of requests comes back within a minute."""
_MOST_FINDINGS = 12
_STATE = {End.FILLED: "filled", End.RESTING: "accepted", End.REFUSED: "refused", End.REJECTED: "rejected"}


class Voice(Protocol):
    """Where the dispatcher's lines come from: its own output, or a log group."""

    def wait_for(self, wanted: Callable[[str], bool], *, what: str, seconds: float = 30) -> str:
        """The first line that is `wanted`, by reading until it is said."""


# ------------------------------------------------------------------------------------------------- feeding and watching


def feed_all(record: Record, stage: Stage, voice: Voice, watch: Watch) -> dict[int, Fed]:
    """Feed every scene, one after another, until each recommendation has its ending and the service is alive."""
    fed: dict[int, Fed] = {}
    count = sum(len(scene.feed) for scene in recommendations.SCENES)
    record.teller.heading(f"{count} recommendations, and what becomes of each")
    record.teller.columns()
    with record.step("feed", f"feeding {count} recommendations") as told:
        for scene in recommendations.SCENES:
            fed |= play(record, stage, voice, watch, scene)
        voice.wait_for(lambda line: _alive(watch, line), what=f"{_HEARTBEATS} heartbeats")
        told(f"{len(fed)} recommendations were fed, each has an ending")
    return fed


def _alive(watch: Watch, line: str) -> bool:
    watch.hear(line)
    return watch.count(events.Heartbeat) >= _HEARTBEATS


def play(record: Record, stage: Stage, voice: Voice, watch: Watch, scene: Scene) -> dict[int, Fed]:
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

    voice.wait_for(hear, what=f"the endings of scene {scene.name!r}", seconds=_SCENE_SECONDS)
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


def evidence(
    world: World, stage: Stage, service: str
) -> tuple[dict[str, Any], list[dict[str, Any]], list[dict[str, Any]]]:
    """Keep the service's log, ask the exchange and the database, and keep what they said."""
    log = world.folder / f"{service}.log"
    if log.exists():
        keep(world, log.name, log.read_text(encoding="utf-8"))
    state = stage.venue.state()
    keep(world, "exchange.json", json.dumps(state, indent=1))
    claims, executions = (_rows(stage, table) for table in ("dispatch_claims", "dispatch_executions"))
    keep(world, "claims.json", json.dumps(claims, indent=1, default=str))
    keep(world, "executions.json", json.dumps(executions, indent=1, default=str))
    return state, claims, executions


def _rows(stage: Stage, table: str) -> list[dict[str, Any]]:
    question = f"select * from {table} order by recommendation_id"  # noqa: S608 - one of our two names
    with stage.server.database.connect() as connection:
        return connection.cursor(row_factory=dict_row).execute(question.encode()).fetchall()


def keep(world: World, name: str, text: str) -> None:
    """Keep a file of evidence."""
    world.private(f"evidence/{name}", text)


def prove(world: World, record: Record, stage: Stage, fed: Mapping[int, Fed], witnesses: Witnesses) -> None:
    """Exchange, database and log tell the same of every recommendation; no ghosts, no duplicates, no secret told."""
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
            next_step="compare exchange.json, claims.json, executions.json and the service's log in the evidence",
        )


def _logs(world: World, stage: Stage) -> dict[str, str]:
    """Everything that was written by anyone, but for the files that hand their owners the keys, and for source code."""
    places = (world.folder.glob("*"), world.evidence.rglob("*"))
    written = [file for place in places for file in place if file.suffix in {".log", ".err", ".json", ".txt"}]
    ours = {str(file.relative_to(world.folder)): file for file in written}
    files = ours | {"postgres/server.log": stage.server.folder / "data" / "server.log"}
    return {name: file.read_text(encoding="utf-8", errors="replace") for name, file in files.items()}
