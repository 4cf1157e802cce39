"""From a project's preferences to a version of a dataset."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from prefline.config import PublishParams
from prefline.ids import content_hash
from prefline.labeling.quality import quality_lines
from prefline.project import Project
from prefline.releases import (
    Draft,
    Manifest,
    PublishTarget,
    Release,
    newest_active_version,
    publish,
    republish,
)
from prefline.releases.card import card
from prefline.releases.manifest import PREFERENCE
from prefline.storage import ObjectStore
from prefline.storage.opening import store_of
from prefline.tables import part_hashes, read_table
from prefline.tables.costs import read_costs
from prefline.tables.encoding import one_chunk
from prefline.tables.rejections import rejections_part
from tasks.publish import facts
from tasks.publish.cut import CUT, SAME_WHEN_CUT, TrainerView, apart_parts, read_view
from tasks.publish.formats import order_columns, prompt_columns
from tasks.publish.inputs import PublishInputs
from tasks.publish.lineage import Origin, lineage, recipe_of
from tasks.publish.parent import (
    CHANGE_COLUMNS,
    changes_between,
    meaning_of,
    read_parent,
    refuse_breaks,
)
from tasks.publish.sorting import Order, read_order, scratch_in
from tasks.publish.thinking import Reasoning
from tasks.publish.turns import are_with_tools
from tasks.publish.warrant import (
    NOT_WARRANTED,
    measure_warrant,
    refusal,
    thresholds_of,
    unwarranted,
    warranted_parts,
)
from tasks.publish.write import write_formats

Forced = Mapping[str, Any] | None
Warrant = dict[str, Any]
_SIDES = ("chosen_id", "rejected_id")
_RUBRIC = "rubric"


def publish_version(
    store: ObjectStore, inputs: PublishInputs, forced: Forced, warrant: Warrant | None = None
) -> Release:
    """Publish the project's preferences in the formats that params name.

    Where a version was made from the same files already, no text is read and nothing written but
    the channel's next entry, if it points elsewhere. `warrant` is measured where it is not given.
    Raises `ParamsError` where readers of the parent would be misled, `NotWarranted`,
    `TableError`, `DiskFull` and what the store raises.
    """
    params = inputs.params.publish
    warrant = warrant or measure_warrant(inputs)
    if forced is None and unwarranted(warrant):
        raise refusal(warrant)
    view = read_view(params, inputs.project.root)
    files = {**inputs.files, **_files_of_reasoning(inputs), **_files_of_prompts(inputs)}
    if view is not None:
        files["trainer"] = content_hash(view.told)
    recipe = recipe_of(files, params.formats, thresholds_of(warrant, forced))
    store.check_writable()
    wanted = PublishTarget(params.dataset, params.channel, recipe, params.major, forced)
    return republish(store, wanted) or _publish_new(store, inputs, forced, recipe, warrant, view)


def _publish_new(
    store: ObjectStore,
    inputs: PublishInputs,
    forced: Forced,
    recipe: str,
    warrant: Warrant,
    view: TrainerView | None,
) -> Release:
    params, root = inputs.params.publish, inputs.project.root
    parent = newest_active_version(store, params.dataset)
    meaning = meaning_of(inputs.params, inputs.asked)
    refuse_breaks(
        parent, params.formats, meaning, params.major, params.reasoning,
        has_tools=are_with_tools(inputs.parts),
    )  # fmt: skip
    with scratch_in(root / ".prefline") as scratch:
        parts, left_out = inputs.parts, dict[str, int]()
        if thresholds_of(warrant, forced):
            parts, left_out[NOT_WARRANTED] = warranted_parts(parts, warrant, scratch)
        reasoning = _reasoning_of(inputs, parts)
        if view is not None:
            parts, n_cut = apart_parts(parts, view, reasoning, scratch)
            left_out[SAME_WHEN_CUT] = n_cut
            if n_cut:
                listed = cut_pairs(inputs.project, recipe)
                listed.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(scratch / CUT, listed)
        memory_gb = inputs.params.tables.memory_gb
        order = read_order(parts, _columns(params), scratch, memory_gb)
        prompts = _prompts_of(inputs, order)
        written = write_formats(parts, order, params.formats, scratch, reasoning, prompts)
        if any(left_out.values()):
            counts = {reason: count for reason, count in left_out.items() if count}
            written = replace(written, left_out={**written.left_out, PREFERENCE: counts})
        results = facts.PublishResults(
            rows=order.rows,
            written=written,
            costs={
                "generate": read_costs(
                    inputs.project.table("responses"),
                    "model",
                    rejections_part(inputs.project.table("rejections"), "generate"),
                    work=scratch,
                    memory_gb=memory_gb,
                ),
                "judge": read_costs(
                    inputs.project.table("judgments"), "judge", work=scratch, memory_gb=memory_gb
                ),
            },
            meaning=meaning,
            parent=parent.version if parent else None,
            changes=_changes(store, parent, order, scratch, memory_gb),
            forced=forced,
            warrant=warrant,
        )
        return publish(store, _draft(inputs, results, recipe, view))


def cut_pairs(project: Project, recipe: str) -> Path:
    """Return the file that names the pairs that no version of this recipe has, since a trainer cuts
    both of their answers to the same."""
    return project.table("withheld") / f"{SAME_WHEN_CUT}-{recipe[:12]}.jsonl"


def _reasoning_of(inputs: PublishInputs, parts: Sequence[Path]) -> Reasoning | None:
    """Return the reasoning behind the answers of these preferences, where a version keeps it."""
    if inputs.params.publish.reasoning == "drop":
        return None
    tables = [pq.ParquetFile(part).read(columns=list(_SIDES)) for part in parts]
    ids = pa.concat_tables(tables)
    return Reasoning.read(inputs.project.table("responses"), [ids[side] for side in _SIDES])


def _files_of_reasoning(inputs: PublishInputs) -> dict[str, str]:
    """Return the hashes of the files of `responses`, where a version keeps their reasoning."""
    if inputs.params.publish.reasoning == "drop":
        return {}
    hashes = part_hashes(inputs.project.table("responses"))
    return {f"responses/{name}": digest for name, digest in hashes.items()} | {"reasoning": "keep"}


def _files_of_prompts(inputs: PublishInputs) -> dict[str, str]:
    """Return the hashes of the files of `prompts` and `rubrics`, as far as a format holds something
    of them."""
    wanted = prompt_columns(inputs.params.publish.formats)
    tables = (["prompts"] if wanted else []) + (["rubrics"] if _RUBRIC in wanted else [])
    return {
        f"{table}/{name}": digest
        for table in tables
        for name, digest in part_hashes(inputs.project.table(table)).items()
    }


def _prompts_of(inputs: PublishInputs, order: Order) -> pa.Table | None:
    """Return what formats want of the published prompts; None where they want nothing."""
    wanted = prompt_columns(inputs.params.publish.formats)
    if not wanted:
        return None
    columns = ["prompt_id", *(name for name in wanted if name != _RUBRIC)]
    prompts = read_table(inputs.project.table("prompts"), columns=columns)
    published = pc.unique(one_chunk(order.rows["prompt_id"]))
    prompts = prompts.filter(pc.is_in(one_chunk(prompts["prompt_id"]), value_set=published))
    if _RUBRIC in wanted:
        rubrics = read_table(inputs.project.table("rubrics"), columns=["prompt_id", "criteria"])
        # Of several judges' rubrics of a prompt the first, by the order of params.
        at = pc.index_in(one_chunk(prompts["prompt_id"]), value_set=one_chunk(rubrics["prompt_id"]))
        prompts = prompts.append_column(_RUBRIC, rubrics["criteria"].take(at))
    return prompts


def _columns(params: PublishParams) -> list[str]:
    return [*facts.COLUMNS, *CHANGE_COLUMNS, *order_columns(params.formats)]


def _changes(
    store: ObjectStore, parent: Manifest | None, order: Order, scratch: Path, memory_gb: float
) -> dict[str, Any]:
    if parent is None:
        return {}
    before = read_parent(store, parent, scratch)
    return {"parent": parent.version} | changes_between(
        before, order.rows, work=scratch, memory_gb=memory_gb
    )


def _draft(
    inputs: PublishInputs, results: facts.PublishResults, recipe: str, view: TrainerView | None
) -> Draft:
    params, validation = inputs.params.publish, inputs.validation
    origin = Origin(
        inputs.params, results.meaning, results.costs, inputs.asked, view.told if view else None
    )
    words = quality_lines(inputs.judged, inputs.paired)
    return Draft(
        dataset=params.dataset,
        files=results.written.files,
        card=card(facts.facts_of(inputs, results)),
        license=params.license,
        channel=params.channel,
        parent=results.parent,
        lineage=lineage(inputs.project.root, origin),
        validation={name: validation[name] for name in ("passed", "n_failed", "n_warnings")},
        quality={
            "words": words,
            "judges": inputs.judged["judges"],
            "pairs": inputs.paired,
            "warrant": results.warrant,
        },
        changes=results.changes,
        left_out=results.written.left_out,
        major=params.major,
        recipe=recipe,
        forced=results.forced,
    )


def release_note(release: Release, inputs: PublishInputs) -> dict[str, Any]:
    """Return what `data/release.json` says: which version this project's preferences are.

    Its `warrant` is the version's own, of when it was made.
    """
    manifest = release.manifest
    return {
        "store": store_of(inputs.params.publish),
        "dataset": manifest.dataset,
        "version": manifest.version,
        "parent": manifest.parent,
        "major": manifest.major,
        "content": manifest.content,
        "recipe": manifest.recipe,
        "formats": manifest.formats,
        "rows": manifest.rows,
        "created_at": manifest.created_at,
        "forced": manifest.forced,
        "quality": quality_lines(inputs.judged, inputs.paired),
        "warrant": manifest.quality.get("warrant"),
        "left_out": manifest.left_out,
    }
