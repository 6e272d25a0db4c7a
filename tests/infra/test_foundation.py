from collections.abc import Callable
from dataclasses import replace

from contract import place
from infra.declared import Declared
from tests.infra.standing import Standing, text


def test_every_service_has_a_log_group_that_forgets_in_time_and_is_kept(paper: Standing) -> None:
    groups = {each["Properties"]["LogGroupName"]: each for each in paper.all("AWS::Logs::LogGroup")}

    assert groups.keys() == {"/ecs/ops-pipeline/paper/dispatcher-large", "/ecs/ops-pipeline/paper/dispatcher-tiny"}
    assert {each["Properties"]["RetentionInDays"] for each in groups.values()} == {90}
    assert {each["DeletionPolicy"] for each in groups.values()} == {"Retain"}


def test_the_cluster_measures_its_containers(paper: Standing) -> None:
    cluster = paper.properties("AWS::ECS::Cluster", ClusterName=paper.names.cluster)

    assert cluster["ClusterSettings"] == [{"Name": "containerInsights", "Value": "enabled"}]


def test_nothing_can_open_a_connection_to_a_task(paper: Standing) -> None:
    (tasks,) = [
        each["Properties"]
        for each in paper.all("AWS::EC2::SecurityGroup")
        if each["Properties"]["GroupDescription"].startswith("Tasks")
    ]

    assert "SecurityGroupIngress" not in tasks


def test_our_own_database_is_reached_by_tasks_only_and_kept(paper: Standing) -> None:
    database = paper.one("AWS::RDS::DBInstance")
    (way_in,) = paper.all("AWS::EC2::SecurityGroupIngress")

    assert database["Properties"]["PubliclyAccessible"] is False
    assert database["Properties"]["StorageEncrypted"] is True
    assert database["Properties"]["DeletionProtection"] is True
    assert database["DeletionPolicy"] == "Retain"
    assert (way_in["Properties"]["FromPort"], way_in["Properties"]["ToPort"]) == (5432, 5432)
    assert "NetworkTasks" in text(way_in["Properties"]["SourceSecurityGroupId"])


def test_no_template_holds_the_databases_password(paper: Standing) -> None:
    password = paper.properties("AWS::RDS::DBInstance")["MasterUserPassword"]

    assert password == "{{resolve:secretsmanager:ops-pipeline/paper/database:SecretString:password::}}"


def test_a_database_that_is_there_already_is_not_made(sandbox: Standing) -> None:
    assert sandbox.all("AWS::RDS::DBInstance") == []


def test_a_network_that_is_there_already_is_not_made_and_not_looked_up(
    synthesise: Callable[[Declared], Standing], sandbox: Standing
) -> None:
    theirs = place.Network(
        availability_zones=("us-west-2a", "us-west-2b"), public_ip=False, vpc="vpc-1", subnets=("subnet-1", "subnet-2")
    )
    where = replace(sandbox.declared.place, network=theirs)
    standing = synthesise(replace(sandbox.declared, place=where))
    network = standing.properties("AWS::ECS::Service", ServiceName="dispatcher-large")["NetworkConfiguration"]

    assert standing.all("AWS::EC2::VPC") == []
    assert network["AwsvpcConfiguration"]["Subnets"] == ["subnet-1", "subnet-2"]
    assert network["AwsvpcConfiguration"]["AssignPublicIp"] == "DISABLED"


def test_the_sandbox_needs_only_what_the_endpoint_can_make(sandbox: Standing) -> None:
    """Each of these was found missing in the endpoint; AWS has them all."""
    missing = {"AWS::EC2::SecurityGroupIngress", "AWS::EC2::SecurityGroupEgress", "AWS::IAM::OIDCProvider"}

    assert {each["Type"] for each in sandbox.resources()} & missing == set()
