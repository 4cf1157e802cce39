"""The suite of `preferences`: what is published, and so held to most."""

from __future__ import annotations

import pyarrow as pa

from prefline.config import ValidateParams
from prefline.tables import PREFERENCES
from prefline.tables.endings import CALLS, UNFINISHED
from prefline.tables.schemas import has_turns
from tasks.validate.columns import (
    Chunk,
    Column,
    Rows,
    answer_faults,
    answer_texts,
    by_batch,
    conversation_faults,
    pc,
)
from tasks.validate.facts import (
    codes,
    equal,
    on_both_sides,
    over_all,
    places,
    repeated,
    shared,
    too_common,
    unknown,
    where,
)
from tasks.validate.rules import (
    Rule,
    Suite,
    Tables,
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


def derive(tables: Tables, params: ValidateParams) -> dict[str, Column]:
    """Return what is wrong with the conversations, between columns and between tables."""
    preferences = tables["preferences"]
    return (
        _of_texts(preferences, params)
        | _of_label(preferences)
        | _of_ids(tables)
        | {"category_too_common": too_common(preferences["category"], params.max_category_share)}
    )


def _of_texts(preferences: Rows, params: ValidateParams) -> dict[str, Column]:
    found = by_batch(preferences, ("prompt_id", "prompt", "chosen", "rejected"), _of_batch)
    again = repeated(found.pop("code"))
    often = over_all(preferences["pair_id"], again, params.max_duplicate_share)
    return found | {"repeats_too_often": often}


def _of_batch(batch: pa.RecordBatch) -> dict[str, Chunk]:
    chosen, rejected = answer_texts(batch["chosen"]), answer_texts(batch["rejected"])
    lengths = [pc.cast(pc.utf8_length(text), pa.float64()) for text in (chosen, rejected)]
    return {
        "prompt_fault": conversation_faults(batch["prompt"]),
        "chosen_fault": answer_faults(batch["chosen"]),
        "rejected_fault": answer_faults(batch["rejected"]),
        "identical_text": equal(chosen, rejected),
        "length_ratio": where(pc.greater(lengths[1], 0), pc.divide(*lengths)),
        "code": codes(batch["prompt_id"], chosen, rejected),
    }


def _of_label(preferences: Rows) -> dict[str, Column]:
    p, source = preferences["p_chosen"], preferences["label_source"]
    error = pc.abs(pc.subtract(preferences["log_odds"], pc.ln(pc.divide(p, pc.subtract(1.0, p)))))
    certain = pc.and_(pc.greater(p, 0), pc.less(p, 1))
    baseless = pc.and_(pc.less(preferences["n_judgments"], 1), pc.not_equal(source, "human"))
    return {
        "log_odds_error": where(certain, error),
        "label_without_judgment": where(baseless, source),
    }


def _of_ids(tables: Tables) -> dict[str, Column]:
    preferences, rejections = tables["preferences"], tables["rejections"]
    by_pair = pc.and_(pc.equal(rejections["stage"], "pair"), pc.equal(rejections["kind"], "pair"))
    prompts = preferences["prompt_id"]
    return {
        "unknown_prompt_id": unknown(prompts, tables["prompts"]["prompt_id"]),
        "prompt_in_both_splits": on_both_sides(prompts, preferences["split"]),
        "chosen_is_rejected": equal(preferences["chosen_id"], preferences["rejected_id"]),
        "also_rejected": shared(preferences["pair_id"], rejections["id"].filter(by_pair)),
        **_of_side("chosen", preferences, tables["responses"]),
        **_of_side("rejected", preferences, tables["responses"]),
    }


def _of_side(side: str, preferences: Rows, responses: Rows) -> dict[str, Column]:
    ids = preferences[f"{side}_id"]
    at = places(ids, responses["response_id"])
    answered = pc.take(responses["prompt_id"], at)
    ending = pc.take(responses["finish_reason"], at)
    unfinished = pc.is_in(ending, pa.array(list(UNFINISHED)))
    if has_turns(responses.schema):
        # A call is an answer where it is kept.
        called = pc.and_(pc.equal(ending, CALLS), pc.is_valid(pc.take(responses["turns"], at)))
        unfinished = pc.and_not(unfinished, pc.fill_null(called, False))
    return {
        f"unknown_{side}_id": where(pc.is_null(at), ids),
        f"{side}_answers_other_prompt": where(
            pc.not_equal(answered, preferences["prompt_id"]), ids
        ),
        f"{side}_truncated": where(unfinished, ids),
    }


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
