"""What croissant.json says of a version; `mlcroissant` validates and reads it where that is
installed, which this project does not depend on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from prefline.ids import sha256_of
from prefline.releases.croissant import CROISSANT, croissant
from prefline.releases.manifest import DataFile, Manifest
from tests.tasks.publish.rows import some_pairs, written

FORMATS = ("preference", "kto", "ranked", "nemo_rl", "llama_factory")
ROWS = some_pairs(4)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as `get` writes it."""
    root = tmp_path_factory.mktemp("croissant")
    files, schemas = [], {}
    for draft in written(root, ROWS, formats=FORMATS).files:
        path = f"{draft.format}/{draft.path.name}"
        size, rows = draft.path.stat().st_size, pq.read_metadata(draft.path).num_rows
        file = DataFile(draft.split, sha256_of(draft.path), size, rows, draft.format)
        files.append((file, path))
        schemas[draft.format] = pq.read_schema(draft.path)
    manifest = Manifest(
        dataset="demo", version=3, parent=None, files=tuple(file for file, _ in files), schema={},
        card_sha256="", created_at="2026-01-01T00:00:00+00:00", license="CC-BY-4.0",
    )  # fmt: skip
    (root / "out" / CROISSANT).write_bytes(croissant(manifest, files, schemas))
    return root / "out"


def metadata_in(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / CROISSANT).read_text())
    return content


def test_what_the_format_requires_and_recommends_is_there(folder: Path) -> None:
    # https://docs.mlcommons.org/croissant/docs/croissant-spec.html, "Dataset-level information"
    metadata = metadata_in(folder)

    assert metadata["@type"] == "sc:Dataset"
    assert metadata["conformsTo"] == "http://mlcommons.org/croissant/1.0"
    for name in ("@context", "name", "description", "license", "datePublished", "version"):
        assert metadata[name], name
    assert metadata["version"] == "1.3.0"


def test_every_file_is_named_with_its_hash_and_lies_where_it_says(folder: Path) -> None:
    objects = [
        one for one in metadata_in(folder)["distribution"] if one["@type"] == "cr:FileObject"
    ]
    sets = {one["@id"]: one for one in metadata_in(folder)["distribution"]
            if one["@type"] == "cr:FileSet"}  # fmt: skip

    assert {one["contentUrl"] for one in objects} == {
        str(path.relative_to(folder)) for path in folder.rglob("*.parquet")
    }
    for one in objects:
        assert one["sha256"] == sha256_of(folder / one["contentUrl"])
    included = [path for one in sets.values() for path in one["includes"]]
    assert sorted(included) == sorted(one["contentUrl"] for one in objects)


def test_every_column_is_a_field_with_its_meaning_and_nested_ones_have_leaves(folder: Path) -> None:
    records = {one["name"]: one for one in metadata_in(folder)["recordSet"]}
    assert list(records) == list(FORMATS)
    fields = {one["name"]: one for one in records["nemo_rl"]["field"]}
    schema = pq.read_schema(next((folder / "nemo_rl").glob("*.parquet")))

    assert list(fields) == schema.names
    assert fields["p_chosen"]["dataType"] == "sc:Float"
    assert fields["p_chosen"]["description"] == "calibrated probability that chosen is better"
    assert fields["context"]["repeated"] is True
    leaves = {one["source"]["transform"]["jsonPath"]: one["dataType"]
              for one in fields["completions"]["subField"]}  # fmt: skip
    assert leaves == {
        "rank": "sc:Integer", "completion[*].role": "sc:Text", "completion[*].content": "sc:Text",
    }  # fmt: skip
    pairs = {one["name"]: one for one in records["ranked"]["field"]}["pair_ids"]
    assert (pairs["dataType"], pairs["repeated"]) == ("sc:Text", True)


def test_mlcroissant_validates_it_and_reads_every_record(folder: Path) -> None:
    mlcroissant = pytest.importorskip("mlcroissant")
    dataset = mlcroissant.Dataset(jsonld=str(folder / CROISSANT))

    assert not dataset.metadata.issues.errors
    counts = {name: sum(1 for _ in dataset.records(name)) for name in ("preference", "ranked")}
    assert counts == {"preference": len(ROWS), "ranked": 4}
    record = next(iter(dataset.records("preference")))
    assert record["preference/prompt"][0]["preference/prompt/role"] == b"user"
