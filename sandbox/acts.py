"""What every story does: feed, watch what becomes of each recommendation at each account, ask all three, prove it."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

from psycopg.rows import dict_row

from contract import events
from sandbox import proof, recommendations
from sandbox.feed import End, Fed, Scene, insert
from sandbox.proof import Finding, Witnesses
from sandbox.record import Record, StepFailedError
from sandbox.stage import Stage
from sandbox.trader import Trader
from sandbox.venue import Book
from sandbox.world import World

_HEARTBEATS = 3
_SCENE_SECONDS = 75
"""A spent budget of requests comes back within a minute."""
_MOST_FINDINGS = 12
_STATE = {End.FILLED: "filled", End.RESTING: "accepted", End.REFUSED: "refused", End.REJECTED: "rejected"}


# ------------------------------------------------------------------------------------------------- feeding and watching


def feed_all(record: Record, stage: Stage, traders: Sequence[Trader]) -> dict[int, Fed]:
    """Feed every scene, one after another, until each account has an ending for each and every service is alive."""
    fed: dict[int, Fed] = {}
    count = sum(len(scene.feed) for scene in recommendations.SCENES)
    record.teller.heading(f"{count} recommendations, and what becomes of each")
    record.teller.columns()
    with record.step("feed", f"feeding {count} recommendations") as told:
        for scene in recommendations.SCENES:
            fed |= play(record, stage, traders, scene)
        for trader in traders:
            trader.voice.wait_for(partial(_alive, trader), what=f"{_HEARTBEATS} heartbeats")
        accounts = ", ".join(each.account for each in traders)
        told(f"{len(fed)} recommendations were fed, each has an ending at {accounts}")
    return fed


def _alive(trader: Trader, line: str) -> bool:
    trader.watch.hear(line)
    return trader.watch.count(events.Heartbeat) >= _HEARTBEATS


def play(record: Record, stage: Stage, traders: Iterable[Trader], scene: Scene) -> dict[int, Fed]:
    """Feed one scene and watch it to its end at each account."""
    if scene.fault is not None:
        stage.venue.fault(scene.fault)
    with stage.server.database.connect() as connection:
        fed = insert(connection, scene.feed, stage.venue.now())
    for trader in traders:
        follow(record, trader, scene, fed)
    if scene.fault is not None:
        _struck(stage, scene)
    return fed


def follow(record: Record, trader: Trader, scene: Scene, fed: Mapping[int, Fed]) -> None:
    """Watch what was fed to its end at one account."""
    waiting = {number: each.at(trader.account) for number, each in fed.items()}

    def hear(line: str) -> bool:
        number = trader.watch.hear(line)
        if number in waiting and trader.watch.seen[number].at_its_end(waiting[number].expected):
            _tell(record, trader, number, waiting.pop(number))
            record.teller.progress(f"{scene.name}: {len(waiting)} still without an ending at {trader.account}")
        return not waiting

    what = f"the endings of scene {scene.name!r} at {trader.account}"
    trader.voice.wait_for(hear, what=what, seconds=_SCENE_SECONDS)


def _tell(record: Record, trader: Trader, number: int, fed: Fed) -> None:
    expected, seen = fed.expected, trader.watch.seen[number]
    as_expected = (seen.state, seen.reason) == (_STATE[expected.end], expected.reason)
    shows = seen.detail if trader.account in fed.otherwise else fed.shows  # what it shows is told of the others
    record.teller.ending(number, trader.account, replace(fed, shows=shows), seen, as_expected=as_expected)


def _struck(stage: Stage, scene: Scene) -> None:
    """A fault that did not strike has shown nothing."""
    served = stage.venue.state()["faults_served"]
    wanted = f"{(scene.fault or {})['route']} {(scene.fault or {})['kind']}"
    if wanted not in served:
        raise StepFailedError(
            f"the fault {wanted} to strike", f"only {served}", next_step="look at the order requests in exchange.json"
        )


# ------------------------------------------------------------------------------------------------------------ the proof


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the exchange and the database said, of all accounts."""

    book: Book
    claims: list[dict[str, Any]]
    executions: list[dict[str, Any]]

    def with_log_of(self, trader: Trader) -> Witnesses:
        """The part of it that is about one account, with what was heard of it."""
        return Witnesses(
            trader.account,
            self.book.of_account(trader.number),
            [row for row in self.claims if row["account"] == trader.account],
            [row for row in self.executions if row["account_name"] == trader.account],
            trader.watch.seen,
        )


def evidence(world: World, stage: Stage, *services: str) -> Evidence:
    """Keep each service's log, ask the exchange and the database, and keep what they said."""
    for service in services:
        log = world.folder / f"{service}.log"
        if log.exists():
            keep(world, log.name, log.read_text(encoding="utf-8"))
    state = stage.venue.state()
    keep(world, "exchange.json", json.dumps(state, indent=1))
    claims, executions = (_rows(stage, table) for table in ("dispatch_claims", "dispatch_executions"))
    keep(world, "claims.json", json.dumps(claims, indent=1, default=str))
    keep(world, "executions.json", json.dumps(executions, indent=1, default=str))
    return Evidence(Book.of(state), claims, executions)


def _rows(stage: Stage, table: str) -> list[dict[str, Any]]:
    question = f"select * from {table} order by recommendation_id"  # noqa: S608 - one of our two names
    with stage.server.database.connect() as connection:
        return connection.cursor(row_factory=dict_row).execute(question.encode()).fetchall()


def keep(world: World, name: str, text: str) -> None:
    """Keep a file of evidence."""
    world.private(f"evidence/{name}", text)


def prove(world: World, record: Record, stage: Stage, fed: Mapping[int, Fed], witnesses: Sequence[Witnesses]) -> None:
    """Exchange, database and log tell the same of every recommendation at every account.

    No ghosts, no duplicates, no secret told.
    """
    by_account = [({number: each.at(one.account) for number, each in fed.items()}, one) for one in witnesses]
    record.orders = proof.total(proof.counts(*each) for each in by_account)
    record.teller.heading("the proof")
    with record.step("endings", "asking exchange, database and log") as told:
        _none([finding for each in by_account for finding in proof.endings(*each)])
        for here, one in by_account:
            told(f"{one.account}: {len(here)} of {len(here)} endings are the expected ones")
        told("by exchange, database and log alike")
    with record.step("strangers", "looking for ghosts and duplicates") as told:
        _none([finding for each in by_account for finding in proof.no_strangers(*each)])
        orders = " and ".join(f"{len(one.book.orders)} of {one.account}" for one in witnesses)
        told(f"orders at the exchange: {orders}, each known, none twice; nothing is left claimed")
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
