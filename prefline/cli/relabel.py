"""The command `prefline relabel`: an old version labelled again, to see what would be otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from prefline.cli.output import AsJson, emit
from prefline.cli.project_commands import project_module
from prefline.cli.releases import VersionUri
from prefline.errors import InputError, ParamsError
from prefline.text import number_of

if TYPE_CHECKING:
    from prefline.config import PairParams
    from prefline.project import Project
    from prefline.releases import Location, Manifest

_SECTION = "pair"
_TABLES = ("judgments", "responses", "prompts", "rejections")
_SHOWN = 5  # flips named for a person


def relabel(
    uri: VersionUri,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="pair.KEY=VALUE", help="A param that is otherwise."),
    ] = None,
    without: Annotated[
        list[str] | None, typer.Option(metavar="JUDGE", help="A judge that is not heard.")
    ] = None,
    reviews: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Answers of people; else data/reviews.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE.parquet", help="The labels, a row a preference.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Label a version's pairs again under other params, judges or answers, and print the flips.

    From the judgments that it was made of, without a call; nothing in the project changes.
    """
    from prefline.project import find_project
    from prefline.releases import locate, read_manifest

    if out is not None and out.suffix.lower() != ".parquet":
        raise InputError(f"--out {out} does not end in .parquet", "name a Parquet file")
    project = find_project()
    tool = project_module(project, "tasks.pair.relabel")
    location = locate(uri)
    manifest = read_manifest(location)
    written = manifest.lineage.get("params", {}).get(_SECTION, {})
    changed = with_changes(written, set_ or [])
    stored = _stored(tool, project, manifest)
    kept = stored.without(_known_judges(stored, without or []))
    answers = _answers(project, manifest, reviews)
    published = _published(tool, location, manifest)
    as_was = tool.relabel(stored, answers, _params(written, uri))
    if changed == written and not without:
        found = as_was
    else:
        found = tool.relabel(kept, answers, _params(changed, uri))
    data = {
        "version": f"{location.uri}@{manifest.version}",
        "set": set_ or [],
        "without": without or [],
        "answers": len(answers.given),
        "pairs": found.pairs,
        "withheld": manifest.left_out.get("preference", {}).get("not_warranted", 0),
        "by_the_change": tool.changes(as_was.labels, found.labels),
        "against_the_version": tool.changes(published, found.labels),
        "people_agree": {"before": as_was.agreement, "after": found.agreement},
        "out": str(out) if out else None,
    }
    if out is not None:
        _write(found.labels, out)
    emit(_text(data), data, as_json=as_json)


def with_changes(section: Mapping[str, Any], settings: list[str]) -> dict[str, Any]:
    """Return the params of a section with settings such as `pair.review.random_share=0.1`.

    Raises `ParamsError` for one of another section or without a value.
    """
    import copy

    import yaml

    changed = copy.deepcopy(dict(section))
    for setting in settings:
        place, mark, text = setting.partition("=")
        first, *keys = place.strip().split(".")
        if not mark or not keys or first != _SECTION:
            raise ParamsError(
                f"--set {setting!r} is not pair.KEY=VALUE",
                "labels depend on the section `pair`; for another stage change params.yaml and run "
                "`dvc repro`, or `dvc exp run -S`",
            )
        try:
            value = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise ParamsError(f"--set {setting!r}: {error}", "give the value as YAML") from error
        _set(changed, keys, value, setting)
    return changed


def _set(section: dict[str, Any], keys: list[str], value: Any, setting: str) -> None:
    *above, last = keys
    for key in above:
        section = section.setdefault(key, {})
        if not isinstance(section, dict):
            raise ParamsError(f"--set {setting!r}: {key} has no keys", "see docs/params.md#pair")
    section[last] = value


def _params(section: Mapping[str, Any], uri: str) -> PairParams:
    from pydantic import ValidationError

    from prefline.config import PairParams
    from prefline.config.read import problems_of

    try:
        return PairParams.model_validate(section)
    except ValidationError as error:
        problems = "; ".join(problems_of(error, section, section=_SECTION))
        raise ParamsError(
            f"{uri} cannot be labelled under these params: {problems}",
            "see docs/params.md#pair; `prefline show --json` tells what the version itself had",
        ) from error


def _stored(tool: Any, project: Project, manifest: Manifest) -> Any:
    """Return what the version was made of. Raises `InputError` for what is not here."""
    from prefline.releases.dvc_cache import PastTables
    from prefline.tables import read_table

    tables = PastTables(project, manifest, _TABLES, optional=("rejections",))
    if tables.missing:
        raise InputError(
            f"{manifest.dataset}@{manifest.version} cannot be labelled again here: "
            + "; ".join(tables.missing),
            "the judgments of a version are in the DVC cache of the project that made it",
        )

    rejections = [
        row for part in tables.parts("rejections") for row in read_table(part).to_pylist()
    ]
    judges = manifest.lineage.get("params", {}).get("judge", {}).get("judges", [])
    return tool.stored_from(
        tables.parts("judgments"),
        tables.parts("responses"),
        tables.parts("prompts"),
        rejections,
        {judge["name"] for judge in judges if judge.get("kind") == "human"},
    )


def _known_judges(stored: Any, named: list[str]) -> list[str]:
    judges = sorted(stored.judgments["judge"].unique().to_pylist())
    for name in named:
        if name not in judges:
            raise InputError(
                f"--without {name}: no judgment is by that judge",
                f"the version's judges: {', '.join(judges) or 'none'}",
            )
    return named


def _answers(project: Project, manifest: Manifest, folder: Path | None) -> Any:
    if folder is not None and not folder.is_dir():
        raise InputError(f"--reviews {folder} is no folder", "name one with answers of people")
    read_answers = project_module(project, "tasks.pair.answers").read_answers
    return read_answers(folder or project.reviews, _responses(project, manifest))


def _responses(project: Project, manifest: Manifest) -> Iterator[dict[str, Any]]:
    """Yield the version's responses, which are read only where an answer names one by its text."""
    from prefline.releases.dvc_cache import PastTables
    from prefline.tables import read_table

    for part in PastTables(project, manifest, ("responses",)).parts("responses"):
        yield from read_table(part, columns=["response_id", "prompt_id", "text"]).to_pylist()


def _published(tool: Any, location: Location, manifest: Manifest) -> dict[str, Any]:
    import pyarrow.parquet as pq

    from prefline.releases.transfer import verified_path

    names = ["prompt_id", "chosen_id", "p_chosen", "label_source", "category"]
    labels: dict[str, Any] = {}
    for file in manifest.of("preference"):
        path = verified_path(location, file)
        for row in pq.ParquetFile(path).read(columns=["pair_id", *names]).to_pylist():
            labels[row["pair_id"]] = tool.Label(*(row[name] for name in names))
    return labels


def _write(labels: Mapping[str, Any], out: Path) -> None:
    from dataclasses import asdict

    import pyarrow as pa
    import pyarrow.parquet as pq

    from prefline.atomic import atomic_write

    rows = [{"pair_id": name, **asdict(labels[name])} for name in sorted(labels)]
    names = ("pair_id", "prompt_id", "chosen_id", "label_source", "category")
    kinds = dict.fromkeys(names, pa.string()) | {"p_chosen": pa.float64()}
    schema = pa.schema([pa.field(name, kind) for name, kind in kinds.items()])
    with atomic_write(out) as file:
        pq.write_table(pa.Table.from_pylist(rows, schema), file, compression="zstd")


def _text(data: Mapping[str, Any]) -> str:
    how = [*data["set"], *(f"without {name}" for name in data["without"])]
    whole, change = data["against_the_version"], data["by_the_change"]
    lines = [
        f"{data['version']} labelled again{': ' + ', '.join(how) if how else ''}",
        f"  {number_of(data['pairs'], 'pair')}, {number_of(data['answers'], 'answer')} of people",
        f"  by the change alone: {_counts(change)}",
        f"  against the version as published: {_counts(whole)}",
    ]
    if data["withheld"]:
        lines.append(
            f"  (the version withheld {number_of(data['withheld'], 'label')} without a warrant: "
            "that counts as added here)"
        )
    agree = data["people_agree"]
    lines.append(
        f"  people agree with {_agreement(agree['before'])} before, {_agreement(agree['after'])} "
        "after (drawn pairs, by fits that did not see them)"
    )
    lines += [
        f"  flipped in {category}: {_figure(figure)}"
        for category, figure in change["by_category"].items()
        if figure["count"]
    ]
    lines += [
        f"  flip {row['pair_id']}: {row['chosen_before']} (p {row['p_before']:.3f}) -> "
        f"{row['chosen_after']} (p {row['p_after']:.3f})"
        for row in change["flips"][:_SHOWN]
    ]
    if data["out"]:
        lines.append(f"  written to {data['out']}")
    return "\n".join(lines)


def _counts(changes: Mapping[str, Any]) -> str:
    return (
        f"{changes['before']:,} preferences -> {changes['after']:,}; flipped "
        f"{_figure(changes['flipped'])} of {changes['both']:,} in both; removed "
        f"{_figure(changes['removed'])}; added {_figure(changes['added'])}"
    )


def _figure(figure: Mapping[str, Any]) -> str:
    if not figure["count"]:
        return "0"
    interval = "" if figure["low"] is None else f" [{figure['low']:.2%}, {figure['high']:.2%}]"
    return f"{figure['count']:,} ({figure['value']:.2%}{interval})"


def _agreement(figure: Mapping[str, Any]) -> str:
    if not figure["n"]:
        return "none drawn"
    return f"{figure['agrees']:.0%} [{figure['low']:.0%}, {figure['high']:.0%}] of {figure['n']:,}"
