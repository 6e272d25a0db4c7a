"""What a release leaves: what stands through unrelated changes, what is told of it, and how it all ends."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from time import monotonic, sleep
from typing import Any

from sandbox.acts import keep
from sandbox.record import StepFailedError
from sandbox.site import Site, told_short
from sandbox.stage import done
from sandbox.trader import Trader

_BOOKS_SECONDS = 20
"""The broker is read every five seconds, and each heartbeat says what was read."""
_PAUSE = 1.0

Held = Mapping[str, Mapping[str, Decimal]]
"""Shares by account and symbol, negative when short."""


def keep_books(site: Site) -> None:
    """The position managers hold what the exchange holds, account by account."""
    with site.record.step("positions", "asking what is held") as told:
        until = monotonic() + _BOOKS_SECONDS
        while (said := _asked(site)) != (there := held(site.stage.venue.state(), site.keepers)) and monotonic() < until:
            sleep(_PAUSE)
        if said != there or not all(there.values()):
            raise StepFailedError(
                f"positions as at the exchange: {there}", str(said), next_step="read positions.json in the evidence"
            )
        counted = " and ".join(f"{len(positions)} of {account}" for account, positions in there.items())
        told(f"`ops positions`: {counted}, each as the exchange has it")


def _asked(site: Site) -> Held:
    finished, said = site.ops.run("positions")
    keep(site.world, "positions.json", finished.stdout)
    return reported(said)


def reported(said: Mapping[str, Any]) -> Held:
    """What the position managers said last; nothing of an account that is not known."""
    known = [each for each in said["accounts"] if each["missing"] is None]
    return {each["account"]: {one["symbol"]: Decimal(one["qty"]) for one in each["positions"]} for each in known}


def held(state: Mapping[str, Any], keepers: Iterable[Trader]) -> Held:
    """What the exchange holds for each position manager's account."""
    found = {each["account_number"]: each["positions"] for each in state["accounts"]}
    return {each.account: {one["symbol"]: Decimal(one["qty"]) for one in found[each.number]} for each in keepers}


def leave_alone(site: Site) -> None:
    """An unrelated change of the stacks takes effect, and the release stays."""
    site.record.teller.heading("what stands")
    with site.record.step("unrelated", "deploying the stacks with another limit and retention") as told:
        before, templates = site.running(), _templates(site)
        site.ground.deploy_changed(site.world)
        after, newer = site.running(), _templates(site)
        if after != before or any(newer[each] == templates[each] for each in site.services):
            raise StepFailedError(
                f"{before} as before, and newer templates than {templates}",
                f"{after}, and {newer}",
                next_step="read cdk-deploy-changed.err in the run's folder",
            )
        told(f"`cdk deploy` made a newer template of each service: {', '.join(newer.values())}")
        told(f"{told_short(after)} still run, each in its tasks and by its deployment")


def _templates(site: Site) -> dict[str, str]:
    """The newest template of each service."""
    return {each: site.cloud.newest(site.names.template_family(each)) for each in site.services}


def hold_clocks(site: Site) -> None:
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


def look_back(site: Site) -> None:
    """Ask what is true, what a rollback would do, and what was deployed."""
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


def stop(site: Site) -> None:
    """Stop the endpoint: nothing of its tasks is left."""
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
