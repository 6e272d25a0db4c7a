"""ECR through its API and through the registry protocol."""

import base64
import http.client
import json
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from sandbox.aws.images import MANIFEST, ImageError, push
from tests.sandbox.aws.aws_world import World


def _get(world: World, path: str, token: str | None = "", accept: str = MANIFEST) -> http.client.HTTPResponse:
    """A GET by a plain client; `token` None sends none, empty sends the right one."""
    connection = http.client.HTTPConnection(urlsplit(world.aws.url).netloc, timeout=10)
    shown = world.token if token == "" else token
    headers = {"Accept": accept} | ({"Authorization": f"Basic {shown}"} if shown else {})
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    answer.content = answer.read()  # type: ignore[attr-defined] # read while the connection is open
    connection.close()
    return answer


def _described(world: World, **image: str) -> dict[str, Any]:
    (row,) = world.client("ecr").describe_images(repositoryName="app", imageIds=[image])["imageDetails"]
    return dict(row)


def test_repository_and_proxy_are_addresses_of_this_endpoint(world: World) -> None:
    host = urlsplit(world.aws.url).netloc

    assert world.repository() == f"{host}/app"
    authorization = world.client("ecr").get_authorization_token()["authorizationData"][0]
    assert authorization["proxyEndpoint"] == world.aws.url
    assert base64.b64decode(authorization["authorizationToken"]).startswith(b"AWS:")


@pytest.mark.parametrize("token", [None, base64.b64encode(b"AWS:guess").decode()])
def test_without_the_token_nobody_comes_in(world: World, token: str | None) -> None:
    answer = _get(world, "/v2/", token)

    assert answer.status == 401
    assert answer.getheader("WWW-Authenticate", "").startswith("Basic realm=")
    assert _get(world, "/v2/").status == 200


def test_what_is_pushed_is_described_and_pulled_by_tag_and_digest(world: World) -> None:
    uri = world.repository()
    image = world.image("pass")

    digest = push(image, uri, "v1", world.token)

    assert digest == image.digest
    assert _described(world, imageTag="v1") == _described(world, imageDigest=digest)
    row = _described(world, imageTag="v1")
    assert (row["imageDigest"], row["imageTags"]) == (digest, ["v1"])
    assert row["imageSizeInBytes"] == sum(len(blob.content) for blob in (image.config, *image.layers))
    for reference in ("v1", digest):
        answer = _get(world, f"/v2/app/manifests/{reference}")
        assert answer.getheader("Docker-Content-Digest") == digest
        assert answer.content == image.manifest.content  # type: ignore[attr-defined] # set above


def test_the_same_push_twice_is_no_error(world: World) -> None:
    uri = world.repository(imageTagMutability="IMMUTABLE")
    image = world.image("pass")

    assert push(image, uri, "v1", world.token) == push(image, uri, "v1", world.token)


def test_a_push_to_a_repository_that_does_not_exist_is_refused(world: World) -> None:
    host = urlsplit(world.aws.url).netloc

    with pytest.raises(ImageError, match="NAME_UNKNOWN"):
        push(world.image("pass"), f"{host}/nowhere", "v1", world.token)


def test_an_immutable_tag_keeps_its_image(world: World) -> None:
    uri = world.repository(imageTagMutability="IMMUTABLE")
    first = push(world.image("pass"), uri, "v1", world.token)

    with pytest.raises(ImageError, match="The image tag 'v1' already exists in the 'app' repository"):
        push(world.image("other = 1"), uri, "v1", world.token)
    second = push(world.image("other = 1"), uri, "v2", world.token)
    manifest = world.client("ecr").batch_get_image(repositoryName="app", imageIds=[{"imageDigest": second}])["images"][
        0
    ]
    with pytest.raises(ClientError, match="ImageTagAlreadyExistsException"):
        world.client("ecr").put_image(
            repositoryName="app", imageManifest=manifest["imageManifest"], imageTag="v1", imageDigest=second
        )

    assert _described(world, imageTag="v1")["imageDigest"] == first


def test_a_mutable_tag_moves(world: World) -> None:
    uri = world.repository()
    first = push(world.image("pass"), uri, "v1", world.token)
    second = push(world.image("other = 1"), uri, "v1", world.token)

    assert _described(world, imageTag="v1")["imageDigest"] == second
    assert "imageTags" not in _described(world, imageDigest=first)


def test_an_image_gets_a_second_tag_by_its_manifest(world: World) -> None:
    ecr = world.client("ecr")
    digest = push(world.image("pass"), world.repository(imageTagMutability="IMMUTABLE"), "v1", world.token)
    image = ecr.batch_get_image(repositoryName="app", imageIds=[{"imageTag": "v1"}])["images"][0]

    again = {"repositoryName": "app", "imageManifest": image["imageManifest"], "imageTag": "verified-1"}
    ecr.put_image(imageManifestMediaType=image["imageManifestMediaType"], **again)

    assert _described(world, imageTag="verified-1")["imageDigest"] == digest
    assert _get(world, "/v2/app/manifests/verified-1").getheader("Docker-Content-Digest") == digest
    with pytest.raises(ClientError, match="ImageAlreadyExistsException"):
        ecr.put_image(**again)


def test_a_manifest_whose_layers_never_came_is_refused(world: World) -> None:
    world.repository()
    connection = http.client.HTTPConnection(urlsplit(world.aws.url).netloc, timeout=10)
    headers = {"Authorization": f"Basic {world.token}", "Content-Type": MANIFEST}
    connection.request("PUT", "/v2/app/manifests/v1", world.image("pass").manifest.content, headers)
    answer = connection.getresponse()

    assert (answer.status, json.loads(answer.read())["errors"][0]["code"]) == (404, "MANIFEST_BLOB_UNKNOWN")
    connection.close()


@pytest.mark.parametrize("image", [{"imageTag": "v9"}, {"imageDigest": "sha256:" + "0" * 64}])
def test_an_image_that_is_not_there_is_an_error(world: World, image: dict[str, str]) -> None:
    world.pushed("pass")

    with pytest.raises(ClientError, match="ImageNotFoundException"):
        _described(world, **image)


def test_the_images_of_a_repository_that_is_not_there_are_an_error(world: World) -> None:
    with pytest.raises(ClientError, match="RepositoryNotFoundException"):
        _described(world, imageTag="v1")


def test_a_tag_can_go_and_leave_the_image_until_the_last_one_goes(world: World) -> None:
    uri = world.repository()
    image = world.image("pass")
    for tag in ("v1", "v2"):
        push(image, uri, tag, world.token)
    ecr = world.client("ecr")
    assert [row["imageTag"] for row in ecr.list_images(repositoryName="app")["imageIds"]] == ["v1", "v2"]

    ecr.batch_delete_image(repositoryName="app", imageIds=[{"imageTag": "v1"}])
    assert _described(world, imageDigest=image.digest)["imageTags"] == ["v2"]
    ecr.batch_delete_image(repositoryName="app", imageIds=[{"imageTag": "v2"}])

    assert ecr.list_images(repositoryName="app")["imageIds"] == []
    assert _get(world, f"/v2/app/manifests/{image.digest}").status == 404


def test_a_repository_with_images_is_deleted_only_by_force_and_then_wholly(world: World) -> None:
    image = world.pushed("pass")
    ecr = world.client("ecr")

    with pytest.raises(ClientError, match="RepositoryNotEmptyException"):
        ecr.delete_repository(repositoryName="app")
    ecr.delete_repository(repositoryName="app", force=True)

    world.repository()
    assert _get(world, f"/v2/app/manifests/{image.partition('@')[2]}").status == 404


def test_lifecycle_scanning_and_mutability_are_kept(world: World) -> None:
    ecr = world.client("ecr")
    world.repository(imageTagMutability="IMMUTABLE", imageScanningConfiguration={"scanOnPush": True})
    rule = {
        "rulePriority": 1,
        "selection": {"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 9},
    }
    policy = json.dumps({"rules": [rule | {"action": {"type": "expire"}}]})
    ecr.put_lifecycle_policy(repositoryName="app", lifecyclePolicyText=policy)

    (row,) = ecr.describe_repositories(repositoryNames=["app"])["repositories"]

    assert (row["imageTagMutability"], row["imageScanningConfiguration"]) == ("IMMUTABLE", {"scanOnPush": True})
    assert ecr.get_lifecycle_policy(repositoryName="app")["lifecyclePolicyText"] == policy
