"""Every request of the release engine, held against botocore's model of the service it is for."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contract.names import CONTAINER, Key, Names
from ops.aws.control import ControlTable
from ops.aws.ecs import EcsCluster
from ops.aws.identity import ci_run, who
from ops.aws.parameters import SsmParameters
from ops.aws.schedules import UPDATABLE, AwsSchedules
from ops.aws.session import AwsError, Call
from ops.core.lock import Lock
from ops.core.seen import Rollout, Service, Who
from ops.errors import Exit, OpsError
from tests.ops.aws.stubbed import refuse, stubbed

NAMES = Names("lab")
NOW = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)
REVISION = "arn:aws:ecs:us-west-2:123456789012:task-definition/ops-pipeline-lab-dispatcher-large:7"
CLUSTER = {"cluster": NAMES.cluster}
DEPLOYED: dict[str, Any] = {
    "serviceName": "dispatcher-large",
    "status": "ACTIVE",
    "taskDefinition": REVISION,
    "desiredCount": 1,
    "runningCount": 1,
    "deployments": [
        {
            "id": "ecs-svc/1",
            "status": "PRIMARY",
            "taskDefinition": REVISION,
            "rolloutState": "NEW_WORD",
            "failedTasks": 2,
        }
    ],
    "events": [{"message": "has reached a steady state.", "createdAt": NOW}],
    "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
}
SERVICE = Service(
    name="dispatcher-large",
    active=True,
    revision=REVISION,
    desired=1,
    running=1,
    network={"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
)


# --------------------------------------------------------------------------------------------------------------- ECS


def test_a_service_is_read_with_its_deployments_and_a_word_nobody_knows_is_unknown() -> None:
    with stubbed("ecs") as (aws, stub):
        stub.add_response("describe_services", {"services": [DEPLOYED]}, {**CLUSTER, "services": ["dispatcher-large"]})

        seen = EcsCluster(aws, NAMES).service("dispatcher-large")

    assert seen is not None
    assert seen.primary is not None
    assert (seen.primary.rollout, seen.primary.failed) == (Rollout.UNKNOWN, 2)
    assert seen.events[0].text == "has reached a steady state."


@pytest.mark.parametrize("code", ["ClusterNotFoundException", "ServiceNotFoundException"])
def test_a_service_that_is_not_there_is_none(code: str) -> None:
    with stubbed("ecs") as (aws, stub):
        refuse(stub, "describe_services", code)

        assert EcsCluster(aws, NAMES).service("dispatcher-large") is None


def test_the_clusters_services_are_listed_ten_to_a_request_whoever_made_them() -> None:
    arns = [f"arn:aws:ecs:us-west-2:123456789012:service/{NAMES.cluster}/s{number}" for number in range(11)]
    with stubbed("ecs") as (aws, stub):
        stub.add_response("list_services", {"serviceArns": arns}, CLUSTER)
        stub.add_response("describe_services", {"services": [DEPLOYED]}, {**CLUSTER, "services": arns[:10]})
        stub.add_response("describe_services", {"services": []}, {**CLUSTER, "services": arns[10:]})

        assert [each.name for each in EcsCluster(aws, NAMES).all_services()] == ["dispatcher-large"]


def test_the_clusters_tasks_are_listed_whatever_their_family() -> None:
    task = {"taskArn": f"arn:aws:ecs:us-west-2:123456789012:task/{NAMES.cluster}/t1", "lastStatus": "RUNNING"}
    with stubbed("ecs") as (aws, stub):
        stub.add_response("list_tasks", {"taskArns": [task["taskArn"]]}, {**CLUSTER, "desiredStatus": "RUNNING"})
        stub.add_response("describe_tasks", {"tasks": [task]}, {**CLUSTER, "tasks": [task["taskArn"]]})

        (seen,) = EcsCluster(aws, NAMES).all_tasks()

    assert (seen.id, seen.running, seen.group, seen.started_by) == ("t1", True, "", "")


def test_without_a_cluster_there_are_no_services_and_no_tasks() -> None:
    with stubbed("ecs") as (aws, stub):
        refuse(stub, "list_services", "ClusterNotFoundException")
        refuse(stub, "list_tasks", "ClusterNotFoundException")

        cluster = EcsCluster(aws, NAMES)

        assert (cluster.all_services(), cluster.all_tasks()) == ((), ())


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        ({"revision": REVISION, "desired": None}, {"taskDefinition": REVISION}),
        ({"revision": REVISION, "desired": 1}, {"taskDefinition": REVISION, "desiredCount": 1}),
        ({"revision": None, "desired": 0}, {"desiredCount": 0}),
        (
            {"revision": REVISION, "desired": None, "force": True},
            {"taskDefinition": REVISION, "forceNewDeployment": True},
        ),
    ],
)
def test_an_update_sends_what_the_release_owns_and_nothing_else(asked: dict[str, Any], sent: dict[str, Any]) -> None:
    with stubbed("ecs") as (aws, stub):
        stub.add_response("update_service", {"service": DEPLOYED}, {**CLUSTER, "service": "dispatcher-large", **sent})

        EcsCluster(aws, NAMES).update("dispatcher-large", **asked)


def test_a_definition_is_read_with_only_what_may_be_registered_again() -> None:
    described = {
        "taskDefinitionArn": REVISION,
        "family": "ops-pipeline-lab-dispatcher-large",
        "revision": 7,
        "status": "ACTIVE",
        "requiresAttributes": [{"name": "x"}],
        "compatibilities": ["FARGATE"],
        "registeredBy": "arn:trader",
        "containerDefinitions": [{"name": CONTAINER, "image": "r@sha256:1", "mountPoints": []}],
        "cpu": "256",
        "volumes": [],
    }
    tags = [{"key": "ops-pipeline:verdict", "value": "PASS"}]
    with stubbed("ecs") as (aws, stub):
        asked = {"taskDefinition": REVISION, "include": ["TAGS"]}
        stub.add_response("describe_task_definition", {"taskDefinition": described, "tags": tags}, asked)

        found = EcsCluster(aws, NAMES).definition(REVISION)

    assert found is not None
    assert found.document.keys() == {"containerDefinitions", "cpu"}
    assert (found.tags, found.registered_by) == ({"ops-pipeline:verdict": "PASS"}, "arn:trader")


def test_a_family_without_an_active_revision_has_no_definition() -> None:
    with stubbed("ecs") as (aws, stub):
        refuse(stub, "describe_task_definition", "ClientException")

        assert EcsCluster(aws, NAMES).definition("nope") is None


def test_a_revision_is_registered_and_tagged() -> None:
    document = {"containerDefinitions": [{"name": CONTAINER, "image": "r@sha256:1"}], "cpu": "256"}
    tags = [{"key": "ops-pipeline:digest", "value": "sha256:1"}]
    with stubbed("ecs") as (aws, stub):
        request = {"family": "f", **document, "tags": tags}
        stub.add_response("register_task_definition", {"taskDefinition": {"taskDefinitionArn": REVISION}}, request)
        stub.add_response("tag_resource", {}, {"resourceArn": REVISION, "tags": tags})

        cluster = EcsCluster(aws, NAMES)
        assert cluster.register("f", document, {"ops-pipeline:digest": "sha256:1"}) == REVISION
        cluster.tag(REVISION, {"ops-pipeline:digest": "sha256:1"})


def test_running_and_stopped_tasks_of_a_family_are_read_with_what_they_really_run() -> None:
    arn = "arn:aws:ecs:us-west-2:123456789012:task/ops-pipeline-lab/abc"
    described = {
        "taskArn": arn,
        "taskDefinitionArn": REVISION,
        "group": "service:dispatcher-large",
        "lastStatus": "STOPPED",
        "stopCode": "EssentialContainerExited",
        "stoppedReason": "Essential container in task exited",
        "containers": [
            {"name": "sidecar", "exitCode": 0},
            {"name": CONTAINER, "imageDigest": "sha256:1", "exitCode": 137, "reason": "OutOfMemoryError"},
        ],
    }
    with stubbed("ecs") as (aws, stub):
        listed = {**CLUSTER, "family": "f"}
        stub.add_response("list_tasks", {"taskArns": []}, {**listed, "desiredStatus": "RUNNING"})
        stub.add_response("list_tasks", {"taskArns": [arn]}, {**listed, "desiredStatus": "STOPPED"})
        stub.add_response("describe_tasks", {"tasks": [described]}, {**CLUSTER, "tasks": [arn]})

        (task,) = EcsCluster(aws, NAMES).tasks("f")

    assert (task.id, task.digest, task.exit_code, task.died) == ("abc", "sha256:1", 137, True)
    assert task.reason == "Essential container in task exited; OutOfMemoryError"


def test_a_one_off_task_runs_in_the_services_network_once_per_token() -> None:
    request = {
        **CLUSTER,
        "taskDefinition": REVISION,
        "launchType": "FARGATE",
        "count": 1,
        "startedBy": "20261123T143000Z-7",
        "clientToken": "20261123T143000Z-7-check",
        "overrides": {"containerOverrides": [{"name": CONTAINER, "command": ["check", "--json"]}]},
        "networkConfiguration": SERVICE.network,
    }
    answer = {"tasks": [{"taskArn": "arn:aws:ecs:r:1:task/c/abc", "lastStatus": "PROVISIONING"}]}
    with stubbed("ecs") as (aws, stub):
        stub.add_response("run_task", answer, request)
        cluster = EcsCluster(aws, NAMES)

        task = cluster.run(
            REVISION, ("check", "--json"), like=SERVICE, by="20261123T143000Z-7", token="20261123T143000Z-7-check"
        )

    assert (task.id, task.ended) == ("abc", False)


def test_a_task_that_ecs_has_no_place_for_has_failed_to_start() -> None:
    with stubbed("ecs") as (aws, stub):
        stub.add_response("run_task", {"tasks": [], "failures": [{"reason": "RESOURCE:MEMORY"}]})

        task = EcsCluster(aws, NAMES).run(REVISION, ("migrate",), like=SERVICE, by="d", token="t")

    assert (task.ended, task.died, task.reason) == (True, True, "RESOURCE:MEMORY")


def test_ecs_own_history_is_joined_from_three_answers() -> None:
    arn, target = "arn:deployment/1", "arn:revision/1"
    detail = {
        "serviceDeploymentArn": arn,
        "status": "ROLLBACK_SUCCESSFUL",
        "targetServiceRevision": {"arn": target},
        "rollback": {"reason": "alarm detected"},
        "alarms": {"triggeredAlarmNames": ["sub-penny"]},
    }
    with stubbed("ecs") as (aws, stub):
        since = NOW - timedelta(minutes=5)
        asked = {**CLUSTER, "service": "s", "createdAt": {"after": since}, "maxResults": 20}
        listed = {"serviceDeployments": [{"serviceDeploymentArn": arn}]}
        stub.add_response("list_service_deployments", listed, asked)
        described = {"serviceDeployments": [detail]}
        stub.add_response("describe_service_deployments", described, {"serviceDeploymentArns": [arn]})
        revisions = {"serviceRevisions": [{"serviceRevisionArn": target, "taskDefinition": REVISION}]}
        stub.add_response("describe_service_revisions", revisions, {"serviceRevisionArns": [target]})

        (past,) = EcsCluster(aws, NAMES).past("s", since)

    assert (past.status, past.revision, past.alarms) == ("ROLLBACK_SUCCESSFUL", REVISION, ("sub-penny",))


# ------------------------------------------------------------------------------------------------------ control table

TABLE = NAMES.control_table
WHO = Who(arn="arn:trader", host="desk", ci="https://ci/1")
LOCK = Lock(fence=7, token="mine", who=WHO, purpose="deploy", since=NOW, expires=NOW + timedelta(seconds=120))
MILLISECONDS = int(NOW.timestamp() * 1000)
ITEM = {
    "pk": {"S": "deploy"},
    "sk": {"S": "lock"},
    "fence": {"N": "7"},
    "token": {"S": "mine"},
    "who": {"S": "arn:trader"},
    "host": {"S": "desk"},
    "ci": {"S": "https://ci/1"},
    "purpose": {"S": "deploy"},
    "since": {"S": NOW.isoformat()},
    "expires": {"N": str(MILLISECONDS + 120_000)},
}


def test_taking_the_lock_gives_the_next_fencing_number_and_is_conditional() -> None:
    with stubbed("dynamodb") as (aws, stub):
        stub.add_response("update_item", {"Attributes": ITEM})

        assert ControlTable(aws, TABLE).take(LOCK, NOW) == LOCK


def test_a_lock_that_somebody_holds_is_not_taken_and_one_that_was_lost_is_not_renewed() -> None:
    with stubbed("dynamodb") as (aws, stub):
        refuse(stub, "update_item", "ConditionalCheckFailedException")
        refuse(stub, "update_item", "ConditionalCheckFailedException")

        table = ControlTable(aws, TABLE)
        assert table.take(LOCK, NOW) is None
        assert not table.renew(LOCK, NOW)


def test_an_item_is_written_together_with_the_check_of_the_fence() -> None:
    check = {
        "TableName": TABLE,
        "Key": {"pk": {"S": "deploy"}, "sk": {"S": "lock"}},
        "ConditionExpression": "fence = :fence",
        "ExpressionAttributeValues": {":fence": {"N": "7"}},
    }
    item = {"pk": {"S": "p"}, "sk": {"S": "s"}, "document": {"S": '{"a": 1}'}, "fence": {"N": "7"}}
    with stubbed("dynamodb") as (aws, stub):
        wanted = [{"ConditionCheck": check}, {"Put": {"TableName": TABLE, "Item": item}}]
        stub.add_response("transact_write_items", {}, {"TransactItems": wanted})

        assert ControlTable(aws, TABLE).write(Key("p", "s"), {"a": 1}, 7)


def test_a_missing_control_table_is_a_finding_with_its_fix() -> None:
    with stubbed("dynamodb") as (aws, stub):
        refuse(stub, "get_item", "ResourceNotFoundException")

        with pytest.raises(OpsError, match="there is no control table") as caught:
            ControlTable(aws, TABLE).lock()
    assert (caught.value.exit_code, "registry" in caught.value.next_step) == (Exit.FINDINGS, True)


def test_the_newest_items_come_from_all_pages_greatest_first() -> None:
    def page(name: str, **more: Any) -> dict[str, Any]:
        return {"Items": [{"pk": {"S": "d"}, "sk": {"S": name}, "document": {"S": json.dumps({"id": name})}}], **more}

    with stubbed("dynamodb") as (aws, stub):
        stub.add_response("query", page("2", LastEvaluatedKey={"pk": {"S": "d"}, "sk": {"S": "2"}}))
        stub.add_response("query", page("1"))

        assert [each["id"] for each in ControlTable(aws, TABLE).newest("d", 5)] == ["2", "1"]


# --------------------------------------------------------------------------------- parameters, schedules, identity


def test_parameters_are_read_ten_at_a_time_and_those_that_are_missing_are_left_out() -> None:
    names = tuple(f"/p/{number}" for number in range(11))
    with stubbed("ssm") as (aws, stub):
        first = {"Parameters": [{"Name": "/p/3", "Value": "three"}], "InvalidParameters": ["/p/0"]}
        stub.add_response("get_parameters", first, {"Names": list(names[:10])})
        stub.add_response("get_parameters", {"Parameters": []}, {"Names": ["/p/10"]})

        assert SsmParameters(aws, "lab").read(names) == {"/p/3": "three"}


def test_a_parameter_that_exists_is_not_created_and_not_overwritten() -> None:
    with stubbed("ssm") as (aws, stub):
        refuse(stub, "put_parameter", "ParameterAlreadyExists")

        assert not SsmParameters(aws, "lab").create("/p", "none", "what runs")


def test_a_parameter_is_given_a_value() -> None:
    with stubbed("ssm") as (aws, stub):
        stub.add_response("put_parameter", {}, {"Name": "/p", "Value": "v", "Type": "String", "Overwrite": True})

        SsmParameters(aws, "lab").write("/p", "v")


@pytest.mark.parametrize(
    ("described", "why"),
    [
        ({"Name": "db", "VersionIdsToStages": {"x" * 32: ["AWSCURRENT"]}}, None),
        ({"Name": "db"}, "the secret db has no value yet"),
        ({"Name": "db", "DeletedDate": NOW}, "the secret db is marked for deletion"),
    ],
)
def test_a_secret_is_looked_for_and_never_read(described: dict[str, Any], why: str | None) -> None:
    with stubbed("secretsmanager") as (aws, stub):
        arn = "arn:aws:secretsmanager:r:1:secret:db"
        stub.add_response("describe_secret", described, {"SecretId": arn})

        assert SsmParameters(aws, "lab").secret_missing(arn) == why


def test_every_field_of_a_schedule_survives_the_move_to_another_revision() -> None:
    schedule = {
        "ActionAfterCompletion": "NONE",
        "Arn": "arn:schedule",
        "CreationDate": NOW,
        "Description": "before the open",
        "EndDate": NOW,
        "FlexibleTimeWindow": {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 5},
        "GroupName": "g",
        "KmsKeyArn": "arn:key",
        "Name": "check",
        "ScheduleExpression": "cron(0 9 ? * MON-FRI *)",
        "ScheduleExpressionTimezone": "America/New_York",
        "StartDate": NOW,
        "State": "DISABLED",
        "Target": {
            "Arn": "arn:cluster",
            "RoleArn": "arn:role",
            "Input": "{}",
            "DeadLetterConfig": {"Arn": "arn:queue"},
            "RetryPolicy": {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 300},
            "EcsParameters": {"TaskDefinitionArn": "old", "LaunchType": "FARGATE", "TaskCount": 1},
        },
    }
    target: dict[str, Any] = dict(schedule["Target"])  # type: ignore[call-overload] # a dictionary
    target["EcsParameters"] = {**target["EcsParameters"], "TaskDefinitionArn": REVISION}
    sent = {field: schedule[field] for field in UPDATABLE} | {"State": "ENABLED", "Target": target}
    with stubbed("scheduler") as (aws, stub):
        stub.add_response("get_schedule", schedule, {"GroupName": "g", "Name": "check"})
        stub.add_response("update_schedule", {"ScheduleArn": "arn:schedule"}, sent)
        stub.add_response("get_schedule", schedule | sent, {"GroupName": "g", "Name": "check"})

        AwsSchedules(aws, "g").point("check", REVISION, enabled=True)


def test_nothing_that_a_schedules_update_takes_is_left_out() -> None:
    with stubbed("scheduler") as (aws, _):
        takes = set(aws.client("scheduler").meta.service_model.operation_model("UpdateSchedule").input_shape.members)

    assert takes - {"ClientToken"} == set(UPDATABLE)


def test_a_group_that_is_not_there_has_no_schedules() -> None:
    with stubbed("scheduler") as (aws, stub):
        refuse(stub, "list_schedules", "ResourceNotFoundException")

        assert AwsSchedules(aws, "g").all() == ()


def test_who_speaks_and_for_which_ci_run() -> None:
    environ = {"GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "o/r", "GITHUB_RUN_ID": "5"}
    with stubbed("sts") as (aws, stub):
        stub.add_response("get_caller_identity", {"Arn": "arn:aws:iam::123456789012:user/trader"}, {})

        told = who(aws, environ)

    assert (told.arn, told.ci) == ("arn:aws:iam::123456789012:user/trader", "https://github.com/o/r/actions/runs/5")
    assert ci_run({}) == ""


def test_another_refusal_is_an_error_that_names_the_call() -> None:
    with stubbed("ecs") as (aws, stub):
        refuse(stub, "describe_services", "AccessDeniedException")

        with pytest.raises(AwsError, match="ecs:DescribeServices"):
            EcsCluster(aws, NAMES).service("s")
    assert str(Call("ecs", "DescribeServices", {})) == "ecs:DescribeServices"
