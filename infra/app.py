"""The app: reads the inventory and the context once, and makes the stacks. Run as `python -m infra.app`.

Context (`cdk -c KEY=VALUE`), read here and nowhere else:
    environment    the environment to stand up; without it, the inventory's default one
    inventory      path of the inventory; without it, pipeline.toml in the working directory
    database_url   of the sandbox's database, `postgresql://user@host:port/name`: its port is chosen when it starts
    broker_url     of the sandbox's exchange, likewise
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aws_cdk import App, Environment, Tags

from contract.inventory import FILE_NAME, load
from contract.names import PROJECT, TagKey
from infra import declared
from infra.declared import Declared
from infra.delivery import Delivery
from infra.foundation import Foundation
from infra.observability import Observability
from infra.registry import Registry
from infra.schedules import Schedules
from infra.services import Services

SETTINGS = "cdk.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stacks:
    """Every stack of an environment."""

    registry: Registry
    foundation: Foundation
    observability: Observability
    services: Services
    schedules: Schedules
    delivery: Delivery | None


def main() -> None:
    """Synthesise into the folder that the CDK command line names."""
    app = App(context=flags(Path(SETTINGS)))
    stand_up(app, _asked_for(app))
    app.synth()


def flags(settings: Path) -> dict[str, Any]:
    """The library's feature flags. Read here too, so that the app makes the same templates without the command line."""
    given: dict[str, Any] = json.loads(settings.read_text("utf-8"))["context"]
    return given


def stand_up(app: App, what: Declared) -> Stacks:
    """Make the stacks of an environment, and hand each what it needs of the others."""
    place = what.place
    env = Environment(account=place.account, region=place.region)
    _tell_zones(app, what)
    Tags.of(app).add(TagKey.PROJECT, PROJECT)
    Tags.of(app).add(TagKey.ENVIRONMENT, what.environment)

    registry = Registry(app, declared=what, env=env)
    foundation = Foundation(app, declared=what, env=env)
    observability = Observability(app, declared=what, ground=foundation.ground, env=env)
    services = Services(
        app,
        declared=what,
        ground=foundation.ground,
        registry=registry,
        deployment_alarms=observability.deployment_alarms,
        env=env,
    )
    # By name only, so it must be said: an alarm has to be there before a deployment can be taken back by it.
    services.add_stack_dependency(observability, "deployment alarms are named, not referenced")
    # By dynamic reference only: a database of our own takes its password from the registry's secret.
    foundation.add_stack_dependency(registry, "the database's password is in the registry's secret")
    schedules = Schedules(app, declared=what, ground=foundation.ground, services=services, env=env)
    return Stacks(
        registry=registry,
        foundation=foundation,
        observability=observability,
        services=services,
        schedules=schedules,
        delivery=_delivery(
            app,
            what=what,
            registry=registry,
            observability=observability,
            services=services,
            schedules=schedules,
            env=env,
        ),
    )


def _delivery(
    app: App,
    *,
    what: Declared,
    registry: Registry,
    observability: Observability,
    services: Services,
    schedules: Schedules,
    env: Environment,
) -> Delivery | None:
    """Where only people deploy, there is no role for machines."""
    if what.place.delivery is None:
        return None
    return Delivery(
        app,
        declared=what,
        who=what.place.delivery,
        registry=registry,
        alerts=observability.alerts,
        services=services,
        schedules=schedules,
        env=env,
    )


def _asked_for(app: App) -> Declared:
    context = {key: app.node.try_get_context(key) for key in ("environment", "inventory", "database_url", "broker_url")}
    inventory = load(Path(context["inventory"] or FILE_NAME))
    what = declared.of(inventory, context["environment"])
    return declared.at(what, database_url=context["database_url"], broker_url=context["broker_url"])


def _tell_zones(app: App, what: Declared) -> None:
    """A network with named zones looks them up all the same, in the account; here is the answer."""
    key = f"availability-zones:account={what.place.account}:region={what.place.region}"
    app.node.set_context(key, list(what.place.network.availability_zones))


if __name__ == "__main__":
    main()
