"""Make an OCI image from folders of files, and push it to a registry: no engine needed.

The layout our process mode runs (see `docs/aws-endpoint.md`): the application and its libraries below `/app/lib`, an
entrypoint `python -m dispatcher`, `PYTHONPATH=/app/lib`. The same files make the same digest, on every machine: entries
are sorted, owned by root, dated 1970, and compiled Python is left out.
"""

import gzip
import hashlib
import http.client
import io
import json
import platform
import stat
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_COMPRESSION = 1
_SECONDS = 120


class ImageError(RuntimeError):
    """An image could not be made or pushed. Says why, in the registry's words where it spoke."""


@dataclass(frozen=True, slots=True)
class Layer:
    """A folder whose files appear below the path `at` of the image."""

    folder: Path
    at: str


@dataclass(frozen=True, slots=True)
class Description:
    """How the image is started."""

    entrypoint: tuple[str, ...]
    command: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    working_folder: str = "/app"
    user: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    architecture: str = ""
    """As Go writes it (`amd64`, `arm64`); empty means this machine's."""


@dataclass(frozen=True, slots=True)
class Blob:
    """Content and its name."""

    media_type: str
    content: bytes = field(repr=False)

    @property
    def digest(self) -> str:
        """`sha256:` and the hash."""
        return "sha256:" + hashlib.sha256(self.content).hexdigest()

    @property
    def descriptor(self) -> dict[str, str | int]:
        """How a manifest names it."""
        return {"mediaType": self.media_type, "digest": self.digest, "size": len(self.content)}


@dataclass(frozen=True, slots=True)
class Image:
    """An image in memory."""

    manifest: Blob
    config: Blob
    layers: tuple[Blob, ...]

    @property
    def digest(self) -> str:
        """The name a release is known by: the hash of its manifest."""
        return self.manifest.digest


def assemble(layers: Sequence[Layer], description: Description) -> Image:
    """Make the image of some folders, the first one lowest.

    Raises:
        ImageError: a folder is not there.
    """
    packed = [_pack(layer) for layer in layers]
    blobs = tuple(Blob(LAYER, gzip.compress(each, _COMPRESSION, mtime=0)) for each in packed)
    config = Blob(CONFIG, _json(_config(description, packed)))
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": config.descriptor,
        "layers": [blob.descriptor for blob in blobs],
    }
    return Image(Blob(MANIFEST, _json(manifest)), config, blobs)


def push(image: Image, repository: str, tag: str, token: str) -> str:
    """Push an image and tell its digest.

    Args:
        image: what to push.
        repository: the `repositoryUri` the ECR API gave.
        tag: the tag it gets.
        token: the `authorizationToken` the ECR API gave.

    Raises:
        ImageError: the registry refused, or stored another digest.
    """
    host, _, name = repository.partition("/")
    with_token = _Registry(host, name, token)
    for blob in (*image.layers, image.config):
        with_token.put_blob(blob)
    stored = with_token.put_manifest(image.manifest, tag)
    if stored != image.digest:
        raise ImageError(f"{repository}:{tag} was stored as {stored}, not as the {image.digest} that was built")
    return stored


def write(image: Image, folder: Path) -> None:
    """Keep an image as an OCI layout, which `read` and every OCI tool reads."""
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True, exist_ok=True)
    for blob in (image.manifest, image.config, *image.layers):
        (blobs / blob.digest.removeprefix("sha256:")).write_bytes(blob.content)
    index = {"schemaVersion": 2, "manifests": [image.manifest.descriptor]}
    (folder / "index.json").write_bytes(_json(index))
    (folder / "oci-layout").write_bytes(_json({"imageLayoutVersion": "1.0.0"}))


def read(folder: Path) -> Image:
    """The one image of an OCI layout.

    Raises:
        ImageError: the folder is none, or its content is not what its name says.
    """
    try:
        (row,) = json.loads((folder / "index.json").read_bytes())["manifests"]
        manifest = _read_blob(folder, row)
        named = json.loads(manifest.content)
        config, *layers = [_read_blob(folder, each) for each in (named["config"], *named["layers"])]
    except (OSError, ValueError, KeyError) as error:
        raise ImageError(f"{folder} holds no image: {error}") from error
    return Image(manifest, config, tuple(layers))


def _read_blob(folder: Path, row: Mapping[str, Any]) -> Blob:
    content = (folder / "blobs" / "sha256" / str(row["digest"]).removeprefix("sha256:")).read_bytes()
    blob = Blob(str(row["mediaType"]), content)
    if blob.digest != row["digest"]:
        raise ImageError(f"{folder}: the content of {row['digest']} hashes to {blob.digest}")
    return blob


def _pack(layer: Layer) -> bytes:
    if not layer.folder.is_dir():
        raise ImageError(f"the layer {layer.at} has no folder {layer.folder}")
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path in _parents(layer.at):
            archive.addfile(_entry(path, tarfile.DIRTYPE, 0o755))
        for file in _files(layer.folder):
            _add(archive, file, f"{layer.at.strip('/')}/{file.relative_to(layer.folder).as_posix()}".strip("/"))
    return buffer.getvalue()


def _parents(at: str) -> Iterator[str]:
    steps = at.strip("/").split("/") if at.strip("/") else []
    for count in range(1, len(steps) + 1):
        yield "/".join(steps[:count])


def _files(folder: Path) -> Sequence[Path]:
    found = (file for file in folder.rglob("*") if "__pycache__" not in file.relative_to(folder).parts)
    return sorted((file for file in found if file.suffix != ".pyc"), key=lambda file: file.as_posix())


def _add(archive: tarfile.TarFile, file: Path, name: str) -> None:
    if file.is_symlink():
        entry = _entry(name, tarfile.SYMTYPE, 0o777)
        entry.linkname = str(file.readlink())
        archive.addfile(entry)
    elif file.is_dir():
        # A folder everybody may write to, such as /tmp, stays one.
        archive.addfile(_entry(name, tarfile.DIRTYPE, 0o1777 if file.stat().st_mode & stat.S_ISVTX else 0o755))
    else:
        content = file.read_bytes()
        entry = _entry(name, tarfile.REGTYPE, 0o755 if file.stat().st_mode & 0o100 else 0o644)
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))


def _entry(name: str, kind: bytes, mode: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode, entry.mtime = kind, mode, 0
    return entry


def _config(description: Description, packed: Sequence[bytes]) -> dict[str, Any]:
    return {
        "created": "1970-01-01T00:00:00Z",
        "architecture": description.architecture or _architecture(),
        "os": "linux",
        "config": {
            "Env": [f"{name}={value}" for name, value in sorted(description.environment.items())],
            "Entrypoint": list(description.entrypoint),
            "Cmd": list(description.command),
            "WorkingDir": description.working_folder,
            "User": description.user,
            "Labels": dict(sorted(description.labels.items())),
        },
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(each).hexdigest() for each in packed]},
        "history": [{"created": "1970-01-01T00:00:00Z", "created_by": "sandbox.aws.images"} for _ in packed],
    }


def _architecture() -> str:
    machine = platform.machine().lower()
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)


def _json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


@dataclass(frozen=True, slots=True)
class _Registry:
    """One repository of a registry, over the distribution protocol."""

    host: str
    name: str
    token: str = field(repr=False)

    def put_blob(self, blob: Blob) -> None:
        status, _, _ = self._ask("HEAD", self._path(f"blobs/{blob.digest}"))
        if status == http.client.OK:
            return
        headers = self._must("POST", self._path("blobs/uploads/"), http.client.ACCEPTED)
        place = urlsplit(headers["location"])
        query = "&".join(filter(None, [place.query, urlencode({"digest": blob.digest})]))
        self._must("PUT", f"{place.path}?{query}", http.client.CREATED, blob.content, "application/octet-stream")

    def put_manifest(self, manifest: Blob, tag: str) -> str:
        path = self._path(f"manifests/{quote(tag, safe='')}")
        headers = self._must("PUT", path, http.client.CREATED, manifest.content, manifest.media_type)
        return headers.get("docker-content-digest", "")

    def _path(self, rest: str) -> str:
        return f"/v2/{self.name}/{rest}"

    def _must(self, method: str, path: str, wanted: int, body: bytes = b"", kind: str = "") -> dict[str, str]:
        status, headers, content = self._ask(method, path, body, kind)
        if status != wanted:
            raise ImageError(f"{self.host}/{self.name}: {method} answered {status}: {_words(content)}")
        return headers

    def _ask(self, method: str, path: str, body: bytes = b"", kind: str = "") -> tuple[int, dict[str, str], bytes]:
        headers = {"Authorization": f"Basic {self.token}", "Content-Length": str(len(body))}
        connection = self._connect()
        try:
            connection.request(method, path, body, headers | ({"Content-Type": kind} if kind else {}))
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        except OSError as error:
            raise ImageError(f"the registry {self.host} does not answer: {error}") from error
        finally:
            connection.close()

    def _connect(self) -> http.client.HTTPConnection:
        """Loopback speaks plain HTTP, as every container engine takes it; anything else speaks TLS."""
        if urlsplit(f"//{self.host}").hostname in _LOOPBACK:
            return http.client.HTTPConnection(self.host, timeout=_SECONDS)
        return http.client.HTTPSConnection(self.host, timeout=_SECONDS)


def _words(content: bytes) -> str:
    try:
        return "; ".join(f"{each['code']}: {each['message']}" for each in json.loads(content)["errors"])
    except (ValueError, KeyError, TypeError):
        return content.decode(errors="replace")[:200]
