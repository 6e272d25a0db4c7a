import pytest

from ops.aws.ecr import EcrImages
from ops.errors import OpsError
from tests.ops.aws.stubbed import refuse, stubbed

NAME = "ops-pipeline/lab/dispatcher"
DIGEST = f"sha256:{'1f' * 32}"
DESCRIBED = {"repositories": [{"repositoryName": NAME, "repositoryUri": f"registry.example/{NAME}"}]}
TOKEN = "QVdTOnNlY3JldA=="


def test_the_digest_behind_a_tag() -> None:
    with stubbed("ecr") as (aws, stub):
        request = {"repositoryName": NAME, "imageIds": [{"imageTag": "1f2e"}]}
        stub.add_response("describe_images", {"imageDetails": [{"imageDigest": DIGEST}]}, request)

        assert EcrImages(aws, NAME).digest("1f2e") == DIGEST


def test_a_tag_and_a_digest_that_are_not_there() -> None:
    with stubbed("ecr") as (aws, stub):
        refuse(stub, "describe_images", "ImageNotFoundException")
        refuse(
            stub,
            "describe_images",
            "ImageNotFoundException",
            asked={
                "repositoryName": NAME,
                "imageIds": [{"imageDigest": DIGEST}],
            },
        )

        assert EcrImages(aws, NAME).digest("1f2e") is None
        assert not EcrImages(aws, NAME).has(DIGEST)


def test_one_more_tag_is_put_on_the_same_manifest() -> None:
    image = {"imageId": {"imageDigest": DIGEST}, "imageManifest": "{}", "imageManifestMediaType": "application/x"}
    put = {
        "repositoryName": NAME,
        "imageManifest": "{}",
        "imageTag": "verified-1f2e",
        "imageDigest": DIGEST,
        "imageManifestMediaType": "application/x",
    }
    with stubbed("ecr") as (aws, stub):
        asked = {"repositoryName": NAME, "imageIds": [{"imageDigest": DIGEST}]}
        stub.add_response("batch_get_image", {"images": [image]}, asked)
        stub.add_response("put_image", {}, put)

        EcrImages(aws, NAME).tag(DIGEST, "verified-1f2e")


def test_a_tag_that_it_has_already_is_nothing_to_do() -> None:
    with stubbed("ecr") as (aws, stub):
        stub.add_response("batch_get_image", {"images": [{"imageId": {"imageDigest": DIGEST}, "imageManifest": "{}"}]})
        refuse(stub, "put_image", "ImageAlreadyExistsException")

        EcrImages(aws, NAME).tag(DIGEST, "verified-1f2e")


def test_an_image_that_has_expired_cannot_be_tagged() -> None:
    with stubbed("ecr") as (aws, stub):
        stub.add_response("batch_get_image", {"images": [], "failures": []})
        with pytest.raises(OpsError, match=f"has no image {DIGEST} any more"):
            EcrImages(aws, NAME).tag(DIGEST, "verified-1f2e")


def test_host_and_token_are_what_the_api_says_and_the_token_is_shown_nowhere() -> None:
    with stubbed("ecr") as (aws, stub):
        stub.add_response("describe_repositories", DESCRIBED, {"repositoryNames": [NAME]})
        data = [{"authorizationToken": TOKEN, "proxyEndpoint": "https://registry.example"}]
        stub.add_response("get_authorization_token", {"authorizationData": data}, {})

        registry = EcrImages(aws, NAME).registry()

    assert (registry.endpoint, registry.repository) == ("https://registry.example", NAME)
    assert registry.authorization == f"Basic {TOKEN}"
    assert TOKEN not in repr(registry)


def test_a_token_is_never_sent_over_a_plain_connection_to_another_machine() -> None:
    with stubbed("ecr") as (aws, stub):
        stub.add_response("describe_repositories", DESCRIBED)
        data = [{"authorizationToken": TOKEN, "proxyEndpoint": "http://registry.example"}]
        stub.add_response("get_authorization_token", {"authorizationData": data})
        with pytest.raises(OpsError, match="would be given a token over a plain connection"):
            EcrImages(aws, NAME).registry()


def test_a_repository_that_is_not_there_says_what_makes_one() -> None:
    with stubbed("ecr") as (aws, stub):
        refuse(stub, "describe_repositories", "RepositoryNotFoundException")
        with pytest.raises(OpsError) as raised:
            EcrImages(aws, NAME).uri()

    assert raised.value.message == f"there is no image repository {NAME}"
    assert raised.value.next_step.startswith("deploy the registry stack first")
