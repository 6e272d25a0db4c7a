from collections.abc import Iterator

import pytest

from ops.errors import OpsError
from ops.image.assemble import assemble
from ops.image.oci import CONFIG, Blob, digest_of
from ops.image.push import image, push, refuse_without_base
from ops.image.registry import TRIES, Registry, RegistryError
from ops.image.source import source
from ops.image.store import Built, Store
from tests.fakes.registry import AUTHORIZATION, FakeRegistry, registry
from tests.ops.image.lamp import Lamp

OTHER = b'{"config":{},"layers":[]}'


@pytest.fixture
def there() -> Iterator[FakeRegistry]:
    with registry() as held:
        yield held


@pytest.fixture
def built(lamp: Lamp, store: Store) -> Built:
    return assemble(source(lamp.folder, allow_dirty=False), store, None)


def way(there: FakeRegistry, *, authorization: str = AUTHORIZATION) -> Registry:
    return Registry(there.url, "lamp/shade", authorization)


def test_the_registry_then_has_what_was_built(built: Built, store: Store, there: FakeRegistry) -> None:
    pushed = push(built, store, way(there))

    assert pushed.new
    assert set(pushed.uploaded) == set(there.blobs)
    assert all(digest_of(content) == digest for digest, content in there.blobs.items())
    assert digest_of(there.manifests[built.tag]) == built.digest


def test_pushing_it_again_does_nothing(built: Built, store: Store, there: FakeRegistry) -> None:
    push(built, store, way(there))
    there.asked.clear()

    pushed = push(built, store, way(there))

    assert not pushed.new
    assert there.asked == [("GET", f"/v2/lamp/shade/manifests/{built.tag}")]


def test_of_the_next_release_only_what_differs_is_sent(lamp: Lamp, store: Store, there: FakeRegistry) -> None:
    push(assemble(source(lamp.folder, allow_dirty=False), store, None), store, way(there))
    lamp.write("dispatcher/price.py", "TICK = 2\n")
    lamp.commit()

    pushed = push(assemble(source(lamp.folder, allow_dirty=False), store, None), store, way(there))

    assert len(pushed.uploaded) == 2, "our code and the configuration; the dependencies are there"


def test_a_tag_that_is_another_image_is_refused_and_both_are_named(
    built: Built, store: Store, there: FakeRegistry
) -> None:
    there.manifests[built.tag] = OTHER

    with pytest.raises(OpsError) as raised:
        push(built, store, way(there))

    assert raised.value.message == (
        f"the registry has {digest_of(OTHER)} under tag {built.tag}, but {built.digest} was built"
    )
    assert there.manifests[built.tag] == OTHER


def test_a_digest_read_back_that_is_not_the_one_built_is_refused(
    built: Built, store: Store, there: FakeRegistry
) -> None:
    there.lies = OTHER

    with pytest.raises(OpsError, match=f"the registry has {digest_of(OTHER)} under tag"):
        push(built, store, way(there))


def test_what_fails_in_passing_is_tried_again(built: Built, store: Store, there: FakeRegistry) -> None:
    there.failing = TRIES - 1

    assert push(built, store, way(there)).new


def test_what_goes_on_failing_is_told_with_the_registrys_words(built: Built, store: Store, there: FakeRegistry) -> None:
    there.failing = 1000

    with pytest.raises(RegistryError, match=f"reading the manifest of {built.tag}: answered 503 busy"):
        push(built, store, way(there))


def test_a_refusal_to_let_us_in_shows_no_credentials(built: Built, store: Store, there: FakeRegistry) -> None:
    with pytest.raises(RegistryError) as raised:
        push(built, store, way(there, authorization="Basic c2VjcmV0"))

    assert "answered 401 who are you" in raised.value.message
    assert "c2VjcmV0" not in raised.value.message + raised.value.next_step + repr(way(there, authorization="c2VjcmV0"))


def test_nobody_at_the_registry_is_told() -> None:
    with pytest.raises(RegistryError, match="ConnectionRefusedError"):
        Registry("http://127.0.0.1:9", "lamp/shade", AUTHORIZATION).manifest("a")


def test_content_that_was_damaged_here_is_not_taken(store: Store, there: FakeRegistry) -> None:
    blob = store.put(b"content", CONFIG)
    store.path(blob.digest).write_bytes(b"tampered")

    with pytest.raises(RegistryError, match=f"uploading {blob.digest}: answered 400 DIGEST_INVALID"):
        way(there).upload(Blob(blob.media_type, blob.digest, len(b"tampered")), store.path(blob.digest))
    assert there.count("PATCH") == TRIES


def test_content_from_another_address_is_asked_for_without_authorization(there: FakeRegistry) -> None:
    there.storage = {digest_of(b"config"): b"config"}

    assert way(there).blob(digest_of(b"config")) == b"config"
    assert there.strangers == [None]


def test_content_that_is_not_what_its_name_says_is_not_believed(there: FakeRegistry) -> None:
    digest = digest_of(b"config")
    there.blobs[digest] = b"other"

    with pytest.raises(RegistryError, match=f"the registry gave {digest_of(b'other')}"):
        way(there).blob(digest)


def test_an_image_without_a_pinned_base_does_not_leave_this_machine(built: Built) -> None:
    with pytest.raises(OpsError) as raised:
        refuse_without_base(built)

    assert raised.value.message == f"the image {built.tag} stands on none, which no digest pins"
    assert "ops build --builder engine --base NAME@sha256:DIGEST" in raised.value.next_step


def test_a_release_names_the_image_by_digest(built: Built) -> None:
    named = image(built, "registry.example/lamp/shade")

    assert named.reference == f"registry.example/lamp/shade@{built.digest}"
    assert (named.git, named.tag, named.dirty, named.schema_head) == (built.revision, built.tag, False, "0007")
