import json

from tests.infra.standing import Standing

RETAINED = {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}


def test_a_tag_never_moves_and_every_image_is_scanned(paper: Standing) -> None:
    repository = paper.properties("AWS::ECR::Repository", RepositoryName=paper.names.repository)

    assert repository["ImageTagMutability"] == "IMMUTABLE"
    assert repository["ImageScanningConfiguration"] == {"ScanOnPush": True}


def test_a_proven_image_is_out_of_reach_of_the_rule_that_expires(paper: Standing) -> None:
    """A rule that selects an image takes it from every later rule, and the first one expires nothing."""
    policy = paper.properties("AWS::ECR::Repository")["LifecyclePolicy"]["LifecyclePolicyText"]
    first, second = sorted(json.loads(policy)["rules"], key=lambda rule: int(rule["rulePriority"]))

    assert first["selection"] == {
        "tagStatus": "tagged",
        "tagPrefixList": ["verified-"],
        "countType": "imageCountMoreThan",
        "countNumber": 20_000,
    }
    assert second["selection"]["tagStatus"] == "any"
    assert second["selection"]["countType"] == "sinceImagePushed"


def test_the_control_table_survives_mistakes(paper: Standing) -> None:
    table = paper.properties("AWS::DynamoDB::Table", TableName=paper.names.control_table)

    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["DeletionProtectionEnabled"] is True
    assert table["KeySchema"] == [
        {"AttributeName": "pk", "KeyType": "HASH"},
        {"AttributeName": "sk", "KeyType": "RANGE"},
    ]


def test_a_secret_is_made_without_a_value(paper: Standing) -> None:
    """The library's own Secret makes up a random value, which looks like a key until an order is sent with it."""
    secrets = paper.all("AWS::SecretsManager::Secret")

    assert {each["Properties"]["Name"] for each in secrets} == {
        "ops-pipeline/paper/database",
        "ops-pipeline/paper/alpaca/large",
        "ops-pipeline/paper/alpaca/tiny",
    }
    assert [each for each in secrets if each["Properties"].keys() & {"SecretString", "GenerateSecretString"}] == []


def test_what_the_registry_holds_outlives_it(paper: Standing) -> None:
    kinds = ("AWS::ECR::Repository", "AWS::DynamoDB::Table", "AWS::SecretsManager::Secret")
    kept = [each for kind in kinds for each in paper.all(kind)]

    assert len(kept) == 5
    assert [each for each in kept if not RETAINED.items() <= each.items()] == []
