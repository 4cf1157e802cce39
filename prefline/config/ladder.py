"""How judging spends its calls where not every judge is asked everything."""

from __future__ import annotations

from pydantic import Field

from prefline.config.section import Section


class LadderParams(Section):
    """Adaptive judging: a pilot that every model judge answers in full, then further questions
    only where the label is still open and an answer could change it. List the judges from the
    cheapest to the strongest; what an answer of each is worth is measured, their order decides
    only between equals. A call costs what its endpoint's prices say, all the same where none has
    a price. What is open at the end is left to `pair`, which sends it to people."""

    stop_at: float = Field(
        0.95, gt=0.5, le=1, description="a pair is closed once p_chosen has reached this"
    )
    min_gain: float = Field(
        0.003,
        ge=0,
        lt=0.5,
        description="labels that a call of average price must be expected to put right; 0 asks "
        "about open pairs until there is no question left",
    )
    pilot_pairs: int = Field(
        250, ge=1, description="pairs, drawn at random, that every judge is asked about in full"
    )
    gold_share: float = Field(
        0.6, ge=0, le=1, description="share of the pilot taken from pairs that a verifier decides"
    )
    max_calls: int | None = Field(None, ge=0, description="of all model judges; never passed")
    max_usd: float | None = Field(
        None, ge=0, description="of all model judges, every call at its highest price; never passed"
    )
    max_waves: int = Field(6, ge=1, description="rounds of questions, the pilot among them")
