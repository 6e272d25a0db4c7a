"""CloudFormation where ministack's falls short of it: what the templates of this project use, and no more.

Imported at the first CloudFormation call, because ministack's own loads fifty services with it.
"""
# ruff: noqa: SLF001 - it works on private names of one exact version of ministack, guarded by sandbox.aws.fits

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from uuid import uuid4

from sandbox.aws import fits
from sandbox.aws.answers import REFUSED, Response
from sandbox.aws.board import Record
from sandbox.aws.service_api import ServiceApi
from sandbox.aws.upstream import ecs, scheduler, secretsmanager
from sandbox.aws.upstream_cfn import provisioners, stacks

_SERVICE = "AWS::ECS::Service"
_AS_WRITTEN = ("DockerLabels", "Options", "DriverOpts", "Labels")
"""Maps whose keys are the user's own."""
_KEYS = {"EFSVolumeConfiguration": "efsVolumeConfiguration"}
"""Keys that do not only lose their first capital."""
_NUMBERS = {"cpu", "memory"}
"""Numbers that the ECS API takes as text on a task definition."""
_SERVICE_FIELDS = (
    "TaskDefinition",
    "DesiredCount",
    "LaunchType",
    "CapacityProviderStrategy",
    "NetworkConfiguration",
    "LoadBalancers",
    "ServiceRegistries",
    "HealthCheckGracePeriodSeconds",
    "EnableExecuteCommand",
    "EnableECSManagedTags",
    "PropagateTags",
    "PlatformVersion",
    "SchedulingStrategy",
    "DeploymentController",
    "DeploymentConfiguration",
)
_SCHEDULE_FIELDS = (
    "GroupName",
    "ScheduleExpression",
    "ScheduleExpressionTimezone",
    "FlexibleTimeWindow",
    "Target",
    "State",
    "Description",
    "StartDate",
    "EndDate",
    "KmsKeyArn",
    "ActionAfterCompletion",
)


def patches(services: ServiceApi, seconds: float) -> Iterator[fits.Patch]:
    """Apply, one by one, what CloudFormation needs.

    Args:
        services: makes, changes and ends the ECS services of a stack, and knows when they are steady.
        seconds: how long a stack waits for one.
    """
    made = "(logical_id, props, stack_name)"
    why = "lost secrets, health check, capabilities and volumes"
    yield fits.function(provisioners, "_ecs_task_def_create", _make_definition, takes=made, why=why)
    handlers: dict[str, Any] = {
        "AWS::ECS::TaskDefinition": _handlers("AWS::ECS::TaskDefinition", create=_make_definition),
        _SERVICE: _StackServices(services, seconds).handlers(),
        "AWS::SecretsManager::Secret": _secrets(),
        "AWS::Scheduler::Schedule": {
            "create": _make_schedule,
            "update": _change_schedule,
            "update_with_logical_id": True,
            "delete": provisioners._scheduler_schedule_delete,
        },
    }
    why = "lost properties, named a secret by its name, and did not wait for a service"
    yield fits.entries(provisioners, "_RESOURCE_HANDLERS", handlers, why=why)
    rules = {f"AWS::EC2::SecurityGroup{name}": _rule_handlers(name) for name in ("Ingress", "Egress")}
    yield fits.entries(provisioners, "_RESOURCE_HANDLERS", rules, why="were missing", known=False)
    aside = _aside(stacks._runs_on_worker_thread)
    takes = "(resource_type: str) -> bool"
    yield fits.function(stacks, "_runs_on_worker_thread", aside, takes=takes, why="a waiting stack would block all")


def _handlers(kind: str, **changed: Any) -> Record:
    return {**provisioners._RESOURCE_HANDLERS[kind], **changed}


def _aside(inner: Callable[[str], bool]) -> Callable[[str], bool]:
    return lambda resource_type: resource_type == _SERVICE or inner(resource_type)


def camel(value: Any) -> Any:
    """A template's PascalCase as the API's camelCase, the user's own maps left as they are."""
    if isinstance(value, list):
        return [camel(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {_key(name): each if name in _AS_WRITTEN else camel(each) for name, each in value.items()}


def _key(name: str) -> str:
    return _KEYS.get(name, name[:1].lower() + name[1:])


def _typed(value: Any, numbers: frozenset[str], name: str = "") -> Any:
    """A template may write numbers and booleans as text; the API takes them as they are."""
    if isinstance(value, dict):
        return {key: _typed(each, numbers, key) for key, each in value.items()}
    if isinstance(value, list):
        return [_typed(each, numbers, name) for each in value]
    if name in numbers and isinstance(value, str) and value.lstrip("-").isdigit():
        return int(value)
    return value


def _make_definition(logical_id: str, props: Mapping[str, Any], stack_name: str) -> tuple[str, Record]:
    """Register what the template describes, as RegisterTaskDefinition takes it."""
    asked: Record = camel({name: value for name, value in props.items() if name != "Tags"})
    asked.setdefault("family", f"{stack_name}-{logical_id}")
    asked |= {name: str(asked[name]) for name in _NUMBERS if name in asked}
    asked["tags"] = camel(props.get("Tags") or [])
    definition = _answer(ecs._register_task_definition(asked), "AWS::ECS::TaskDefinition")["taskDefinition"]
    arn = definition["taskDefinitionArn"]
    return arn, {"TaskDefinitionArn": arn}


class _StackServices:
    """ECS services as a stack makes, changes and ends them: it waits, and fails when they fail."""

    def __init__(self, services: ServiceApi, seconds: float) -> None:
        self._services = services
        self._seconds = seconds

    def handlers(self) -> Record:
        return {"create": self._create, "update": self._update, "delete": self._delete}

    def _create(self, logical_id: str, props: Mapping[str, Any], stack_name: str) -> tuple[str, Record]:
        name, cluster = props.get("ServiceName") or f"{stack_name}-{logical_id}", props.get("Cluster") or "default"
        asked = _service_fields(props, {}) | {
            "serviceName": name,
            "cluster": cluster,
            "tags": camel(props.get("Tags") or []),
        }
        # A replica service without a count gets one task from CloudFormation.
        asked.setdefault("desiredCount", 1)
        service = _answer(ecs._create_service(asked), _SERVICE)["service"]
        self._settle(cluster, name)
        return service["serviceArn"], {"ServiceArn": service["serviceArn"], "Name": name}

    def _update(
        self, physical_id: str, old: Mapping[str, Any], new: Mapping[str, Any], stack_name: str
    ) -> tuple[str, Record]:
        del stack_name  # the service keeps the name it was made with
        name, cluster = physical_id.rsplit("/", 1)[-1], new.get("Cluster") or "default"
        _answer(ecs._update_service(_service_fields(new, old) | {"service": name, "cluster": cluster}), _SERVICE)
        _retag(physical_id, old, new)
        self._settle(cluster, name)
        return physical_id, {"ServiceArn": physical_id, "Name": name}

    def _delete(self, physical_id: str, props: Mapping[str, Any]) -> None:
        name, cluster = physical_id.rsplit("/", 1)[-1], props.get("Cluster") or "default"
        ecs._delete_service({"service": name, "cluster": cluster, "force": True})
        if not self._services.ended(cluster, name, self._seconds):
            raise ValueError(f"{_SERVICE} {name} did not become INACTIVE in time")

    def _settle(self, cluster: str, name: str) -> None:
        wrong = self._services.settled(cluster, name, self._seconds)
        if wrong is not None:
            raise ValueError(
                f"Resource handler returned message: \"Error occurred during operation '{wrong}'.\" "
                f"(RequestToken: {uuid4()}, HandlerErrorCode: GeneralServiceException)"
            )


def _service_fields(new: Mapping[str, Any], old: Mapping[str, Any]) -> Record:
    """What differs between two versions of the template, as the API takes it."""
    changed = {name: new[name] for name in _SERVICE_FIELDS if name in new and new[name] != old.get(name)}
    numbers = frozenset({"DesiredCount", "MaximumPercent", "MinimumHealthyPercent", "Value"})
    fields: Record = camel(_typed(changed, numbers))
    return fields


def _retag(arn: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    tags = ecs._tags.setdefault(arn, [])
    provisioners._reconcile_tag_list(tags, dict(old), dict(new), key="key", value="value")


def _secrets() -> Record:
    """Ref of a secret is its ARN, and one that declares no value has none."""
    kind = "AWS::SecretsManager::Secret"
    inner = provisioners._RESOURCE_HANDLERS[kind]

    def name_of(arn: str) -> str:
        return str(secretsmanager._resolve(arn)[0] or arn)

    def create(logical_id: str, props: Record, stack_name: str) -> tuple[str, Record]:
        name, attributes = inner["create"](logical_id, _generated(props), stack_name)
        if "SecretString" not in props and "GenerateSecretString" not in props:
            secretsmanager._secrets[name]["Versions"] = {}
        return attributes["Arn"], attributes

    def update(arn: str, old: Record, new: Record, stack_name: str, logical_id: str) -> tuple[str, Record]:
        _, attributes = inner["update"](name_of(arn), _generated(old), _generated(new), stack_name, logical_id)
        return attributes["Arn"], attributes

    def delete(arn: str, props: Record) -> None:
        inner["delete"](name_of(arn), props)

    return _handlers(kind, create=create, update=update, delete=delete)


def _generated(props: Record) -> Record:
    """An empty GenerateSecretString asks for a random value too; ministack takes it for none."""
    return (
        props | {"GenerateSecretString": {"PasswordLength": 32}} if props.get("GenerateSecretString") == {} else props
    )


def _make_schedule(logical_id: str, props: Mapping[str, Any], stack_name: str) -> tuple[str, Record]:
    name = props.get("Name") or provisioners._physical_name(stack_name, logical_id, max_len=64)
    _answer(scheduler._create_schedule(name, _schedule(props)), "AWS::Scheduler::Schedule")
    return name, {"Arn": scheduler._schedule_arn(props.get("GroupName") or "default", name)}


def _change_schedule(
    physical_id: str, old: Mapping[str, Any], new: Mapping[str, Any], stack_name: str, logical_id: str
) -> tuple[str, Record]:
    """UpdateSchedule replaces every field; another name or group is another schedule."""
    if any(old.get(name) != new.get(name) for name in ("Name", "GroupName")):
        return _make_schedule(logical_id, new, stack_name)
    _answer(scheduler._update_schedule(physical_id, _schedule(new)), "AWS::Scheduler::Schedule")
    return physical_id, {"Arn": scheduler._schedule_arn(new.get("GroupName") or "default", physical_id)}


def _schedule(props: Mapping[str, Any]) -> Record:
    numbers = frozenset({"MaximumRetryAttempts", "MaximumEventAgeInSeconds", "TaskCount", "MaximumWindowInMinutes"})
    body: Record = _typed({name: props[name] for name in _SCHEDULE_FIELDS if name in props}, numbers)
    parameters = body["Target"].get("EcsParameters") or {}
    # The template capitalises what the API does not.
    if "NetworkConfiguration" in parameters:
        vpc = parameters["NetworkConfiguration"].get("AwsvpcConfiguration") or {}
        parameters["NetworkConfiguration"] = {"awsvpcConfiguration": vpc}
    for name in ("CapacityProviderStrategy", "PlacementConstraints", "PlacementStrategy"):
        if name in parameters:
            parameters[name] = camel(parameters[name])
    return body


def _rule_handlers(direction: str) -> Record:
    """`AWS::EC2::SecurityGroupIngress` and `-Egress`: one rule of a group that is made elsewhere."""
    store = "IpPermissions" if direction == "Ingress" else "IpPermissionsEgress"

    def group(props: Mapping[str, Any]) -> Record:
        found: Record | None = provisioners._ec2._security_groups.get(props.get("GroupId"))
        if found is None:
            raise ValueError(f"The security group '{props.get('GroupId')}' does not exist")
        return found

    def create(logical_id: str, props: Record, stack_name: str) -> tuple[str, Record]:
        del logical_id, stack_name  # a rule has no name
        group(props)[store].extend(provisioners._ec2_sg_permissions([props]))
        identity = f"sgr-{uuid4().hex[:17]}"
        return identity, {"Id": identity}

    def delete(physical_id: str, props: Record) -> None:
        del physical_id  # a rule is found by what it says
        found = provisioners._ec2._security_groups.get(props.get("GroupId"))
        for rule in provisioners._ec2_sg_permissions([props]):
            if found and rule in found[store]:
                found[store].remove(rule)

    def update(physical_id: str, old: Record, new: Record, stack_name: str) -> tuple[str, Record]:
        delete(physical_id, old)
        create("", new, stack_name)
        return physical_id, {"Id": physical_id}

    return {"create": create, "update": update, "delete": delete}


def _answer(response: Response, kind: str) -> Record:
    status, _, body = response
    answer: Record = json.loads(body)
    if status >= REFUSED:
        code = answer.get("__type", "")
        raise ValueError(f"{kind}: {answer.get('message') or answer.get('Message')} (Service error code: {code})")
    return answer
