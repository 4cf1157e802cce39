"""The reference pages, written from the code: `python -m prefline.cli.reference` (`make docs`)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import pyarrow as pa
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from prefline.config import PUBLISH_FORMATS, Params
from prefline.config.endpoints import Endpoint, Prices
from prefline.config.generate import ImportedResponses, RevisionParams
from prefline.config.judge import (
    METHODS,
    AdaptiveParams,
    ComparingJudge,
    EndpointJudge,
    Judge,
    ModelJudge,
    OrderedJudge,
)
from prefline.config.learning import (
    TRAINERS,
    HumanPairs,
    LoraParams,
    PolicyTest,
    Training,
    TunedParams,
)
from prefline.config.publishing import HubParams, S3Params, WarrantParams
from prefline.config.sample import (
    FILTERS,
    SOURCES,
    DiversityParams,
    EvolveParams,
    FilterParams,
    HoldOut,
    MixParams,
    PromptFilter,
    Source,
    UncertaintyParams,
)
from prefline.config.stages import ReviewParams
from prefline.tables import SCHEMAS
from prefline.tables.schemas import MESSAGES, with_turns


def _sections_of_methods() -> dict[str, type[BaseModel]]:
    """Return the sections that occur inside those of judging methods alone, by their titles."""
    sections: dict[str, type[BaseModel]] = {}
    for name in METHODS.builtin:
        for field in METHODS.get(name).params.model_fields.values():
            for kind in get_args(field.annotation):
                if isinstance(kind, type) and issubclass(kind, BaseModel):
                    sections[f"a {kind.__name__.lower()}"] = kind
    return sections


# What occurs inside the stages' sections; the bases of others stand before them.
_PARTS: Mapping[str, type[BaseModel]] = {
    "an endpoint": Endpoint,
    "prices": Prices,
    "a source": Source,
    **{f"a source, kind {name}": SOURCES.get(name) for name in SOURCES.builtin},
    "sample.filters": FilterParams,
    **{f"sample.filters.{name}": FILTERS.get(name) for name in FILTERS.builtin},
    "sample.hold_out": HoldOut,
    "sample.mix": MixParams,
    "sample.mix.uncertainty": UncertaintyParams,
    "sample.mix.diversity": DiversityParams,
    "sample.evolve": EvolveParams,
    "a revision": RevisionParams,
    "imported responses": ImportedResponses,
    "a judge": Judge,
    "a judge that asks": EndpointJudge,
    "a model judge": ModelJudge,
    "a judge of an order": OrderedJudge,
    "a comparing judge": ComparingJudge,
    **{f"judge, method {name}": METHODS.get(name).params for name in METHODS.builtin},
    **_sections_of_methods(),
    "judge.adaptive": AdaptiveParams,
    "pair.review": ReviewParams,
    "publish.warrant": WarrantParams,
    "publish.s3": S3Params,
    "publish.hub": HubParams,
    "a training": Training,
    "a tuning": TunedParams,
    **{f"train, method {name}": TRAINERS.get(name).params for name in TRAINERS.builtin},
    "train.lora": LoraParams,
    "evaluate.policy": PolicyTest,
    "a table of human labels": HumanPairs,
}
_NOTE = "This page is written from the code by `make docs`; a test checks that it is up to date."


def tables_page() -> str:
    """`docs/tables.md`: every table with its columns, their types, meanings and units."""
    lines = [
        "# Tables",
        "",
        _NOTE,
        "",
        "Each table is a folder of Parquet files `data/<table>/part-00000.parquet`, zstd. Ids are",
        "content hashes: the first 16 hex digits of a SHA-256. `data/review/` holds its rows as",
        "`queue.parquet`, and what reviewers see of them in the formats of annotation tools",
        "([reviews.md](reviews.md)).",
    ]
    for name, schema in SCHEMAS.items():
        lines += ["", f"## {name}", "", *_table_of(schema)]
    lines += ["", "# Tables with tools", ""]
    lines += ["One row that has tools, or an answer of several turns, makes the whole table one",
              "with these columns, beside those above that are not named here; see",
              "[formats.md](formats.md). A table without such a row is as above."]  # fmt: skip
    for name in ("prompts", "held_out", "responses", "preferences", "review"):
        wide = with_turns(SCHEMAS[name])
        more = [one for one in wide if one not in [*SCHEMAS[name]]]
        lines += ["", f"## {name} with tools", "", *_table_of(pa.schema(more))]
    lines += ["", "# Formats", ""]
    lines += ["What a published version may hold beside the rows of `preferences`, by request",
              "(`publish.formats`), each with files of its own."]  # fmt: skip
    for name in PUBLISH_FORMATS.builtin:
        if name != "preference":
            declared = PUBLISH_FORMATS.get(name)
            lines += ["", f"## {name}", "", f"{declared.description}.", ""]
            lines += _table_of(declared.schema)
    return "\n".join(lines) + "\n"


def _table_of(schema: pa.Schema) -> list[str]:
    head = ["| column | type | null | meaning |", "| --- | --- | --- | --- |"]
    return head + [_column_line(column) for column in schema]


def _column_line(column: pa.Field[Any]) -> str:
    facts = {key.decode(): value.decode() for key, value in (column.metadata or {}).items()}
    unit = f" ({facts['unit']})" if "unit" in facts else ""
    kind = "list of {role, content}" if column.type == MESSAGES else _kind(column.type)
    null = "yes" if column.nullable else ""
    return f"| `{column.name}` | {kind} | {null} | {facts['meaning']}{unit} |"


def _kind(kind: pa.DataType) -> str:
    """Return a type in words, without the type of each member of a struct."""
    if isinstance(kind, pa.ListType) and isinstance(kind.value_type, pa.StructType):
        return "list of {" + ", ".join(one.name for one in kind.value_type) + "}"
    return str(kind.value_type).join(("list of ", "s")) if pa.types.is_list(kind) else str(kind)


def params_page() -> str:
    """`docs/params.md`: every key of `params.yaml` with its type and default."""
    lines = ["# Params", "", _NOTE, ""]
    lines += ["`params.yaml` has one section per stage; a stage becomes stale only by its own.",
              "An unknown key is an error that names the nearest known one."]  # fmt: skip
    for name, field in Params.model_fields.items():
        if name not in ("endpoints", "train"):  # anchors; and one section for each method, below
            lines += _section_lines(field.alias or name, field.annotation)
    for title, section in _PARTS.items():
        lines += _section_lines(title, section)
    return "\n".join(lines) + "\n"


def _section_lines(title: str, section: Any) -> list[str]:
    """Return a section with the keys that it does not share with one above it."""
    assert issubclass(section, BaseModel)
    above = [name for name, one in _PARTS.items() if one in section.__mro__[1:]]
    shared = {key for name in above for key in _PARTS[name].model_fields}
    about = (section.__doc__ or "").strip().split("\n\n")
    lines = ["", f"## {title}", "", *(" ".join(part.split()) for part in about)]
    own = {name: field for name, field in section.model_fields.items() if name not in shared}
    if issubclass(section, FilterParams):
        return lines + _filter_lines()
    if above:
        lines.append(f"It has the keys of {above[-1]}{', and these:' if own else '.'}")
    if issubclass(section, PromptFilter) and section.shorthand:
        lines += ["", f"A value without keys is the `{section.shorthand}`."]
    if not own:
        return lines
    lines += ["", "| key | type | default | meaning |", "| --- | --- | --- | --- |"]
    told = {"a judge", "a training"} & set(above)
    method = section.model_fields.get("method") if told else None
    return lines + [
        _key_line(name, field)
        for name, field in (own | ({"method": method} if _is_named(method) else {})).items()
    ]


def _filter_lines() -> list[str]:
    """Return the table of built-in filters, from their declarations."""
    head = ["", "| key | looks at | asks a model | reasons |", "| --- | --- | --- | --- |"]
    return head + [
        f"| `{name}` | {section.scope} | {'yes' if section.asks_model else ''} | {section.reason} |"
        for name, section in ((name, FILTERS.get(name)) for name in FILTERS.builtin)
    ]


def _is_named(method: FieldInfo | None) -> bool:
    return method is not None and method.annotation is not str


def _key_line(name: str, field: FieldInfo) -> str:
    default = "required" if field.is_required() else f"`{_shown(field)}`"
    kind = (
        field.annotation.__name__ if isinstance(field.annotation, type) else str(field.annotation)
    )
    kind = re.sub(r"(?:prefline|tasks)\.(?:\w+\.)+|typing\.", "", kind)
    kind = re.sub(r"Annotated\[.*\]", "a judge, ...]", kind)
    return f"| `{name}` | {kind.replace('|', 'or')} | {default} | {field.description or ''} |"


def _shown(field: FieldInfo) -> Any:
    value = field.get_default(call_default_factory=True)
    if isinstance(value, tuple) and value and isinstance(value[0], BaseModel):
        return ", ".join(str(getattr(one, "name", one)) for one in value)
    return value.model_dump() if isinstance(value, BaseModel) else value


_PROMPT_NOTE = (
    "`prompt` of a judge names a file in `data/judges`: "
    "[judging.md](judging.md#a-judge-s-own-prompt)."
)


def methods_page() -> str:
    """Return `docs/methods.md`: every built-in judging method with what its declaration says."""
    lines = ["# Judging methods", "", _NOTE, ""]
    lines += ["`judge.judges` in `params.yaml` says which of them judge, with which keys",
              "([params.md](params.md)); [judging.md](judging.md) is about judging as a whole.", "",
              "| method | asks | says | order | probability |",
              "| --- | --- | --- | --- | --- |"]  # fmt: skip
    for name in METHODS.builtin:
        method = METHODS.get(name)
        order = "can sway it" if method.sees_order else "is not seen"
        probability = "yes" if method.gives_probability else "no"
        lines.append(f"| `{name}` | {method.asks} | {method.says} | {order} | {probability} |")
    lines += ["", "## Slots of a judge's own prompt", "", _PROMPT_NOTE, "",
              "| method | slot | filled with |", "| --- | --- | --- |"]  # fmt: skip
    for name in METHODS.builtin:
        lines += [
            f"| `{name}` | `{{{{{slot.name}}}}}`{', required' if slot.required else ''} "
            f"| {slot.meaning} |"
            for slot in METHODS.get(name).slots
        ]
    return "\n".join(lines) + "\n"


PAGES = {"tables.md": tables_page, "params.md": params_page, "methods.md": methods_page}

if __name__ == "__main__":
    for file, page in PAGES.items():
        (Path("docs") / file).write_text(page(), encoding="utf-8")
