"""What a store may be told beside its address."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import trustme

from prefline.errors import ObjectStoreError, StoreUnwritable
from prefline.storage import StoreOptions, open_store
from prefline.storage.s3 import S3Store
from tests.fault_proxy import Fault
from tests.prefline.storage.conftest import Far
from tests.prefline.storage.lax_server import LaxServer, lax_server
from tests.s3_server import use_environment

ENCRYPTED = StoreOptions(encryption="aws:kms", kms_key="key-1", storage_class="STANDARD_IA")
KEPT = {
    "x-amz-server-side-encryption": "aws:kms",
    "x-amz-server-side-encryption-aws-kms-key-id": "key-1",
    "x-amz-storage-class": "STANDARD_IA",
}


@pytest.mark.parametrize(
    ("options", "name"),
    [
        (StoreOptions(encryption="AES256"), "encryption"),
        (StoreOptions(kms_key="key"), "kms_key"),
        (StoreOptions(storage_class="STANDARD_IA"), "storage_class"),
    ],
)
def test_a_folder_refuses_what_only_s3_can_do(
    tmp_path: Path, options: StoreOptions, name: str
) -> None:
    with pytest.raises(ObjectStoreError, match=rf"is a folder, which has no {name}") as caught:
        open_store(str(tmp_path), options)
    assert f"leave {name} out" in caught.value.remedy


def test_a_folder_has_no_use_for_a_connection(tmp_path: Path) -> None:
    options = StoreOptions(endpoint_url="http://127.0.0.1:1", region="eu-west-1", profile="team")
    assert open_store(str(tmp_path), options).put("key", b"")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"addressing": "host"}, "addressing is 'host'"),
        ({"encryption": "aes"}, "encryption is 'aes'"),
        ({"storage_class": "GLACIER"}, "storage class GLACIER cannot be read at once"),
        ({"kms_key": "k"}, "kms_key is set, but the encryption is not set"),
        ({"kms_key": "k", "encryption": "AES256"}, "but the encryption is AES256"),
    ],
)
def test_an_option_that_makes_no_sense_is_named(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ObjectStoreError, match=said):
        open_store("s3://bucket/x", StoreOptions(**options))


def test_how_objects_are_kept_is_said_with_each(lax: LaxServer) -> None:
    store = open_store("s3://bucket/x", ENCRYPTED)
    store.put("key", b"data")
    assert lax.headers[-1].items() >= KEPT.items()
    open_store("s3://bucket/x").put("plain", b"data")
    assert not KEPT.keys() & lax.headers[-1].keys()


def test_how_objects_are_kept_is_said_when_an_upload_begins(far: Far, two_parts: Path) -> None:
    far.proxy.faults = [Fault("answer", "POST", "uploads", status=403, code="AccessDenied")]
    with pytest.raises(StoreUnwritable, match="access is denied"):
        open_store(far.uri, ENCRYPTED).put_file("file", two_parts)
    assert far.proxy.seen[-1].startswith("POST")
    assert far.proxy.headers[-1].items() >= KEPT.items()


def test_the_connection_is_what_the_options_say(
    lax: LaxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token")
    options = StoreOptions(endpoint_url=lax.endpoint, region="eu-west-9")
    assert open_store("s3://bucket/x", options).put("key", b"data")
    assert "/eu-west-9/s3/" in lax.headers[-1]["authorization"]
    assert lax.headers[-1]["x-amz-security-token"] == "token"


def test_a_profile_brings_key_and_endpoint(
    lax: LaxServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "config").write_text(
        "[profile team]\naws_access_key_id = of-the-team\naws_secret_access_key = secret\n"
        f"endpoint_url = {lax.endpoint}\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    for name in ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    assert open_store("s3://bucket/x", StoreOptions(profile="team")).put("key", b"data")
    assert "Credential=of-the-team/" in lax.headers[-1]["authorization"]
    with pytest.raises(StoreUnwritable, match="nobody") as caught:
        open_store("s3://bucket/x", StoreOptions(profile="nobody"))
    assert "store's profile" in caught.value.remedy


@pytest.mark.parametrize(
    ("options", "url"),
    [
        (StoreOptions(), "http://s3.test/bucket/x/key"),
        (StoreOptions(addressing="path"), "http://s3.test/bucket/x/key"),
        (StoreOptions(addressing="virtual"), "http://bucket.s3.test/x/key"),
    ],
    ids=["auto", "path", "virtual"],
)
def test_the_bucket_is_where_addressing_says(
    lax: LaxServer, monkeypatch: pytest.MonkeyPatch, options: StoreOptions, url: str
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://s3.test")
    store = open_store("s3://bucket/x", options)
    assert isinstance(store, S3Store)
    signed = store._client.generate_presigned_url("get_object", Params=store._address("key"))
    assert signed.partition("?")[0] == url


@pytest.fixture
def secure(monkeypatch: pytest.MonkeyPatch, soon: None, tmp_path: Path) -> Iterator[LaxServer]:
    """A server over HTTPS whose certificate is signed by `authority.pem`."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with lax_server(LaxServer(honours_conditions=True), context) as server:
        use_environment(monkeypatch, server.environment)
        yield server


def test_an_authority_of_ones_own_is_trusted_if_named(secure: LaxServer, tmp_path: Path) -> None:
    with pytest.raises(ObjectStoreError, match="certificate is not trusted") as caught:
        open_store("s3://bucket/x").put("key", b"")
    assert "ca_bundle" in caught.value.remedy
    store = open_store("s3://bucket/x", StoreOptions(ca_bundle=str(tmp_path / "authority.pem")))
    assert store.put("key", b"data")
    assert store.get("key") == b"data"
    assert secure.objects == {"/bucket/x/key": b"data"}


def test_over_tls_bytes_have_a_checksum_and_are_not_hashed_for_the_signature(
    secure: LaxServer, tmp_path: Path
) -> None:
    bundle = StoreOptions(ca_bundle=str(tmp_path / "authority.pem"), addressing="path")
    open_store("s3://bucket/x", bundle).put("key", b"data")
    assert secure.headers[-1]["x-amz-content-sha256"] == "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
    assert secure.headers[-1]["x-amz-trailer"] == "x-amz-checksum-crc32"
    assert secure.objects == {"/bucket/x/key": b"data"}


def test_without_tls_the_signature_covers_the_bytes(lax: LaxServer) -> None:
    open_store("s3://bucket/x").put("key", b"data")
    assert lax.headers[-1]["x-amz-content-sha256"] == sha256(b"data").hexdigest()


def test_a_server_that_knows_no_checksums_is_usable_by_a_variable(
    lax: LaxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    lax.refuses_checksums = True
    with pytest.raises(ObjectStoreError, match="InvalidArgument"):
        open_store("s3://bucket/x").put("key", b"data")
    monkeypatch.setenv("AWS_REQUEST_CHECKSUM_CALCULATION", "when_required")
    assert open_store("s3://bucket/x").put("key", b"data")
    assert lax.headers[-1]["content-md5"] == "jXd/OF09/siBXSD3SWAm3A=="


def test_without_such_checksums_parts_are_sent_with_their_md5(
    far: Far, two_parts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_REQUEST_CHECKSUM_CALCULATION", "when_required")
    far.proxy.faults = [Fault("flip-request", "PUT", "partNumber=2", at=9)]
    assert far.store.put_file("file", two_parts)
    assert not any(
        "checksum" in name
        for headers in far.proxy.headers
        for name in headers
        if name != "x-amz-checksum-mode"
    )
    assert far.store.get("file") == two_parts.read_bytes()
    assert not far.store.put_file("file", two_parts)
