"""ECR as a client meets it: a registry at our own address, behind its token, that refuses what ECR refuses.

ministack keeps the repositories and speaks the registry protocol; it lacks the rest. Not here: scanning, evaluation of
lifecycle policies (both are kept and shown), replication, pull-through caches.
"""
# ruff: noqa: SLF001 - it works on private stores of one exact version of ministack, guarded by sandbox.aws.fits

import base64
import json
import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from sandbox.aws import fits
from sandbox.aws.settings import Settings
from sandbox.aws.upstream import ecr, responses

_TOKEN_SECONDS = 12 * 3600
_UNAUTHORIZED = 401
_IMMUTABLE = "IMMUTABLE"
Response = tuple[int, dict[str, str], bytes]


def patches(door: "Door") -> Iterator[fits.Patch]:
    """Apply, one by one, what ECR needs."""
    data = "(data)"
    yield fits.function(ecr, "_repo_uri", door.uri, takes="(name)", why="names a host that does not resolve")
    shape = door.shape(ecr._repo_shape)
    yield fits.function(ecr, "_repo_shape", shape, takes="(repo)", why="kept the address of an earlier port")
    yield fits.function(ecr, "_get_authorization_token", door.token, takes=data, why="names a host that is not here")
    handle = "(method, path, headers, body, query_params)"
    yield fits.function(ecr, "handle_registry_request", door.guarded(), takes=handle, why="asks nobody for the token")
    yield fits.function(ecr, "_put_image", _put_image(), takes=data, why="tells the same image from another one")
    yield fits.function(ecr, "_v2_put_manifest", _put_manifest(), takes="(name, ref, headers, body)", why="ECR's words")
    yield fits.function(ecr, "_describe_images", _describe_images, takes=data, why="misses and sizes were wrong")
    yield fits.function(ecr, "_list_images", _list_images, takes=data, why="one row per tag")
    yield fits.function(ecr, "_batch_delete_image", _batch_delete_image, takes=data, why="a tag took the image with it")
    yield fits.function(ecr, "_delete_repository", _delete_repository(), takes=data, why="the layers outlived it")


class Door:
    """The registry's address and the token that opens it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.secret = base64.b64encode(f"AWS:{secrets.token_urlsafe(24)}".encode()).decode()

    def uri(self, name: str) -> str:
        """A repository's address."""
        return f"{self._settings.host}/{name}"

    def shape(self, inner: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[dict[str, Any]], dict[str, Any]]:
        """A repository as it is shown: always at the address of today."""
        return lambda repository: inner(repository) | {"repositoryUri": self.uri(repository["repositoryName"])}

    def token(self, _data: dict[str, Any]) -> Response:
        """GetAuthorizationToken."""
        row = {
            "authorizationToken": self.secret,
            "expiresAt": int(time.time()) + _TOKEN_SECONDS,
            "proxyEndpoint": self._settings.url,
        }
        return _ok({"authorizationData": [row]})

    def guarded(self) -> Any:
        """The registry protocol, for those who show the token."""
        inner = ecr.handle_registry_request

        async def handle(method: str, path: str, headers: dict[str, str], body: bytes, query_params: Any) -> Response:
            if not self._opens(headers.get("authorization", "")):
                return self._closed()
            answer: Response = await inner(method, path, headers, body, query_params)
            return answer

        return handle

    def _opens(self, authorization: str) -> bool:
        scheme, _, credentials = authorization.partition(" ")
        return scheme.lower() == "basic" and secrets.compare_digest(credentials.encode(), self.secret.encode())

    def _closed(self) -> Response:
        status, headers, body = ecr._registry_error(_UNAUTHORIZED, "UNAUTHORIZED", "authentication required")
        challenge = f'Basic realm="{self._settings.url}/",service="ecr.amazonaws.com"'
        return status, headers | {"WWW-Authenticate": challenge}, body


def _put_image() -> Any:
    inner = ecr._put_image

    def put_image(data: dict[str, Any]) -> Response:
        name, tag = data.get("repositoryName", ""), data.get("imageTag")
        digest = data.get("imageDigest") or ecr._image_digest(data.get("imageManifest", ""))
        holder = _holder(name, tag)
        if holder and holder["imageDigest"] == digest:
            words = f"Image with digest '{digest}' and tag '{tag}' already exists in the repository with name '{name}'"
            return _error("ImageAlreadyExistsException", words)
        if holder and _immutable(name):
            return _error("ImageTagAlreadyExistsException", _tag_exists(name, tag))
        answer: Response = inner(data)
        return answer

    return put_image


def _put_manifest() -> Any:
    inner = ecr._v2_put_manifest

    def put_manifest(name: str, ref: str, headers: dict[str, str], body: bytes) -> Response:
        holder = None if ref.startswith("sha256:") else _holder(name, ref)
        if holder and _immutable(name) and body and holder["imageDigest"] != ecr._content_digest(body):
            detail = {"code": "ImageTagAlreadyExistsException"}
            refusal: Response = ecr._registry_error(400, "TAG_INVALID", _tag_exists(name, ref), detail)
            return refusal
        missing = _missing_blobs(name, body)
        if missing and name in ecr._repositories:
            words = f"blobs unknown to registry: {', '.join(missing)}"
            unknown: Response = ecr._registry_error(404, "MANIFEST_BLOB_UNKNOWN", words)
            return unknown
        answer: Response = inner(name, ref, headers, body)
        return answer

    return put_manifest


def _describe_images(data: dict[str, Any]) -> Response:
    name = data.get("repositoryName", "")
    if refusal := _unknown_repository(name):
        return refusal
    wanted = data.get("imageIds")
    if wanted is None:
        return _ok({"imageDetails": [_detail(name, image) for image in _with_status(name, data)]})
    found = [(each, ecr._find_image(name, each)) for each in wanted]
    for each, image in found:
        if image is None:
            words = f"The image with imageId {_id_words(each)} does not exist within the repository with name '{name}'"
            return _error("ImageNotFoundException", f"{words} in the registry with id '{responses.get_account_id()}'")
    return _ok({"imageDetails": [_detail(name, image) for _, image in found]})


def _detail(name: str, image: dict[str, Any]) -> dict[str, Any]:
    manifest = json.loads(image.get("imageManifest") or "{}")
    config = manifest.get("config", {})
    detail = {
        "registryId": responses.get_account_id(),
        "repositoryName": name,
        "imageDigest": image["imageDigest"],
        "imageSizeInBytes": sum(layer.get("size", 0) for layer in [config, *manifest.get("layers", [])]),
        "imagePushedAt": image["imagePushedAt"],
        "imageManifestMediaType": image["imageManifestMediaType"],
        "artifactMediaType": config.get("mediaType", image["imageManifestMediaType"]),
    }
    return detail | ({"imageTags": list(image["imageTags"])} if image.get("imageTags") else {})


def _list_images(data: dict[str, Any]) -> Response:
    name = data.get("repositoryName", "")
    if refusal := _unknown_repository(name):
        return refusal
    return _ok({"imageIds": [row for image in _with_status(name, data) for row in _ids(image)]})


def _ids(image: dict[str, Any]) -> Iterable[dict[str, str]]:
    digest = {"imageDigest": image["imageDigest"]}
    return [digest | {"imageTag": tag} for tag in image.get("imageTags", [])] or [digest]


def _batch_delete_image(data: dict[str, Any]) -> Response:
    name = data.get("repositoryName", "")
    if refusal := _unknown_repository(name):
        return refusal
    deleted: list[dict[str, str]] = []
    failures: list[dict[str, Any]] = []
    for wanted in data.get("imageIds", []):
        image = ecr._find_image(name, wanted)
        if image is None:
            reason = "Requested image not found"
            failures.append({"imageId": wanted, "failureCode": "ImageNotFound", "failureReason": reason})
        else:
            deleted += _delete(name, image, wanted.get("imageTag"))
    return _ok({"imageIds": deleted, "failures": failures})


def _delete(name: str, image: dict[str, Any], tag: str | None) -> Iterable[dict[str, str]]:
    """A tag goes alone while the image has another one; the last tag, or the digest, takes the image."""
    if tag and image["imageTags"] != [tag]:
        image["imageTags"].remove(tag)
        image["imageId"] = {"imageDigest": image["imageDigest"], "imageTag": image["imageTags"][-1]}
        return [{"imageDigest": image["imageDigest"], "imageTag": tag}]
    ecr._images[name].remove(image)
    ecr._manifest_blobs.get(name, {}).pop(image["imageDigest"], None)
    return _ids(image)


def _delete_repository() -> Any:
    inner = ecr._delete_repository

    def delete_repository(data: dict[str, Any]) -> Response:
        answer: Response = inner(data)
        if answer[0] < 400:  # noqa: PLR2004 - the least HTTP status that refuses
            for store in (ecr._layer_blobs, ecr._manifest_blobs, ecr._uploads):
                store.pop(data.get("repositoryName", ""), None)
        return answer

    return delete_repository


def _with_status(name: str, data: dict[str, Any]) -> list[dict[str, Any]]:
    status = data.get("filter", {}).get("tagStatus", "ANY")
    images: list[dict[str, Any]] = ecr._images.get(name, [])
    return [image for image in images if status == "ANY" or (status == "TAGGED") is bool(image.get("imageTags"))]


def _holder(name: str, tag: str | None) -> dict[str, Any] | None:
    found: dict[str, Any] | None = ecr._find_image(name, {"imageTag": tag}) if tag else None
    return found


def _immutable(name: str) -> bool:
    return bool(ecr._repositories.get(name, {}).get("imageTagMutability") == _IMMUTABLE)


def _tag_exists(name: str, tag: str | None) -> str:
    return (
        f"The image tag '{tag}' already exists in the '{name}' repository "
        "and cannot be overwritten because the tag is immutable."
    )


def _missing_blobs(name: str, manifest: bytes) -> list[str]:
    try:
        parsed = json.loads(manifest)
    except ValueError:
        return []
    known = ecr._layer_blobs.get(name, {})
    named = [parsed.get("config", {}), *parsed.get("layers", [])] if isinstance(parsed, dict) else []
    return [blob["digest"] for blob in named if blob.get("digest") and blob["digest"] not in known]


def _unknown_repository(name: str) -> Response | None:
    if name in ecr._repositories:
        return None
    words = f"The repository with name '{name}' does not exist in the registry with id '{responses.get_account_id()}'"
    return _error("RepositoryNotFoundException", words)


def _id_words(image_id: dict[str, str]) -> str:
    return "{" + ", ".join(f"{key}:'{image_id.get(key, 'null')}'" for key in ("imageDigest", "imageTag")) + "}"


def _ok(body: dict[str, Any]) -> Response:
    answer: Response = responses.json_response(body)
    return answer


def _error(code: str, message: str) -> Response:
    answer: Response = responses.error_response_json(code, message, 400)
    return answer
