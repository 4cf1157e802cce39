"""The suite of `preferences`: what is published, and so held to most."""

from __future__ import annotations

import pyarrow as pa

from prefline.config import ValidateParams
from prefline.tables import PREFERENCES
from prefline.tables.endings import CALLS, UNFINISHED
from prefline.tables.schemas import has_turns
from tasks.validate.columns import Chunk, answer_faults, answer_texts, conversation_faults, pc
from tasks.validate.counts import Rule
from tasks.validate.database import Database
from tasks.validate.facts import (
    NOTHING,
    OF_PAIR,
    columns,
    join,
    literal,
    of_side,
    shared,
    unknown,
    when,
)
from tasks.validate.rules import (
    Suite,
    all_given,
    at_least,
    gate,
    made_by,
    median_within,
    no,
    once,
    one_of,
    rows_at_least,
    strictly_within,
    within,
)

LABEL_SOURCES = ("ai", "verifier", "human", "imported")
SPLITS = ("train", "test")

_REMEDY = made_by("pair")
_STALE = "the preferences were made from other prompts or responses than these: run `dvc repro`"
_ROUNDING = 1e-6
_BETWEEN, _NOTHING = "\x1e", "\x00"  # texts, and in place of one that is missing


def derive(database: Database, params: ValidateParams) -> str:
    """Return the query for what is wrong with the conversations, between columns and between
    tables."""
    table = database.facts("preferences", _of_batch)
    facts = {
        "repeats_too_often": _repeats_too_often(database, table, params.max_duplicate_share),
        "category_too_common": _too_common(database, params.max_category_share),
        **_LABEL_FACTS,
        "unknown_prompt_id": unknown("t.prompt_id", "p"),
        "prompt_in_both_splits": shared("t.prompt_id", "split_up"),
        "chosen_is_rejected": when("chosen_id = rejected_id", "chosen_id"),
        "also_rejected": shared("t.pair_id", "r"),
        **_of_side("chosen", "one"),
        **_of_side("rejected", "two"),
    }
    responses = database.known(
        "responses", "response_id", prompt="id_hash(prompt_id)", unfinished=_unfinished(database)
    )
    split_up = """(SELECT id_hash(prompt_id) AS key FROM preferences GROUP BY key
        HAVING min(split) <> max(split))"""
    again = f"""(SELECT code, min(row_at) AS first FROM {table} GROUP BY code
        HAVING count(*) > 1)"""
    return f"""
        SELECT t.*{columns(facts)} FROM {table} t
        LEFT JOIN {again} again ON again.code = t.code
        {join(database.known("prompts", "prompt_id"), "p", "t.prompt_id")}
        {join(split_up, "split_up", "t.prompt_id")}
        {join(database.known("rejections", "id", OF_PAIR), "r", "t.pair_id")}
        {join(responses, "one", "t.chosen_id")}
        {join(responses, "two", "t.rejected_id")}
    """


def _of_batch(batch: pa.RecordBatch) -> dict[str, Chunk]:
    chosen, rejected = answer_texts(batch["chosen"]), answer_texts(batch["rejected"])
    lengths = [pc.cast(pc.utf8_length(text), pa.float64()) for text in (chosen, rejected)]
    is_same, has_text = pc.equal(chosen, rejected), pc.greater(lengths[1], 0)
    return {
        "prompt_fault": conversation_faults(batch["prompt"]),
        "chosen_fault": answer_faults(batch["chosen"]),
        "rejected_fault": answer_faults(batch["rejected"]),
        "identical_text": pc.if_else(is_same, chosen, pa.scalar(None, pa.string())),
        "length_ratio": pc.if_else(has_text, pc.divide(*lengths), pa.scalar(None, pa.float64())),
        "code": _codes(batch["prompt_id"], chosen, rejected),
    }


def _codes(*texts: Chunk) -> Chunk:
    """Return what each row has in several columns of text, as one number: two rows that differ have
    the same with chance 2^-64."""
    # Imported here: it takes time, which only a run of this stage should pay.
    from pandas.util import hash_array

    joined = pc.binary_join_element_wise(
        *texts, _BETWEEN, null_handling="replace", null_replacement=_NOTHING
    )
    numbers: Chunk = pa.array(hash_array(joined.to_numpy(zero_copy_only=False), categorize=False))
    return numbers


def _repeats_too_often(database: Database, table: str, most: float) -> str:
    """Return the pairs whose prompt and texts an earlier row has, if they are more than that share
    of all rows."""
    n_rows, n_different = database.one(f"SELECT count(*), count(DISTINCT code) FROM {table}")
    if n_rows - n_different <= most * n_rows:
        return NOTHING
    return when("t.row_at > again.first", "t.pair_id")


def _too_common(database: Database, most: float) -> str:
    """Return the categories of more than that share of all rows, where there are several."""
    counts = database.read("SELECT category, count(*) AS rows FROM preferences GROUP BY category")
    rows = counts.to_pylist()
    n_rows = sum(one["rows"] for one in rows)
    common = [one["category"] for one in rows if one["category"] and one["rows"] > most * n_rows]
    if len(rows) == 1 or not common:
        return NOTHING
    return when(f"category IN ({', '.join(map(literal, common))})", "category")


_CERTAIN = "p_chosen > 0 AND p_chosen < 1"
_LABEL_FACTS = {
    "log_odds_error": when(
        f"{_CERTAIN} AND NOT isnan(log_odds)", "abs(log_odds - ln(p_chosen / (1 - p_chosen)))"
    ),
    "label_without_judgment": when("n_judgments < 1 AND label_source <> 'human'", "label_source"),
}


def _unfinished(database: Database) -> str:
    """Return whether a response is cut off. A call is an answer where it is kept."""
    unfinished = f"finish_reason IN ({', '.join(map(literal, UNFINISHED))})"
    if has_turns(database.schema("responses")):
        return f"{unfinished} AND NOT (finish_reason = {literal(CALLS)} AND turns IS NOT NULL)"
    return unfinished


def _of_side(side: str, alias: str) -> dict[str, str]:
    ids = f"t.{side}_id"
    return of_side(side, ids, alias) | {f"{side}_truncated": when(f"{alias}.unfinished", ids)}


def rules(params: ValidateParams) -> tuple[Rule, ...]:
    """Return what holds for every preference, and for all of them together."""
    return (
        _enough(params),
        *all_given(PREFERENCES, _REMEDY),
        once("pair_id", _REMEDY),
        *_text_rules(params),
        *_label_rules(),
        *_id_rules(),
    )


def _enough(params: ValidateParams) -> Rule:
    return rows_at_least(
        params.min_preferences,
        "`prefline report` says why pairs were rejected: for `truncated` raise "
        "generate.max_tokens; else draw more prompts (sample.size), judge more pairs "
        "(judge.judges.max_pairs), lower pair.min_p_chosen, or lower validate.min_preferences",
    )


def _text_rules(params: ValidateParams) -> tuple[Rule, ...]:
    most = params.max_length_ratio
    return (
        no("prompt_fault", "prompt is a conversation with known roles and text", _REMEDY),
        no("chosen_fault", "chosen is one assistant message with text", _REMEDY),
        no("rejected_fault", "rejected is one assistant message with text", _REMEDY),
        no("identical_text", "chosen and rejected have different texts", _REMEDY),
        no("chosen_truncated", "no chosen text is cut off", _REMEDY),
        no("rejected_truncated", "no rejected text is cut off", _REMEDY),
        gate(
            "length_ratio",
            median_within(
                "length_ratio",
                1 / most,
                most,
                "the judges may go by length: look at their length bias in `prefline report`, "
                "or raise validate.max_length_ratio",
            ),
            params,
        ),
        gate(
            "duplicate_share",
            no(
                "repeats_too_often",
                f"at most {params.max_duplicate_share:.0%} of the preferences repeat the prompt "
                "and both texts of another",
                "see whether a model gives the same answer again and again: raise "
                "generate.temperature, or validate.max_duplicate_share",
            ),
            params,
        ),
        gate(
            "category_share",
            no(
                "category_too_common",
                f"at most {params.max_category_share:.0%} of the preferences are of one category",
                "draw in another mix (sample.mix.categories), or raise validate.max_category_share",
            ),
            params,
        ),
    )


def _label_rules() -> tuple[Rule, ...]:
    return (
        strictly_within("p_chosen", 0.5, 1, _REMEDY),
        within("log_odds_error", 0, _ROUNDING, _REMEDY),
        at_least("log_odds_se", 0, _REMEDY),
        within("agreement", 0, 1, _REMEDY),
        at_least("n_judgments", 0, _REMEDY),
        # People are asked about pairs on which every judge was invalid.
        no("label_without_judgment", "a label that is not human has a judgment", _REMEDY),
        one_of("label_source", LABEL_SOURCES, _REMEDY),
        one_of("split", SPLITS, _REMEDY),
    )


def _id_rules() -> tuple[Rule, ...]:
    return (
        no("chosen_is_rejected", "chosen_id and rejected_id differ", _REMEDY),
        no("unknown_prompt_id", "every preference's prompt exists", _STALE),
        no("unknown_chosen_id", "every chosen response exists", _STALE),
        no("unknown_rejected_id", "every rejected response exists", _STALE),
        no("chosen_answers_other_prompt", "the chosen response answers the prompt", _REMEDY),
        no("rejected_answers_other_prompt", "the rejected response answers the prompt", _REMEDY),
        no("prompt_in_both_splits", "all pairs of a prompt are in one split", _REMEDY),
        no("also_rejected", "no preference is among the pairs that `pair` rejected", _REMEDY),
    )


SUITE = Suite("preferences", "pair_id", derive, rules)
