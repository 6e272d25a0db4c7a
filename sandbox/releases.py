"""The story of a release: from no account anywhere to one that is proven, one that is broken and taken back."""

import shutil
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic, sleep
from typing import Any

import psycopg
from botocore.exceptions import BotoCoreError, ClientError

from contract import events
from contract.names import Names
from sandbox import probes
from sandbox.acts import evidence, feed_all, keep, play, prove
from sandbox.cloud import Cloud, GroupLog, Running
from sandbox.feed import Fed, Scene
from sandbox.ground import SERVICE, Ground, lay
from sandbox.mode import AUTO, CONTAINERS
from sandbox.option_act import call_bought_and_closed
from sandbox.parts import Finished, Part, PartError, finish
from sandbox.proof import Witnesses
from sandbox.record import Record, StepFailedError, Verdict
from sandbox.source import Source, head
from sandbox.stage import Stage, done, stand_up
from sandbox.tools import Ops, document, node
from sandbox.venue import Book, StandingOrder, VenueError
from sandbox.walls import told_by_engine
from sandbox.watch import Watch
from sandbox.world import World

_TAKEN_BACK = 3
_HEARTBEATS = 3
_DEPLOY_SECONDS = 180
_STEP_SECONDS = 180
_BUILD_SECONDS = 300
"""The first build downloads every dependency."""
_PAUSE = 0.2


@dataclass(slots=True)
class Site:
    """What the acts of this story share."""

    world: World
    record: Record
    stage: Stage
    ground: Ground
    source: Source
    ops: Ops
    log: GroupLog
    watch: Watch = field(default_factory=Watch)
    fed: dict[int, Fed] = field(default_factory=dict)

    @property
    def cloud(self) -> Cloud:
        """The endpoint."""
        return self.ground.cloud

    @property
    def names(self) -> Names:
        """What things are called there."""
        return self.ground.names

    def running(self) -> Running:
        """What ECS says of the service."""
        return self.cloud.running(self.names.cluster, SERVICE)

    def build(self, *words: str) -> tuple[Finished, dict[str, Any]]:
        """Build what the worktree has, for the way its tasks run."""
        return self.ops.run("build", *self.cloud.mode.build, *words, seconds=_BUILD_SECONDS)

    def feed(self, scene: Scene) -> None:
        """Feed a scene and watch it to its end."""
        self.fed |= play(self.record, self.stage, self.log, self.watch, scene)


def one_release(world: World, record: Record, *, tasks: str = AUTO) -> None:
    """Stand everything up, release, trade, ship a broken release, see it taken back, prove it all."""
    node(world)
    stage = stand_up(world, record)
    ground = lay(world, record, stage, tasks)
    with head(world) as source:
        file = world.private(f"{SERVICE}.log", "")
        log = GroupLog(ground.cloud, ground.names.log_group(SERVICE), file)
        ops = Ops(world, ground.cloud, ground.inventory, source.folder)
        site = Site(world, record, stage, ground, source, ops, log)
        try:
            _walk(site)
        except (StepFailedError, PartError):
            with suppress(VenueError, psycopg.Error, BotoCoreError, ClientError):
                _testimony(site)  # what failed may have taken them along
            raise
        finally:
            _keep_ops(site)


def _walk(site: Site) -> None:
    _build(site)
    released = _release(site)
    site.fed |= feed_all(site.record, site.stage, site.log, site.watch)
    _rests_on(site)
    _break(site, released)
    _leave_alone(site)
    _hold_clocks(site)
    _look_back(site)
    witnesses = _testimony(site)
    _stop(site)
    prove(site.world, site.record, site.stage, site.fed, witnesses)
    call_bought_and_closed(site.world, site.record, site.stage)


# -------------------------------------------------------------------------------------------------------- the release


def _build(site: Site) -> None:
    site.record.teller.heading("one release, proven")
    with site.record.step("build", "building the image of HEAD") as told:
        finished, said = site.build()
        done("ops build", finished)
        image = said["image"]
        told(f"{image['tag'][:12]} is {image['digest'][:19]}, by {image['builder']}; every module imports")
        if site.source.changed:
            told("the checkout has changes that no commit has: they are not in it")
    with site.record.step("push", "pushing it") as told:
        finished, said = site.ops.run("push")
        done("ops push", finished)
        told(f"the registry has the digest that was built; {len(said['uploaded'])} blobs uploaded")


def _release(site: Site) -> str:
    """Deploy HEAD, feeding what its proof needs; the release's tag."""
    with site.record.step("release", "deploying it") as told:
        finished, said = _deploy(site, "ops-deploy", (probes.FIRST,))
        done("ops deploy", finished)
        release = str(said["to"]["tag"])
        _verdict(site, release, str(said["verdict"]), "PASS")
        told(f"{said['id']}: {said['verdict']}, {said['outcome']}; {site.running().revision} runs")
        told(f"the exchange has {_standing(site)}")
    if site.cloud.mode.name == CONTAINERS:
        with site.record.step("walls", "asking the engine what holds it in") as told:
            told(told_by_engine(site.cloud, str(said["to"]["digest"])))
    return release


def _rests_on(site: Site) -> None:
    """The running release is judged once more, by all that its tasks have said: the rules, and what they rest on."""
    with site.record.step("verdict", "asking what the verdict rests on") as told:
        finished, said = site.ops.run("verify", SERVICE)
        keep(site.world, "verdict.json", finished.stdout)
        done("ops verify", finished)
        required = [each for each in said["rules"] if each["kind"] == "require"]
        broken = [each["id"] for each in said["rules"] if each["verdict"] != "PASS"]
        beats = site.watch.count(events.Heartbeat)
        if broken or not required or beats < _HEARTBEATS:
            raise StepFailedError(
                f"every rule to hold, and {_HEARTBEATS} heartbeats",
                f"{len(required)} required, {', '.join(broken) or 'none'} broken, {beats} heartbeats",
                next_step="read verdict.json in the evidence",
            )
        told(f"`ops verify`: {said['verdict']}, by {', '.join(each['id'] for each in required)}, {beats} heartbeats")
        told(f"{len(said['rules'])} rules hold; the exchange itself lists {len(_orders(site))} orders")


def _standing(site: Site) -> str:
    """The orders that stand at the exchange, by its own list. None would be no proof, whatever the log says."""
    return ", ".join(f"{each.qty} {each.symbol} at {each.limit}, {each.status}" for each in _orders(site))


def _orders(site: Site) -> tuple[StandingOrder, ...]:
    found = tuple(Book.of(site.stage.venue.state()).orders)
    if not found:
        raise StepFailedError("an order at the exchange", "none", next_step="read ops-deploy.txt in the evidence")
    return found


def _deploy(site: Site, name: str, scenes: tuple[Scene, ...], *words: str) -> tuple[Finished, dict[str, Any]]:
    """Deploy, and feed one scene with each verification that begins."""
    part = site.ops.start(name, "deploy", "--service", SERVICE, *words)
    for turn, scene in enumerate(scenes, start=1):
        _await_verification(part, turn)
        site.feed(scene)
    finished = finish(part, seconds=_DEPLOY_SECONDS)
    keep(site.world, f"{name}.json", finished.stdout)
    keep(site.world, f"{name}.txt", finished.output.stderr.read_text(encoding="utf-8"))
    return finished, document(finished)


def _await_verification(part: Part, turn: int) -> None:
    """Wait until the deployment says for the so-many-eth time that it verifies."""
    until = monotonic() + _STEP_SECONDS
    while part.output.stderr.read_text(encoding="utf-8").count(f"verify {SERVICE}") < turn:
        if part.process.poll() is not None or monotonic() > until:
            raise PartError(f"{part.name} did not come to its verification number {turn}", part.output.tail())
        sleep(_PAUSE)


def _verdict(site: Site, release: str, seen: str, expected: str) -> None:
    site.record.verdicts.append(Verdict(release, seen))
    if seen != expected:
        raise StepFailedError(
            f"{release} to be judged {expected}", seen, next_step="read ops-deploy*.txt in the evidence"
        )


# ------------------------------------------------------------------------------------------------- the broken release


def _break(site: Site, released: str) -> None:
    """Ship what sends prices off the tick: its own lines condemn it, and the release before runs again."""
    site.record.teller.heading("a broken release, taken back")
    before = site.running()
    with site.record.step("break", "building a release without the tick rule") as told:
        changed = site.source.break_ticks()
        finished, said = site.build("--allow-dirty")
        done("ops build --allow-dirty", finished)
        told(f"sandbox/broken.patch on the worktree ({changed}): {said['image']['tag'][-18:]}")
    with site.record.step("taken back", "deploying it") as told:
        scenes = (probes.BROKEN, probes.RESTORED)
        finished, said = _deploy(site, "ops-deploy-broken", scenes, "--allow-dirty")
        _verdict(site, str(said["to"]["tag"]), str(said["verdict"]), "FAIL")
        told(f"{_condemned(said)}, its own log says {_rejection(site)}")
        again = str(((said["restored"] or {}).get("verdicts") or {}).get(SERVICE))
        _verdict(site, released, again, "PASS")
        if (finished.code, site.running().revision) != (_TAKEN_BACK, before.revision):
            raise StepFailedError(
                f"exit code {_TAKEN_BACK} and {before.revision}",
                f"exit code {finished.code} and {site.running().revision}",
                next_step="read ops-deploy-broken.txt in the evidence",
            )
        told(f"taken back to {before.revision}, judged again: {again}; exit code {finished.code}")
        told("what it left is in evidence/ops/")
    site.source.mend()


def _condemned(said: dict[str, Any]) -> str:
    """The reason that names the rule about malformed orders."""
    found = [each for each in said["reasons"] if "orders-malformed" in each]
    if not found:
        raise StepFailedError(
            "a FAIL by the rule orders-malformed",
            "; ".join(said["reasons"]),
            next_step="read ops-deploy-broken.txt in the evidence",
        )
    return str(found[0])


def _rejection(site: Site) -> str:
    """The line of the log that condemns it."""
    found = next(each for each in site.watch.heard if isinstance(each, events.OrderRejected))
    return f"{found.name}, HTTP {found.http_status}: {found.message}"


def _keep_ops(site: Site) -> None:
    """What `ops` saved before it took anything back."""
    saved = site.source.folder / ".ops" / "evidence"
    if saved.exists():
        shutil.copytree(saved, site.world.evidence / "ops", ignore=shutil.ignore_patterns(".gitignore"))


# ------------------------------------------------------------------------------------------------------ what it leaves


def _leave_alone(site: Site) -> None:
    """An unrelated change of the stacks takes effect, and the release stays."""
    site.record.teller.heading("what stands")
    with site.record.step("unrelated", "deploying the stacks with another limit and retention") as told:
        family = site.names.template_family(SERVICE)
        before, template = site.running(), site.cloud.newest(family)
        site.ground.deploy_changed(site.world)
        after, newer = site.running(), site.cloud.newest(family)
        if after != before or newer == template:
            raise StepFailedError(
                f"{before} as before, and a newer template than {template}",
                f"{after}, and {newer}",
                next_step="read cdk-deploy-changed.err in the run's folder",
            )
        told(f"`cdk deploy` made {newer}; {after.revision} still runs, by deployment {after.deployment}")


def _hold_clocks(site: Site) -> None:
    """What somebody else's schedules start beside the service is held to what is declared."""
    with site.record.step("schedules", "holding others' schedules to what is declared") as told:
        firing = _not_held(site)
        finished, _ = site.ops.run("schedules", "sync")
        done("ops schedules sync", finished)
        still = _not_held(site)
        if not firing or still:
            raise StepFailedError(
                "others' schedules to fire before `ops schedules sync`, and none after",
                f"{', '.join(firing) or 'none'} before, {', '.join(still) or 'none'} after",
                next_step="run `ops schedules list` in `ops sandbox up`",
            )
        told(f"`ops schedules sync`: {' and '.join(firing)} fire no more")


def _not_held(site: Site) -> tuple[str, ...]:
    """The external schedules that are not in the state that `pipeline.toml` declares."""
    _, said = site.ops.run("schedules", "audit")
    return tuple(each["subject"] for each in said["findings"] if each["id"] == "external-state-differs")


def _look_back(site: Site) -> None:
    with site.record.step("status", "asking what is true") as told:
        finished, said = site.ops.run("status")
        keep(site.world, "status.json", finished.stdout)
        done("ops status", finished)
        told(f"`ops status`: {said['release']['tag'][:12]} runs, proven {said['proven']}")
        told(f"findings: {', '.join(each['id'] for each in said['findings']) or 'none'}")
    with site.record.step("plan", "asking what a rollback would do") as told:
        finished, said = site.ops.run("rollback", "--plan")
        keep(site.world, "rollback-plan.json", finished.stdout)
        target = (said["to"] or {}).get("tag")
        told(f"`ops rollback --plan`: to {target[:12] if target else 'nothing'}, because {said['reason']}")
    with site.record.step("history", "asking what was deployed") as told:
        finished, said = site.ops.run("history")
        done("ops history", finished)
        keep(site.world, "history.json", finished.stdout)
        outcomes = [
            f"{_short(each['to']) if each['to'] else each['kind']} {each['outcome']}" for each in said["deployments"]
        ]
        told(f"`ops history`: {', then '.join(reversed(outcomes))}")


def _short(release: dict[str, Any]) -> str:
    revision, dirty, rest = str(release["tag"]).partition("-")
    return f"{revision[:12]}{dirty}{rest}"


def _stop(site: Site) -> None:
    with site.record.step("stop", "stopping the endpoint and its tasks with SIGTERM") as told:
        code, had, left = site.cloud.stop()
        if (code, left) != (0, 0):
            raise StepFailedError(
                "exit code 0 and nothing of it left",
                f"exit code {code} and {left} of {had} left",
                next_step="read aws.err in the run's folder",
                tail=site.cloud.part.output.tail(),
            )
        told(f"SIGTERM: the endpoint ended with 0, and the {had} {site.cloud.mode.name} of its tasks with it")


def _testimony(site: Site) -> Witnesses:
    """Hear the log to its end, ask exchange and database, keep it all."""
    for line in site.log.fresh():
        site.watch.hear(line)
    state, claims, executions = evidence(site.world, site.stage, SERVICE)
    return Witnesses(Book.of(state), claims, executions, site.watch.seen)
