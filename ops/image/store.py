"""Where built images are kept: an OCI layout, a record per tag, and layers that need not be made again.

The folder, `.ops` of the main working tree, is nothing but a cache and a memory of builds: it may be deleted.
"""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from ops.errors import Exit, OpsError
from ops.image.oci import MANIFEST, Blob, digest_of, encoded
from ops.programs import run

FOLDER = ".ops"
TAG = "org.opencontainers.image.ref.name"
"""The annotation by which an OCI layout knows an image's tag."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """An image that was built, and that has imported all of its modules."""

    tag: str
    digest: str
    """Digest of the manifest: the image's name from now on."""
    platform: str
    revision: str
    dirty: bool
    builder: str
    network_off: bool
    """Whether its check ran without network. Where the platform cannot switch it off, this says so."""
    labels: Mapping[str, str] = field(default_factory=dict)
    size_bytes: int = 0
    """Of the layers as they are stored and pushed."""


@dataclass(frozen=True, slots=True)
class Store:
    """One folder of images."""

    home: Path

    @property
    def layout(self) -> Path:
        """The OCI layout; `skopeo copy oci:LAYOUT:TAG` and the like read it."""
        return self.home / "images"

    def path(self, digest: str) -> Path:
        """Where the content of that name lies."""
        algorithm, _, name = digest.partition(":")
        return self.layout / "blobs" / algorithm / name

    def put(self, content: bytes, media_type: str) -> Blob:
        """Keep a piece of content."""
        blob = Blob(media_type, digest_of(content), len(content))
        if not self.path(blob.digest).exists():
            self.path(blob.digest).parent.mkdir(parents=True, exist_ok=True)
            _write(self.path(blob.digest), content)
        return blob

    def adopt(self, file: Path, blob: Blob) -> None:
        """Keep a file as the content it is; the file is moved."""
        self.path(blob.digest).parent.mkdir(parents=True, exist_ok=True)
        shutil.move(file, self.path(blob.digest))

    def has(self, blob: Blob) -> bool:
        """Whether the content is here, whole."""
        return self.path(blob.digest).exists() and self.path(blob.digest).stat().st_size == blob.size

    def manifest(self, digest: str) -> bytes:
        """The manifest of that digest, as it was built.

        Raises:
            OpsError: it is not here.
        """
        try:
            return self.path(digest).read_bytes()
        except FileNotFoundError as error:
            raise OpsError(f"the image {digest} is not in {self.layout}", next_step="ops build") from error

    def remember(self, built: Built) -> None:
        """Keep the record of a build, and name it in the layout."""
        builds = self.home / "builds"
        builds.mkdir(parents=True, exist_ok=True)
        _write(builds / f"{built.tag}.json", json.dumps(asdict(built), indent=2).encode() + b"\n")
        _write(self.layout / "oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
        _write(self.layout / "index.json", encoded(self._index()))

    def built(self, tag: str) -> Built | None:
        """What was built under the tag; None when nothing was, or when its content is gone."""
        try:
            document = json.loads((self.home / "builds" / f"{tag}.json").read_text("utf-8"))
        except FileNotFoundError:
            return None
        built = Built(**{name: document[name] for name in Built.__dataclass_fields__})
        return built if self.path(built.digest).exists() else None

    def _index(self) -> dict[str, Any]:
        """The layout's table of contents. It is never pushed: an image is its manifest."""
        known = [self.built(path.stem) for path in sorted((self.home / "builds").glob("*.json"))]
        rows = [
            {
                **Blob(MANIFEST, each.digest, self.path(each.digest).stat().st_size).descriptor(),
                "annotations": {TAG: each.tag},
            }
            for each in known
            if each is not None
        ]
        return {"schemaVersion": 2, "manifests": rows}

    @contextmanager
    def workshop(self) -> Iterator[Path]:
        """A folder to make things in, on the same file system; gone at the end."""
        self.home.mkdir(parents=True, exist_ok=True)
        _write(self.home / ".gitignore", b"*\n")  # or the first build would make the tree dirty for the second
        folder = Path(mkdtemp(prefix="making-", dir=self.home))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def home(folder: Path, environ: Mapping[str, str]) -> Path:
    """Where images are kept: OPS_HOME, else `.ops` of the main working tree, which all its worktrees share.

    Raises:
        OpsError: the folder is in no git repository.
    """
    if given := environ.get("OPS_HOME"):
        return Path(given)
    common = run(["git", "-C", str(folder), "rev-parse", "--path-format=absolute", "--git-common-dir"]).text
    return Path(common).parent / FOLDER


def expect_built(built: Built, digest: str, where: str) -> None:
    """Refuse a digest that is not the one built: what would run is not what was tested.

    Args:
        built: what was built.
        digest: what was found.
        where: where it was found, for the error: `the registry`, `task 1f2e…`.

    Raises:
        OpsError: names both digests.
    """
    if digest != built.digest:
        raise OpsError(
            f"{where} has {digest} under tag {built.tag}, but {built.digest} was built",
            next_step="find out who pushed the other image; build a new commit, or deploy that one on purpose",
            exit_code=Exit.NOT_DONE,
        )


def _write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partly = path.with_name(f".{path.name}.{os.getpid()}")
    partly.write_bytes(content)
    partly.replace(path)
