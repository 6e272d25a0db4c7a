"""The story of a release: from no account anywhere to one that is proven, one that is broken and taken back."""

import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import psycopg
from botocore.exceptions import BotoCoreError, ClientError

from contract import events
from sandbox import probes
from sandbox.acts import evidence, feed_all, keep, prove
from sandbox.aftermath import hold_clocks, keep_books, leave_alone, look_back, stop
from sandbox.cloud import Running
from sandbox.ground import lay
from sandbox.mode import AUTO, CONTAINERS
from sandbox.option_act import options_opened_and_closed
from sandbox.parts import Finished, PartError
from sandbox.proof import Witnesses
from sandbox.record import Record, StepFailedError, Verdict
from sandbox.site import DISPATCHER, POSITION_MANAGER, Act, Site, deploy, heard, told_short
from sandbox.source import head
from sandbox.stage import done, stand_up
from sandbox.tools import Ops, node
from sandbox.trader import Trader
from sandbox.venue import Book, StandingOrder, VenueError
from sandbox.walls import told_by_engine
from sandbox.world import World

_TAKEN_BACK = 3
_HEARTBEATS = 3


def one_release(world: World, record: Record, *, tasks: str = AUTO) -> None:
    """Stand everything up, release, trade, ship a broken release, see it taken back, prove it all."""
    node(world)
    stage = stand_up(world, record)
    ground = lay(world, record, stage, tasks)
    with head(world) as source:
        ops = Ops(world, ground.cloud, ground.inventory, source.folder)
        traders, keepers = (tuple(heard(world, ground, each)) for each in (DISPATCHER, POSITION_MANAGER))
        site = Site(world, record, stage, ground, source, ops, traders, keepers)
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
    site.fed |= feed_all(site.record, site.stage, site.traders)
    keep_books(site)
    _rests_on(site)
    _break(site, released)
    leave_alone(site)
    hold_clocks(site)
    look_back(site)
    witnesses = _testimony(site)
    stop(site)
    prove(site.world, site.record, site.stage, site.fed, witnesses)
    options_opened_and_closed(site.world, site.record, site.stage)


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
    """Deploy HEAD, service after service, feeding what its proof needs; the release's tag.

    What is fed while the canary is judged is fed for every account: whoever starts later takes it up.
    """
    first, *others = site.traders
    acts: list[Act] = [(first, lambda: site.feed(probes.FIRST, first))]
    acts += [(each, partial(site.follow, probes.FIRST, each)) for each in others]
    with site.record.step("release", "deploying it") as told:
        finished, said = deploy(site, "ops-deploy", acts)
        done("ops deploy", finished)
        release = str(said["to"]["tag"])
        _verdict(site, release, str(said["verdict"]), "PASS")
        told(f"{said['id']}: {said['verdict']}, {said['outcome']}, one proven after the other")
        told(f"{told_short(site.running())} run")
        for trader in site.traders:
            told(f"the exchange has for {trader.account} {_standing(site, trader)}")
    if site.cloud.mode.name == CONTAINERS:
        with site.record.step("walls", "asking the engine what holds it in") as told:
            for words in told_by_engine(site.cloud, str(said["to"]["digest"]), len(site.services)):
                told(words)
    return release


def _rests_on(site: Site) -> None:
    """The running release is judged once more, by all that its tasks have said: the rules, and what they rest on."""
    with site.record.step("verdict", "asking what the verdict rests on") as told:
        finished, said = site.ops.run("verify")
        keep(site.world, "verdict.json", finished.stdout)
        done("ops verify", finished)
        for each in (*site.keepers, *site.traders):
            each.hear_out()
            told(f"{each.service}: {_rest(said['rules'], each)}")
        told(f"`ops verify`: {said['verdict']}")


def _rest(rules: Sequence[Mapping[str, Any]], trader: Trader) -> str:
    """What the verdict on a service rests on."""
    asked = [each for each in rules if each["service"] == trader.service]
    required = [each["id"] for each in asked if each["kind"] == "require"]
    broken = [each["id"] for each in asked if each["verdict"] != "PASS"]
    beats = trader.watch.count(events.Heartbeat)
    if broken or not required or beats < _HEARTBEATS:
        raise StepFailedError(
            f"every rule to hold for {trader.service}, and {_HEARTBEATS} heartbeats",
            f"{len(required)} required, {', '.join(broken) or 'none'} broken, {beats} heartbeats",
            next_step="read verdict.json in the evidence",
        )
    return f"{len(asked)} rules hold, among them {', '.join(required)}, {beats} heartbeats"


def _standing(site: Site, trader: Trader) -> str:
    """The orders that stand at the exchange, by its own list. None would be no proof, whatever the log says."""
    return ", ".join(f"{each.qty} {each.symbol} at {each.limit}, {each.status}" for each in _orders(site, trader))


def _orders(site: Site, trader: Trader) -> tuple[StandingOrder, ...]:
    found = Book.of(site.stage.venue.state()).of_account(trader.number).orders
    if not found:
        raise StepFailedError(
            f"an order of {trader.account} at the exchange", "none", next_step="read ops-deploy.txt in the evidence"
        )
    return found


def _verdict(site: Site, release: str, seen: str, expected: str) -> None:
    site.record.verdicts.append(Verdict(release, seen))
    if seen != expected:
        raise StepFailedError(
            f"{release} to be judged {expected}", seen, next_step="read ops-deploy*.txt in the evidence"
        )


# ------------------------------------------------------------------------------------------------- the broken release


def _break(site: Site, released: str) -> None:
    """Deploy what sends prices off the tick, with the words a person would: the canary's own lines condemn it.

    What went before the canary comes back with it; what comes after it is never touched.
    """
    site.record.teller.heading("a broken release, taken back")
    before, canary = site.running(), site.traders[0]
    with site.record.step("break", "building a release without the tick rule") as told:
        changed = site.source.break_ticks()
        finished, said = site.build("--allow-dirty")
        done("ops build --allow-dirty", finished)
        told(f"sandbox/broken.patch on the worktree ({changed}): {said['image']['tag'][-18:]}")
    with site.record.step("taken back", "deploying it") as told:
        acts: list[Act] = [(canary, partial(site.feed, each)) for each in (probes.BROKEN, probes.RESTORED)]
        finished, said = deploy(site, "ops-deploy-broken", acts, "--allow-dirty")
        _verdict(site, str(said["to"]["tag"]), str(said["verdict"]), "FAIL")
        told(f"`ops deploy`, {canary.service}: {_condemned(said)}, its own log says {_rejection(canary)}")
        told(_came_back(site, released, finished, said, before))
        told("what it left is in evidence/ops/")
    with site.record.step("never there", "asking whether it reached any service after it") as told:
        after = site.running()
        for each in _after(site.services, canary.service):
            told(untouched(each, before[each], after[each]))
    site.source.mend()


def _came_back(
    site: Site, released: str, finished: Finished, said: Mapping[str, Any], before: Mapping[str, Running]
) -> str:
    """That each service it had reached runs what ran before, and was judged again; in the words of the proof."""
    again: Mapping[str, str] = (said["restored"] or {}).get("verdicts") or {}
    _verdict(site, released, next((each for each in again.values() if each != "PASS"), "PASS"), "PASS")
    wanted = {name: each.revision for name, each in before.items()}
    there = {name: each.revision for name, each in site.running().items()}
    reached = set(site.services) - set(_after(site.services, site.traders[0].service))
    if finished.code != _TAKEN_BACK or there != wanted or set(again) != reached:
        raise StepFailedError(
            f"exit code {_TAKEN_BACK}, {wanted}, and {', '.join(sorted(reached))} judged again",
            f"exit code {finished.code}, {there}, and {', '.join(sorted(again)) or 'none'}",
            next_step="read ops-deploy-broken.txt in the evidence",
        )
    told = ", ".join(f"{each} to {there[each].rpartition(':')[2]} ({verdict})" for each, verdict in again.items())
    return f"taken back and judged again, {told}; exit code {finished.code}"


def _after(services: Sequence[str], canary: str) -> Sequence[str]:
    """The services that are released after the canary."""
    return services[services.index(canary) + 1 :]


def untouched(service: str, before: Running, after: Running) -> str:
    """That ECS did nothing to a service meanwhile: the same revision, the same task, and no deployment more.

    Raises:
        StepFailedError: it did, or the service runs nothing, which would be no proof.
    """
    if before != after or not after.tasks:
        raise StepFailedError(
            f"{service} as it was: {before}", str(after), next_step="ask `ops history` who deployed it"
        )
    task, made = ", ".join(sorted(after.tasks)), len(after.deployments)
    return (
        f"{service} runs {after.revision} in the same task, {task[:8]}; "
        f"ECS lists {made} deployment{'' if made == 1 else 's'} of it, as before"
    )


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


def _rejection(trader: Trader) -> str:
    """The line of the log that condemns it."""
    found = next(each for each in trader.watch.heard if isinstance(each, events.OrderRejected))
    return f"{found.name}, HTTP {found.http_status}: {found.message}"


def _keep_ops(site: Site) -> None:
    """What `ops` saved before it took anything back."""
    saved = site.source.folder / ".ops" / "evidence"
    if saved.exists():
        shutil.copytree(saved, site.world.evidence / "ops", ignore=shutil.ignore_patterns(".gitignore"))


def _testimony(site: Site) -> list[Witnesses]:
    """Hear every log to its end, ask exchange and database, keep it all."""
    for each in (*site.keepers, *site.traders):
        each.hear_out()
    said = evidence(site.world, site.stage, *site.services)
    return [said.with_log_of(each) for each in site.traders]
