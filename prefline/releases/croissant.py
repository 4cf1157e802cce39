"""Croissant metadata of a version's files, as catalogues and loaders of data sets read them.

JSON-LD by the format of MLCommons, version 1.0 (https://docs.mlcommons.org/croissant/docs/
croissant-spec.html): the files with their hashes, and for each format a record set with a field for
each column, its meaning and its type. It lies beside the card, in the folder that `get` writes and
in a copy on the Hub, and names the files as they lie there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson
import pyarrow as pa

from prefline.releases.manifest import DataFile, Manifest

CROISSANT = "croissant.json"

_CONTEXT: Mapping[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataBiases": "cr:dataBiases",
    "dataCollection": "cr:dataCollection",
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "personalSensitiveInformation": "cr:personalSensitiveInformation",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}


def croissant(
    manifest: Manifest, files: Sequence[tuple[DataFile, str]], schemas: Mapping[str, pa.Schema]
) -> bytes:
    """Return the metadata of some files of a version, each with its path in the folder.

    `schemas` are those of the files, by format.
    """
    formats = list(dict.fromkeys(file.format for file, _ in files))
    metadata = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": manifest.dataset,
        "description": f"Preference data, version {manifest.version}: {_described(formats)}. "
        "README.md beside this file is its card.",
        "version": f"{manifest.major}.{manifest.version}.0",
        "license": manifest.license,
        "datePublished": manifest.created_at,
        "distribution": [
            *(_file_object(file, path) for file, path in files),
            *(_file_set(name, files) for name in formats),
        ],
        "recordSet": [_record_set(name, schemas[name]) for name in formats],
    }
    return orjson.dumps(metadata, option=orjson.OPT_INDENT_2)


def _described(formats: Sequence[str]) -> str:
    return "in the format " + formats[0] if len(formats) == 1 else f"formats {', '.join(formats)}"


def _file_object(file: DataFile, path: str) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": path,
        "name": path,
        "contentUrl": path,
        "contentSize": f"{file.bytes} B",
        "encodingFormat": "application/x-parquet",
        "sha256": file.sha256,
    }


def _file_set(name: str, files: Sequence[tuple[DataFile, str]]) -> dict[str, Any]:
    return {
        "@type": "cr:FileSet",
        "@id": f"files-of-{name}",
        "name": f"files-of-{name}",
        "description": f"the Parquet files of the format {name}",
        "encodingFormat": "application/x-parquet",
        "includes": [path for file, path in files if file.format == name],
    }


def _record_set(name: str, schema: pa.Schema) -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": f"rows of the format {name}",
        "field": [_field(name, column) for column in schema],
    }


def _field(name: str, column: pa.Field[Any]) -> dict[str, Any]:
    """Return the field of a column; of one with structs, its leaves are fields below it."""
    meaning = (column.metadata or {}).get(b"meaning", b"").decode()
    source = {"fileSet": {"@id": f"files-of-{name}"}, "extract": {"column": column.name}}
    field: dict[str, Any] = {
        "@type": "cr:Field",
        "@id": f"{name}/{column.name}",
        "name": column.name,
        "description": meaning or column.name,
    }
    leaves = list(_leaves(column.type))
    if pa.types.is_list(column.type):
        field["repeated"] = True
    if leaves == [("", leaves[0][1])]:
        return field | {"dataType": _data_type(leaves[0][1]), "source": source}
    return field | {
        "subField": [
            {
                "@type": "cr:Field",
                "@id": f"{name}/{column.name}/{path}",
                "name": f"{column.name}/{path}",
                "description": path,
                "dataType": _data_type(kind),
                "source": {**source, "transform": {"jsonPath": path}},
            }
            for path, kind in leaves
        ]
    }


def _leaves(kind: Any) -> Iterator[tuple[str, Any]]:
    """Yield the path of each leaf below the elements of a column, and its type."""
    if pa.types.is_list(kind):
        kind = kind.value_type
    if not pa.types.is_struct(kind):
        yield "", kind
        return
    for inner in kind:
        below = "[*]" if pa.types.is_list(inner.type) else ""
        for path, leaf in _leaves(inner.type):
            yield f"{inner.name}{below}{'.' if path else ''}{path}", leaf


def _data_type(kind: Any) -> str:
    if pa.types.is_boolean(kind):
        return "sc:Boolean"
    if pa.types.is_integer(kind):
        return "sc:Integer"
    return "sc:Float" if pa.types.is_floating(kind) else "sc:Text"
