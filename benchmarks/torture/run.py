"""One run: strike where the plan says, start again, wait for the endings, stop, and look at what became of it."""

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep

import psutil

from benchmarks.torture.holds import Look
from benchmarks.torture.nursery import DEATH_SECONDS, Life
from benchmarks.torture.plan import AT_EXCHANGE, HELD, OUTLIVED, Plan, Point, Step, Strike, Way
from benchmarks.torture.stage import Stage
from benchmarks.torture.tripwire import Tripwire
from benchmarks.torture.verdict import Mark, Verdict, judge

LOOK_SECONDS = 0.05
"""Between two looks at the database. Who stands at a point waits; a look costs 0.3 ms of CPU, and many look."""
REST_SECONDS = 0.2
"""Between two looks for what takes seconds: a successor that waits for a lease, the last endings."""
LINGER_SECONDS = 0.3
"""How long a dead process's transaction stays open beside its successor."""
MOMENTS = {Point.RECEIVED: "received", Point.APPLIED: "applied", Point.ANSWERED: "answered"}
STILL_COMING = {Point.FOLLOW: 2.5}
"""Seconds for which a point may be passed after every recommendation has its ending."""
REACH_SECONDS = 15.0
"""A point that nobody has reached by then will not be: what would lead there went another way."""
MOST_CRASHES = 3


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run brought. `hits` are the steps it really reached, `crashes` the exits nobody asked for."""

    plan: Plan
    verdict: Verdict
    hits: tuple[Step, ...]
    crashes: tuple[str, ...]
    orders: int
    repeated_posts: int
    seconds: float


@dataclass(slots=True)
class Director:
    """Plays one plan on a stage."""

    stage: Stage
    plan: Plan
    tripwire: Tripwire
    lives: list[Life]
    """Whoever may be alive; shared with the tripwire, which stops them all."""
    patience_seconds: float
    """How long a run may take to reach a point, and to come to its endings."""
    hits: list[Step] = field(default_factory=list)
    crashes: list[str] = field(default_factory=list)
    recommendations: dict[int, Mark | None] = field(default_factory=dict)

    def play(self) -> Outcome:
        """The whole run. Whatever happens, nothing it started outlives it."""
        began = monotonic()
        self.stage.prepare(self.plan)
        try:
            self._strikes()
            self._finish()
        finally:
            self._clean_up()
        evidence = self.stage.evidence(self.recommendations, self.plan)
        return Outcome(
            self.plan,
            judge(evidence),
            tuple(self.hits),
            tuple(self.crashes),
            orders=len(evidence.orders),
            repeated_posts=len(evidence.posts) - len({post.client_order_id for post in evidence.posts}),
            seconds=monotonic() - began,
        )

    def _strikes(self) -> None:
        """All of them. One that cannot be brought to its end is told; what became of the run is judged all the same."""
        try:
            for strike, later in zip(self.plan.strikes, self.plan.later, strict=True):
                self._strike(strike)
                self.recommendations |= self.stage.recommend(later)
        except TimeoutError as error:
            self.crashes.append(f"the harness waited in vain: {error}")
            self.stage.cable.mend()
            self._let_go()

    # -- one strike ---------------------------------------------------------------------------

    def _strike(self, strike: Strike) -> None:
        if self.plan.rows_first and not self.plan.pair:
            self._recommend()
        self._arm(strike)
        self._populate()
        self._recommend()
        if self._await_strike(strike):
            outlives = strike.step.way in OUTLIVED
            hit = self._really_hit(strike.step) if outlives else None  # later its successor has an answer
            self._act(strike.step)
            self.hits.append(hit or self._really_hit(strike.step))
        else:
            self._kill(self._victim())
            self.hits.append(Step(Point.IDLE, Way.KILLED))
        self.stage.cable.mend()
        self._let_go()

    def _recommend(self) -> None:
        """Upstream writes, once."""
        if not self.recommendations:
            self.recommendations |= self.stage.recommend(*self.plan.rows)

    def _arm(self, strike: Strike) -> None:
        point = strike.step.point
        if point in AT_EXCHANGE:
            self.tripwire.arm(MOMENTS[point], strike.skip)
        if point in HELD:
            self.stage.holds.arm(point)

    def _populate(self) -> None:
        """As many processes as there should be. With two, the second one comes to stand by."""
        self._bury()
        if not self.lives:
            by_cable = any(strike.step.way is Way.CUT for strike in self.plan.strikes)
            self.lives.append(self.stage.start(self.plan, by_cable=by_cable))
        if self.plan.pair and len(self.lives) == 1:
            self._wait(lambda: bool(self.stage.holds.holders()) or not self._alive())
            self.lives.append(self.stage.start(self.plan))

    def _await_strike(self, strike: Strike) -> bool:
        """Until somebody stands at the point; False when all is done and nobody will."""
        point = strike.step.point
        if point is Point.ANYWHERE:
            self.lives[0].dead.wait(strike.after_seconds)
            return bool(self._alive())
        there = self._watch(strike)
        until = monotonic() + min(self.patience_seconds, REACH_SECONDS)
        while monotonic() < until:
            look = self.stage.holds.look()
            if there(look):
                return True
            if look.open == 0:
                until = min(until, monotonic() + STILL_COMING.get(point, 0.0))
            self._keep_alive()
            self.tripwire.tripped.wait(LOOK_SECONDS)
        return False

    def _watch(self, strike: Strike) -> Callable[[Look], bool]:
        """How to see that somebody stands at the point."""
        point = strike.step.point
        if point in AT_EXCHANGE:
            return lambda _: self.tripwire.tripped.is_set()
        if point is Point.LOOK_UP:
            before = self.stage.look_ups()
            return lambda _: self.stage.look_ups() > before
        if point is Point.IDLE:
            return lambda look: look.open == 0
        return self._watch_backends(strike.skip)

    def _watch_backends(self, skip: int) -> Callable[[Look], bool]:
        passing = iter(range(skip))

        def stands(look: Look) -> bool:
            if look.held is None:
                return False
            if next(passing, None) is None:
                return True
            self.stage.holds.let_pass()
            return False

        return stands

    # -- what happens there -------------------------------------------------------------------

    def _act(self, step: Step) -> None:
        if step.way in OUTLIVED:
            self._outlive(step)
        elif step.point in HELD:
            self._act_on_backend(step)
        elif step.way is Way.DATABASE:
            self.stage.crash_database()
        else:
            self._kill(self._victim())

    def _act_on_backend(self, step: Step) -> None:
        holds = self.stage.holds
        backend = self._held_backend(step)
        if step.way is Way.DATABASE:
            self.stage.crash_database()
            return
        victim = self._client_of(backend)
        if step.way is Way.DONE:
            victim.signal(signal.SIGSTOP)
            holds.disarm()
            self._await_commit(backend)
            self._kill(victim)
            return
        self._kill(victim)
        if step.way is Way.UNDONE:
            holds.terminate(backend)
        else:
            self._populate()
            sleep(LINGER_SECONDS)
            holds.disarm()
            self._await_commit(backend)

    def _held_backend(self, step: Step) -> int:
        """The backend that stands at the step's point."""
        backend = self.stage.holds.look().held
        if backend is None:
            raise RuntimeError(f"nobody stands at {step} any more")
        return backend

    def _outlive(self, step: Step) -> None:
        """The process stands, or hears nothing of the database, until a successor has all of its leases."""
        victim = self._client_of(self._held_backend(step)) if step.point in HELD else self._victim()
        if victim is None:
            raise RuntimeError(f"nobody stands at {step} any more")
        if step.way is Way.CUT:
            self.stage.cable.cut()
        else:
            victim.signal(signal.SIGSTOP)
        self._let_go(but=victim if step.way is Way.STOPPED else None)
        if not self.plan.pair:
            self.lives.append(self.stage.start(self.plan))
        accounts = len(self.stage.holds.accounts)
        if not self._wait(lambda: self._held_by_others(victim) == accounts, every=REST_SECONDS):
            self.crashes.append(f"nobody took over within {self.patience_seconds:.0f} s: {step}")

    def _held_by_others(self, victim: Life) -> int:
        return sum(pid != victim.pid for pid in self.stage.holds.holders())

    def _really_hit(self, step: Step) -> Step:
        """The exchange tells `answered` when the bytes have left: the process may have been faster than its death."""
        late = step.point is Point.ANSWERED and not self.stage.holds.unanswered(self.tripwire.client_order_id)
        return Step(Point.RECORD, Way.DONE) if late else step

    def _let_go(self, but: Life | None = None) -> None:
        """Everything goes on that still stands."""
        for life in self._alive():
            if life is not but:
                life.signal(signal.SIGCONT)
        self.tripwire.disarm()
        self.stage.holds.disarm()

    def _kill(self, victim: Life | None) -> None:
        if victim is not None:
            victim.kill()
            self.lives.remove(victim)

    def _victim(self) -> Life | None:
        """Whoever holds the lease: only it sends. Without two processes there is no question."""
        alive = self._alive()
        holders = self.stage.holds.holders() if len(alive) > 1 else []
        return next((life for life in alive if life.pid in holders), alive[0] if alive else None)

    def _client_of(self, backend: int) -> Life:
        """The process behind a backend."""
        alive = self._alive()
        if len(alive) == 1:
            return alive[0]
        port = self.stage.holds.client_port(backend)
        # The one that is not found by its own port is the one at the cable, which was started first.
        return next((life for life in alive if port in _ports(life.pid)), alive[0])

    # -- to the end ---------------------------------------------------------------------------

    def _finish(self) -> None:
        """What was struck works on, until everything has its ending."""
        if self.plan.short_life:
            self.stage.exchange.clear_faults()  # what nothing gets through would let nothing work on
        self._populate()
        until = monotonic() + self.patience_seconds
        while self.stage.holds.look().open and monotonic() < until:
            sleep(REST_SECONDS)
            self._keep_alive()
        # One that was born a moment ago would not end in order, but by the signal.
        self._wait(lambda: all(_listens(life.pid) for life in self._alive()))
        for life in self._alive():
            life.signal(signal.SIGTERM)
        for life in self._alive():
            try:
                life.await_death()
            except TimeoutError as error:  # it is killed when the run is cleaned up, and the run judged all the same
                self.crashes.append(f"after SIGTERM: {error}")
            if life.exit_code:
                self.crashes.append(f"exit {life.exit_code} after SIGTERM; {life.log}")

    def _clean_up(self) -> None:
        self.tripwire.disarm()
        self.stage.cable.mend()
        self.stage.holds.disarm()
        for life in self._alive():
            life.kill()
        self.lives.clear()
        if not self._wait(lambda: self.stage.holds.others() == 0, patience=DEATH_SECONDS):
            raise TimeoutError(f"{DEATH_SECONDS:.0f} s for the sessions of the dead to end")

    def _keep_alive(self) -> None:
        """A process that ended by itself is started again, as ECS would, and counted."""
        if any(life.dead.is_set() for life in self.lives) and len(self.crashes) < MOST_CRASHES:
            self._populate()

    def _bury(self) -> None:
        for life in [each for each in self.lives if each.dead.is_set()]:
            self.lives.remove(life)
            self.crashes.append(f"exit {life.exit_code} by itself; {life.log}")

    def _alive(self) -> list[Life]:
        return [life for life in self.lives if not life.dead.is_set()]

    def _await_commit(self, backend: int) -> None:
        if not self._wait(lambda: not self.stage.holds.busy(backend)):
            at = self.stage.holds.describe(backend)
            raise TimeoutError(f"{self.patience_seconds:.0f} s for a commit, and the backend is at {at}")

    def _wait(self, there: Callable[[], bool], *, every: float = LOOK_SECONDS, patience: float | None = None) -> bool:
        """Until it is there, or patience ends."""
        until = monotonic() + (self.patience_seconds if patience is None else patience)
        while not there():
            if monotonic() > until:
                return False
            sleep(every)
        return True


def stop_all(lives: list[Life]) -> None:
    """Make every process stand where it is, at once."""
    for life in lives:
        if not life.dead.is_set():
            os.kill(life.pid, signal.SIGSTOP)


def _listens(pid: int) -> bool:
    """Whether the process hears SIGTERM by a handler of its own, or is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except (FileNotFoundError, ProcessLookupError):
        return True
    caught = next(int(line.split()[1], 16) for line in status.splitlines() if line.startswith("SigCgt"))
    return bool(caught >> (signal.SIGTERM - 1) & 1)


def _ports(pid: int) -> set[int]:
    return {each.laddr.port for each in psutil.Process(pid).net_connections("tcp")}
