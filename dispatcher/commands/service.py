"""What every service of the image does: read the settings, check, serve each account in a thread, stop in order."""

import gc
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from threading import Event
from time import monotonic

from contract import events
from contract.strict import DocumentError
from dispatcher.adapters.voice import voice
from dispatcher.commands import told, trading
from dispatcher.ports import (
    BrokerUnavailableError,
    DatabaseAuthenticationError,
    DatabaseUnavailableError,
    Say,
    TradingAccount,
)
from dispatcher.shell import settings as reading
from dispatcher.shell.check import Finding
from dispatcher.shell.settings import Settings

RETRY_SECONDS = 2.0
SWITCH_SECONDS = 0.0005
"""How long a thread may keep the interpreter from one with an order to send; Python's own 5 ms is a long time here."""
PULSE_SECONDS = 1.0
OLDEST_TURN_SECONDS = 45.0
"""An account whose loop has not turned for this long makes the whole process look dead, so that it is replaced."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What one account is served in: the whole settings, who speaks, who is told that it lives, who says stop."""

    settings: Settings
    environ: Mapping[str, str]
    account: TradingAccount
    say: Say
    alive: Callable[[], None]
    stop: Event


Serve = Callable[[Setting], None]
"""Serves one account until told to stop. What is away is waited for; what is a surprise ends the process."""


@dataclass(frozen=True, slots=True)
class Command:
    """A service of the image. `refuses` says what of the settings it cannot serve."""

    name: str
    serving: Callable[[Settings, Event], AbstractContextManager[Serve]]
    """Opens what the accounts share, for as long as any is served."""
    refuses: Callable[[Settings], list[Finding]] = lambda _: []


def run(command: Command, environ: Mapping[str, str]) -> int:
    """Exit 0 after SIGTERM, 1 when it may not serve."""
    sys.setswitchinterval(SWITCH_SECONDS)
    with told.to_stop() as stop:
        return _read_and_run(command, environ, stop)


def _read_and_run(command: Command, environ: Mapping[str, str], stop: Event) -> int:
    say = voice(reading.speaker(environ))
    try:
        settings = reading.read(environ)
        reading.stream_url(environ, settings.trading_url)
    except DocumentError as error:
        for problem in error.problems:
            fix = "set it in the task definition; see docs/reference/environment.md"
            say(events.CheckFailed(check="settings", subject=problem.path, evidence=problem.message, fix=fix))
        return 1
    try:
        return _run(command, settings, environ, say, stop)
    except DatabaseAuthenticationError as error:
        fix = "the secret was rotated: a new process starts with the new one"
        say(events.CheckFailed(check="database", subject="login", evidence=str(error), fix=fix))
        return 1


def _run(command: Command, settings: Settings, environ: Mapping[str, str], say: Say, stop: Event) -> int:
    accounts = ",".join(account.name for account in settings.accounts)
    say(events.ServiceStarted(command=command.name, execution_mode=settings.mode, accounts=accounts))
    found = command.refuses(settings) or _patiently(lambda: trading.findings(settings, say), say, stop)
    for each in found:
        say(events.CheckFailed(check=each.check, subject=each.subject, evidence=each.evidence, fix=each.fix))
    if found:
        return 1
    keep_what_is_loaded()
    with command.serving(settings, stop) as serve:
        _serve_all(settings, environ, serve, say, stop)
    say(events.ServiceStopped(reason="told to stop"))
    return 0


def keep_what_is_loaded() -> None:
    """Spare the collector what start-up built for good: it would walk through all of it while an order waits."""
    gc.collect()
    gc.freeze()


def _patiently(ask: Callable[[], list[Finding]], say: Say, stop: Event) -> list[Finding]:
    """A counterparty that is away says nothing about us: wait for it, saying so."""
    while not stop.is_set():
        try:
            return ask()
        except BrokerUnavailableError as error:
            retry = Decimal(f"{error.retry_seconds:.1f}")
            say(events.BrokerUnavailable(what=error.what, error=error.error, retry_seconds=retry))
            stop.wait(error.retry_seconds)
        except DatabaseUnavailableError as error:
            say(events.DatabaseUnavailable(error=str(error), retry_seconds=Decimal(str(RETRY_SECONDS))))
            stop.wait(RETRY_SECONDS)
    return []


def _serve_all(settings: Settings, environ: Mapping[str, str], serve: Serve, say: Say, stop: Event) -> None:
    """One thread per account. The first surprise in any of them ends the process, after the others let go."""
    turned = dict.fromkeys((account.name for account in settings.accounts), monotonic())
    pulse, next_pulse = trading.pulse(settings), [monotonic()]

    def alive(name: str) -> None:
        now = turned[name] = monotonic()
        if now < next_pulse[0]:
            return
        next_pulse[0] = now + PULSE_SECONDS
        if now - min(turned.values()) < OLDEST_TURN_SECONDS:
            pulse()

    with ThreadPoolExecutor(len(settings.accounts), thread_name_prefix="account") as pool:
        served: list[Future[None]] = []
        for account in settings.accounts:
            setting = Setting(settings, environ, account, say, partial(alive, account.name), stop)
            served.append(pool.submit(serve, setting))
        wait(served, return_when=FIRST_COMPLETED)
        stop.set()
    for future in served:
        future.result()
