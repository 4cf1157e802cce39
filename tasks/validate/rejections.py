"""The suite of `rejections`."""

from __future__ import annotations

from prefline.config import ValidateParams
from prefline.tables import REJECTIONS
from prefline.tables.rejections import STAGES
from tasks.validate.counts import Rule
from tasks.validate.rules import Suite, all_given, not_empty, nothing_derived, once_together, one_of

KINDS = ("prompt", "response", "judgment", "pair")

_REMEDY = (
    "make the stage's part again with `dvc repro --force --single-item STAGE`, where STAGE is "
    "the one that rejected it; if the fault comes again, report it with this message"
)


def rules(_params: ValidateParams) -> tuple[Rule, ...]:
    """Return what holds for every rejection."""
    return (
        *all_given(REJECTIONS, _REMEDY),
        once_together(("stage", "kind", "id"), _REMEDY),
        one_of("stage", STAGES, _REMEDY),
        one_of("kind", KINDS, _REMEDY),
        not_empty("reason", _REMEDY),
    )


SUITE = Suite("rejections", "id", nothing_derived("rejections"), rules)
