"""The label model: judges' verdicts and anchors in, calibrated log-odds of each pair out."""

from typing import TYPE_CHECKING

from prefline.lazy import lazy_names
from prefline.tables.gold import VERIFIER

if TYPE_CHECKING:
    from prefline.labeling.answer_value import (
        AnswerModel,
        expected_error,
        expected_error_by_person,
        model_answers,
    )
    from prefline.labeling.evidence import (
        Evidence,
        Observation,
        gather_evidence,
        judgment_votes,
        order_of_method,
        with_verifier_accuracy,
    )
    from prefline.labeling.model import (
        AnnotatorFigures,
        LabelCounts,
        LabelModel,
        Labels,
        held_back_log_odds,
        label_table,
        label_votes,
    )
    from prefline.labeling.prior import PriorAccuracy
    from prefline.labeling.votes import Annotator, Order, Votes, read_votes

__all__ = [
    "VERIFIER",
    "Annotator",
    "AnnotatorFigures",
    "AnswerModel",
    "Evidence",
    "LabelCounts",
    "LabelModel",
    "Labels",
    "Observation",
    "Order",
    "PriorAccuracy",
    "Votes",
    "expected_error",
    "expected_error_by_person",
    "gather_evidence",
    "held_back_log_odds",
    "judgment_votes",
    "label_table",
    "label_votes",
    "model_answers",
    "order_of_method",
    "read_votes",
    "with_verifier_accuracy",
]

__getattr__ = lazy_names(
    __name__,
    {
        "answer_value": [
            "AnswerModel",
            "expected_error",
            "expected_error_by_person",
            "model_answers",
        ],
        "evidence": [
            "Evidence",
            "Observation",
            "gather_evidence",
            "judgment_votes",
            "order_of_method",
            "with_verifier_accuracy",
        ],
        "model": [
            "AnnotatorFigures",
            "LabelCounts",
            "LabelModel",
            "Labels",
            "held_back_log_odds",
            "label_table",
            "label_votes",
        ],
        "prior": ["PriorAccuracy"],
        "votes": ["Annotator", "Order", "Votes", "read_votes"],
    },
)
