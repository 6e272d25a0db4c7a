"""Stacks: what a template says is what there is, and a stack is no better than its service."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.sandbox.aws.aws_world import REGION, World, eventually

_STEADY = """
import signal
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
print("up", flush=True)
signal.sigwait([signal.SIGTERM])
"""
_RETAIN = {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}
_LOG = {
    "LogDriver": "awslogs",
    "Options": {"awslogs-group": "/app", "awslogs-region": REGION, "awslogs-stream-prefix": "p"},
}


def _template(**resources: Any) -> dict[str, Any]:
    more = {name: resources.pop(name) for name in ("Parameters", "Conditions", "Outputs") if name in resources}
    return {"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources} | more


def _row(kind: str, policy: dict[str, str] | None = None, **properties: Any) -> dict[str, Any]:
    return {"Type": f"AWS::{kind}", "Properties": properties} | (policy or {})


def _over(world: World, name: str) -> dict[str, Any]:
    """The stack once its operation is over."""
    formation = world.client("cloudformation")

    def stack() -> dict[str, Any]:
        return dict(formation.describe_stacks(StackName=name)["Stacks"][0])

    eventually(lambda: not stack()["StackStatus"].endswith("_IN_PROGRESS"), 30)
    return stack()


def _made(world: World, template: dict[str, Any], name: str = "app", wanted: str = "CREATE_COMPLETE") -> dict[str, Any]:
    asked = {"StackName": name, "TemplateBody": json.dumps(template), "Capabilities": ["CAPABILITY_NAMED_IAM"]}
    world.client("cloudformation").create_stack(**asked)
    stack = _over(world, name)
    assert stack["StackStatus"] == wanted, _reasons(world, name)
    return stack


def _changed(world: World, template: dict[str, Any], name: str = "app", wanted: str = "UPDATE_COMPLETE") -> None:
    """An update by a change set, as the CDK makes it."""
    formation = world.client("cloudformation")
    asked = {"StackName": name, "ChangeSetName": "change", "Capabilities": ["CAPABILITY_NAMED_IAM"]}
    formation.create_change_set(TemplateBody=json.dumps(template), **asked)
    formation.get_waiter("change_set_create_complete").wait(
        StackName=name, ChangeSetName="change", WaiterConfig={"Delay": 0, "MaxAttempts": 10_000}
    )
    formation.execute_change_set(StackName=name, ChangeSetName="change")
    eventually(lambda: formation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"] != "CREATE_COMPLETE")
    assert _over(world, name)["StackStatus"] == wanted, _reasons(world, name)


def _deleted(world: World, name: str = "app") -> None:
    formation = world.client("cloudformation")
    formation.delete_stack(StackName=name)

    def gone() -> bool:
        try:
            status = formation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]
        except ClientError:
            return True
        assert status != "DELETE_FAILED", _reasons(world, name)
        return False

    eventually(gone, 30)


def _reasons(world: World, name: str = "app") -> list[str]:
    events = world.client("cloudformation").describe_stack_events(StackName=name)["StackEvents"]
    return [row["ResourceStatusReason"] for row in events if row.get("ResourceStatusReason")]


def _outputs(stack: dict[str, Any]) -> dict[str, str]:
    return {row["OutputKey"]: row["OutputValue"] for row in stack.get("Outputs", ())}


def _definition(image: str, **container: Any) -> dict[str, Any]:
    row = {"Name": "main", "Image": image, "Essential": True, "LogConfiguration": _LOG} | container
    return _row(
        "ECS::TaskDefinition",
        _RETAIN,
        Family="template",
        NetworkMode="awsvpc",
        Cpu="256",
        Memory="512",
        RequiresCompatibilities=["FARGATE"],
        ContainerDefinitions=[row],
    )


def _service(definition: Any, count: Any = 1, **more: Any) -> dict[str, Any]:
    breaker = {"Enable": True, "Rollback": True}
    return _row(
        "ECS::Service",
        ServiceName="worker",
        Cluster="main",
        LaunchType="FARGATE",
        DesiredCount=count,
        TaskDefinition=definition,
        DeploymentConfiguration={"DeploymentCircuitBreaker": breaker} | more,
    )


def test_a_task_definition_keeps_everything_the_template_says(world: World) -> None:
    world.cluster()
    row = {
        "ReadonlyRootFilesystem": True,
        "StopTimeout": 20,
        "Secrets": [{"Name": "S", "ValueFrom": "arn:aws:secretsmanager:r:1:secret:s-1:k::"}],
        "HealthCheck": {"Command": ["CMD", "x"], "Interval": 5, "Retries": 2, "StartPeriod": 3, "Timeout": 2},
        "LinuxParameters": {"Capabilities": {"Drop": ["ALL"]}, "InitProcessEnabled": True},
        "DockerLabels": {"Some.Label": "V"},
        "MountPoints": [{"SourceVolume": "scratch", "ContainerPath": "/scratch", "ReadOnly": False}],
    }
    definition = _definition("image", **row)
    definition["Properties"] |= {
        "Volumes": [{"Name": "scratch"}],
        "RuntimePlatform": {"CpuArchitecture": "X86_64", "OperatingSystemFamily": "LINUX"},
        "Tags": [{"Key": "who", "Value": "me"}],
    }

    _made(world, _template(Definition=definition))

    described = world.client("ecs").describe_task_definition(taskDefinition="template", include=["TAGS"])
    task, container = described["taskDefinition"], described["taskDefinition"]["containerDefinitions"][0]
    assert container["secrets"] == [{"name": "S", "valueFrom": "arn:aws:secretsmanager:r:1:secret:s-1:k::"}]
    assert container["healthCheck"] == {
        "command": ["CMD", "x"],
        "interval": 5,
        "retries": 2,
        "startPeriod": 3,
        "timeout": 2,
    }
    assert container["linuxParameters"] == {"capabilities": {"drop": ["ALL"]}, "initProcessEnabled": True}
    assert container["dockerLabels"] == {"Some.Label": "V"}
    assert container["logConfiguration"]["options"]["awslogs-group"] == "/app"
    assert (container["readonlyRootFilesystem"], container["stopTimeout"]) == (True, 20)
    assert container["mountPoints"][0]["containerPath"] == "/scratch"
    assert task["volumes"] == [{"name": "scratch"}]
    assert task["runtimePlatform"] == {"cpuArchitecture": "X86_64", "operatingSystemFamily": "LINUX"}
    assert {"key": "who", "value": "me"} in described["tags"]


def test_a_replaced_task_definition_stays_active_when_it_is_retained(world: World) -> None:
    _made(world, _template(Definition=_definition("one")))

    _changed(world, _template(Definition=_definition("two")))
    _deleted(world)

    listed = world.client("ecs").list_task_definitions(familyPrefix="template", status="ACTIVE")["taskDefinitionArns"]
    assert [arn.rsplit("/", 1)[-1] for arn in listed] == ["template:1", "template:2"]


def test_the_ref_of_a_secret_is_its_arn_and_none_is_made_up(world: World) -> None:
    outputs = {"Arn": {"Value": {"Ref": "Broker"}}}
    given = _row("SecretsManager::Secret", _RETAIN, Name="broker")
    stack = _made(
        world, _template(Broker=given, Random=_row("SecretsManager::Secret", GenerateSecretString={}), Outputs=outputs)
    )
    secrets = world.client("secretsmanager")
    known = {row["Name"]: row["ARN"] for row in secrets.list_secrets()["SecretList"]}

    assert _outputs(stack)["Arn"] == known.pop("broker")
    with pytest.raises(ClientError, match="AWSCURRENT"):
        secrets.get_secret_value(SecretId="broker")
    assert [len(secrets.get_secret_value(SecretId=arn)["SecretString"]) for arn in known.values()] == [32]


def test_a_secrets_value_outlives_an_update_and_a_delete_of_its_stack(world: World) -> None:
    secrets = world.client("secretsmanager")
    stack = _made(
        world,
        _template(
            Broker=_row("SecretsManager::Secret", _RETAIN, Name="broker"), Outputs={"A": {"Value": {"Ref": "Broker"}}}
        ),
    )
    secrets.put_secret_value(SecretId="broker", SecretString="set by hand")

    _changed(world, _template(Broker=_row("SecretsManager::Secret", _RETAIN, Name="broker", Description="new")))
    described = secrets.describe_secret(SecretId="broker")
    _deleted(world)

    assert (described["ARN"], described["Description"]) == (_outputs(stack)["A"], "new")
    assert secrets.get_secret_value(SecretId=described["ARN"])["SecretString"] == "set by hand"


def test_a_secret_that_is_not_retained_goes_with_its_stack(world: World) -> None:
    _made(world, _template(Broker=_row("SecretsManager::Secret", Name="broker")))

    _deleted(world)

    assert world.client("secretsmanager").list_secrets()["SecretList"] == []


def _schedule(**more: Any) -> dict[str, Any]:
    target = {
        "Arn": f"arn:aws:ecs:{REGION}:123456789012:cluster/main",
        "RoleArn": "arn:aws:iam::123456789012:role/r",
        "RetryPolicy": {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": "60"},
        "EcsParameters": {
            "TaskDefinitionArn": "worker:1",
            "TaskCount": 1,
            "LaunchType": "FARGATE",
            "NetworkConfiguration": {"AwsvpcConfiguration": {"Subnets": ["subnet-1"], "AssignPublicIp": "ENABLED"}},
        },
    }
    given = {
        "Name": "snapshot",
        "ScheduleExpression": "cron(0 9 ? * MON-FRI *)",
        "ScheduleExpressionTimezone": "America/New_York",
        "State": "DISABLED",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": target,
    }
    return _row("Scheduler::Schedule", **(given | more))


def test_a_schedule_keeps_zone_state_retries_and_network(world: World) -> None:
    _made(world, _template(Snapshot=_schedule()))
    scheduler = world.client("scheduler")

    made = scheduler.get_schedule(Name="snapshot")
    assert (made["ScheduleExpressionTimezone"], made["State"]) == ("America/New_York", "DISABLED")
    assert made["Target"]["RetryPolicy"] == {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60}
    network = made["Target"]["EcsParameters"]["NetworkConfiguration"]
    assert network == {"awsvpcConfiguration": {"Subnets": ["subnet-1"], "AssignPublicIp": "ENABLED"}}

    _changed(world, _template(Snapshot=_schedule(State="ENABLED", ScheduleExpression="rate(1 hour)")))
    changed = scheduler.get_schedule(Name="snapshot")
    assert (changed["State"], changed["ScheduleExpression"]) == ("ENABLED", "rate(1 hour)")
    assert changed["ScheduleExpressionTimezone"] == "America/New_York"
    _deleted(world)
    assert scheduler.list_schedules()["Schedules"] == []


def test_a_schedule_that_cannot_be_read_fails_its_stack(world: World) -> None:
    _made(world, _template(Snapshot=_schedule(ScheduleExpression="cron(bad)")), wanted="ROLLBACK_COMPLETE")

    assert any("Invalid Schedule Expression" in reason for reason in _reasons(world))


def test_a_stack_is_complete_only_when_its_service_is_steady(world: World) -> None:
    world.cluster()
    image = world.pushed(_STEADY)

    _made(world, _template(Definition=_definition(image), Service=_service({"Ref": "Definition"})))

    (deployment,) = world.service()["deployments"]
    assert (deployment["rolloutState"], deployment["runningCount"]) == ("COMPLETED", 1)
    _deleted(world)
    assert world.service()["status"] == "INACTIVE"
    assert world.client("ecs").list_tasks(cluster="main")["taskArns"] == []


def test_a_stack_whose_service_fails_is_rolled_back_with_the_reason(world: World) -> None:
    world.cluster()
    image = world.pushed("exit(1)")

    _made(
        world,
        _template(Definition=_definition(image), Service=_service({"Ref": "Definition"})),
        wanted="ROLLBACK_COMPLETE",
    )

    assert any("ECS Deployment Circuit Breaker was triggered" in reason for reason in _reasons(world))


def test_an_update_whose_service_fails_leaves_the_old_release_running(world: World) -> None:
    world.cluster()
    good, bad = world.pushed(_STEADY), world.pushed("exit(1)", "v2")
    _made(world, _template(Definition=_definition(good), Service=_service({"Ref": "Definition"})))
    (kept,) = world.client("ecs").list_tasks(cluster="main", serviceName="worker")["taskArns"]

    _changed(
        world,
        _template(Definition=_definition(bad), Service=_service({"Ref": "Definition"})),
        wanted="UPDATE_ROLLBACK_COMPLETE",
    )

    assert world.client("ecs").list_tasks(cluster="main", serviceName="worker")["taskArns"] == [kept]
    assert world.settled()["taskDefinition"].endswith("template:1")


def _by_parameter(image: str, **more: Any) -> dict[str, Any]:
    """A service whose revision is a parameter of its own, `none` before the first release."""
    first = {"Fn::Equals": [{"Ref": "Running"}, "none"]}
    return _template(
        Parameters={"Running": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/app/running"}},
        Conditions={"First": first},
        Definition=_definition(image),
        Service=_service({"Fn::If": ["First", {"Ref": "Definition"}, {"Ref": "Running"}]}, {"Fn::If": ["First", 0, 1]}),
        **more,
    )


def test_a_release_made_outside_the_stack_survives_an_unrelated_update(world: World) -> None:
    world.cluster()
    parameters, ecs = world.client("ssm"), world.client("ecs")
    parameters.put_parameter(Name="/app/running", Value="none", Type="String")
    _made(world, _by_parameter("image"))
    assert world.service()["desiredCount"] == 0

    released = world.definition(world.pushed(_STEADY), "released")
    ecs.update_service(cluster="main", service="worker", taskDefinition=released, desiredCount=1)
    world.settled()
    parameters.put_parameter(Name="/app/running", Value=released, Type="String", Overwrite=True)
    _changed(world, _by_parameter("image", Topic=_row("SNS::Topic", TopicName="told")))

    after = world.settled()
    assert after["taskDefinition"] == released
    assert after["desiredCount"] == 1
    ends = [
        row["status"] for row in ecs.list_service_deployments(cluster="main", service="worker")["serviceDeployments"]
    ]
    assert ends == ["SUCCESSFUL", "SUCCESSFUL"]


def test_a_parameter_that_does_not_exist_is_refused(world: World) -> None:
    with pytest.raises(ClientError, match="/app/running"):
        world.client("cloudformation").create_stack(StackName="app", TemplateBody=json.dumps(_by_parameter("image")))


def test_an_unchanged_stack_is_no_update(world: World) -> None:
    template = _template(Topic=_row("SNS::Topic", TopicName="told"))
    _made(world, template)

    with pytest.raises(ClientError, match="No updates are to be performed"):
        world.client("cloudformation").update_stack(StackName="app", TemplateBody=json.dumps(template))


def test_one_stack_exports_what_another_imports(world: World) -> None:
    outputs = {"Arn": {"Value": {"Ref": "Broker"}, "Export": {"Name": "broker-arn"}}}
    _made(world, _template(Broker=_row("SecretsManager::Secret", Name="broker"), Outputs=outputs), "one")
    imported = _row("SSM::Parameter", Name="/seen", Type="String", Value={"Fn::ImportValue": "broker-arn"})
    _made(world, _template(Seen=imported), "two")

    value = world.client("ssm").get_parameter(Name="/seen")["Parameter"]["Value"]

    assert value.startswith("arn:aws:secretsmanager:")
    with pytest.raises(ClientError, match="broker-arn is imported by"):
        world.client("cloudformation").delete_stack(StackName="one")


def test_a_changed_task_definition_keeps_everything_too(world: World) -> None:
    world.cluster()
    check = {"Command": ["CMD", "x"], "Interval": 5, "Retries": 2, "StartPeriod": 3, "Timeout": 2}
    _made(world, _template(Definition=_definition("one", HealthCheck=check, ReadonlyRootFilesystem=True)))

    _changed(world, _template(Definition=_definition("two", HealthCheck=check, ReadonlyRootFilesystem=True)))

    (container,) = world.client("ecs").describe_task_definition(taskDefinition="template:2")["taskDefinition"][
        "containerDefinitions"
    ]
    assert (container["image"], container["readonlyRootFilesystem"]) == ("two", True)
    assert container["healthCheck"]["command"] == ["CMD", "x"]


def test_rules_of_a_security_group_can_stand_alone(world: World) -> None:
    rule: dict[str, Any] = {
        "GroupId": {"Fn::GetAtt": ["Group", "GroupId"]},
        "IpProtocol": "tcp",
        "FromPort": 5432,
        "ToPort": 5432,
    }
    template = _template(
        Vpc=_row("EC2::VPC", CidrBlock="10.0.0.0/16"),
        Group=_row("EC2::SecurityGroup", GroupDescription="database", VpcId={"Ref": "Vpc"}),
        In=_row("EC2::SecurityGroupIngress", CidrIp="10.0.1.0/24", **rule),
        Out=_row("EC2::SecurityGroupEgress", CidrIp="10.0.2.0/24", **rule),
    )
    _made(world, template)

    def group() -> dict[str, Any]:
        asked = {"StackName": "app", "LogicalResourceId": "Group"}
        made = world.client("cloudformation").describe_stack_resource(**asked)["StackResourceDetail"]
        groups = world.client("ec2").describe_security_groups(GroupIds=[made["PhysicalResourceId"]])
        return dict(groups["SecurityGroups"][0])

    assert group()["IpPermissions"][0]["IpRanges"][0]["CidrIp"] == "10.0.1.0/24"
    assert "10.0.2.0/24" in [row["IpRanges"][0]["CidrIp"] for row in group()["IpPermissionsEgress"]]
    del template["Resources"]["In"]
    _changed(world, template)
    assert group()["IpPermissions"] == []


def test_a_repository_keeps_its_rules_and_outlives_its_stack(world: World) -> None:
    rule = {
        "rulePriority": 1,
        "selection": {"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 9},
    }
    policy = json.dumps({"rules": [rule | {"action": {"type": "expire"}}]})
    repository = _row(
        "ECR::Repository",
        _RETAIN,
        RepositoryName="app",
        ImageTagMutability="IMMUTABLE",
        ImageScanningConfiguration={"ScanOnPush": True},
        LifecyclePolicy={"LifecyclePolicyText": policy},
    )
    stack = _made(
        world,
        _template(Repository=repository, Outputs={"U": {"Value": {"Fn::GetAtt": ["Repository", "RepositoryUri"]}}}),
    )
    assert _outputs(stack)["U"] == f"{world.aws.settings.host}/app"
    _deleted(world)
    ecr = world.client("ecr")

    (row,) = ecr.describe_repositories()["repositories"]

    assert (row["imageTagMutability"], row["imageScanningConfiguration"]["scanOnPush"]) == ("IMMUTABLE", True)
    assert ecr.get_lifecycle_policy(repositoryName="app")["lifecyclePolicyText"] == policy


def test_a_repository_with_images_cannot_be_deleted_with_its_stack(world: World) -> None:
    _made(world, _template(Repository=_row("ECR::Repository", RepositoryName="app")))
    world.pushed("pass")
    world.client("cloudformation").delete_stack(StackName="app")

    assert _over(world, "app")["StackStatus"] == "DELETE_FAILED"


@pytest.mark.parametrize("kind", ["Table", "GlobalTable"])
def test_a_table_takes_conditional_writes_and_outlives_its_stack(world: World, kind: str) -> None:
    shape = {
        "TableName": "control",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
    } | ({"Replicas": [{"Region": REGION}]} if kind == "GlobalTable" else {})
    _made(world, _template(Table=_row(f"DynamoDB::{kind}", _RETAIN, **shape)))
    table = world.client("dynamodb")

    asked = {"TableName": "control", "Item": {"pk": {"S": "lock"}}, "ConditionExpression": "attribute_not_exists(pk)"}
    table.put_item(**asked)
    with pytest.raises(ClientError, match="ConditionalCheckFailed"):
        table.put_item(**asked)
    _deleted(world)

    assert table.get_item(TableName="control", Key={"pk": {"S": "lock"}})["Item"]["pk"] == {"S": "lock"}


def test_filter_alarm_and_topic_of_a_stack_work_together(world: World) -> None:
    metric = {"MetricName": "Bad", "MetricNamespace": "App"}
    _made(
        world,
        _template(
            Group=_row("Logs::LogGroup", LogGroupName="/app", RetentionInDays=7),
            Filter=_row(
                "Logs::MetricFilter",
                LogGroupName={"Ref": "Group"},
                FilterPattern='{ $.event = "order_rejected" }',
                MetricTransformations=[metric | {"MetricValue": "1"}],
            ),
            Topic=_row("SNS::Topic", TopicName="told"),
            Alarm=_row(
                "CloudWatch::Alarm",
                AlarmName="bad",
                Namespace="App",
                MetricName="Bad",
                Statistic="Sum",
                Period=60,
                EvaluationPeriods=1,
                Threshold=1,
                ComparisonOperator="GreaterThanOrEqualToThreshold",
                TreatMissingData="notBreaching",
                AlarmActions=[{"Ref": "Topic"}],
            ),
        ),
    )
    logs, watch = world.client("logs"), world.client("cloudwatch")
    logs.create_log_stream(logGroupName="/app", logStreamName="a")
    event = {"timestamp": 1_800_000_000_000, "message": '{"event": "order_rejected"}'}

    logs.put_log_events(logGroupName="/app", logStreamName="a", logEvents=[event])

    eventually(lambda: watch.describe_alarms(AlarmNames=["bad"])["MetricAlarms"][0]["StateValue"] == "ALARM")
    assert logs.describe_log_groups()["logGroups"][0]["retentionInDays"] == 7


def test_a_type_nobody_knows_is_refused(world: World) -> None:
    with pytest.raises(ClientError, match="Unrecognized resource types"):
        _made(world, _template(X=_row("Nothing::AtAll")))
