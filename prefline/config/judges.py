"""Who judges, by which method: a section for each method, told apart by `method`."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field, model_validator

from prefline.config.endpoints import BUNDLED_EMBEDDER, Endpoint
from prefline.config.section import Section

NAME = r"^[A-Za-z0-9_.-]+$"


class Judge(Section):
    """What all judges have."""

    name: str = Field(min_length=1, pattern=NAME)
    method: str


class VerifierJudge(Judge):
    """The prompt's own programmatic check, where it has one."""

    method: Literal["verifier"]


class AskingJudge(Judge):
    """What all judges that ask an endpoint share."""

    endpoint: Endpoint


class ModelJudge(AskingJudge):
    """What all judges share that are language models, told what to do."""

    max_pairs: int | None = Field(None, ge=0, description="pairs to judge; null for all")
    gold_share: float = Field(
        0.5, ge=0, le=1, description="share of max_pairs taken from pairs that a verifier decides"
    )
    own_family: Literal["warn", "skip", "refuse"] = Field(
        "warn",
        description="for answers of the judge's own model or family: judge and warn, leave out "
        "the pairs of which one side is its own, or refuse to run",
    )


class OrderedJudge(ModelJudge):
    """What judges share that see answers in an order, which can sway them."""

    orders: Literal["both", "random"] = Field(
        "both", description="both orders, or one drawn at random"
    )


class ComparingJudge(OrderedJudge):
    """What judges share that see two answers side by side."""

    ties: bool = Field(False, description="offer a third answer: equally good")
    letter_tokens: int = Field(
        4, ge=1, description="most tokens of the verdict; a model that thinks first needs more"
    )
    examples: str | None = Field(
        None, description="JSONL of judged examples in data/examples, shown to the judge first"
    )


class PairwiseJudge(ComparingJudge):
    """Which of two answers is better, in one letter."""

    method: Literal["pairwise"]


class ReasonedJudge(ComparingJudge):
    """The reasons first, then the letter in a call of its own."""

    method: Literal["reasoned"]
    max_tokens: int = Field(512, ge=1, description="of the reasons")


class ConstitutionJudge(ComparingJudge):
    """Which of two answers better follows a written principle."""

    method: Literal["constitution"]
    principles: str = Field(
        "data/principles/constitution.jsonl", description="JSONL in data/principles"
    )
    draw: Literal["one", "all"] = Field(
        "one", description="one principle drawn for each pair, or every one of them"
    )


class ReferenceJudge(ComparingJudge):
    """Which of two answers is better, beside a right one; where the prompt has a reference."""

    method: Literal["reference"]


class Criterion(Section):
    """One thing that a rubric scores."""

    name: str = Field(min_length=1, pattern=r"^[a-z][a-z0-9_]*$")
    asks: str = Field(min_length=1, description="what a high score means")
    weight: float = Field(1.0, gt=0)


_CRITERIA = (
    Criterion(name="instruction_following", asks="does all that was asked, in the form asked for"),
    Criterion(name="truthfulness", asks="says nothing false"),
    Criterion(name="honesty", asks="is as sure as it can be, and no surer"),
    Criterion(name="helpfulness", asks="is of use to the person who asked"),
)


class RubricJudge(ModelJudge):
    """Scores for each answer alone, by several criteria; the difference makes the verdict."""

    method: Literal["rubric"]
    criteria: tuple[Criterion, ...] = Field(_CRITERIA, min_length=1)
    lowest: int = Field(1, ge=0)
    highest: int = Field(10, ge=1, le=100)
    structured: bool = Field(
        True, description="hold the endpoint to a JSON schema; false where it knows none"
    )
    max_tokens: int = Field(256, ge=1)

    @model_validator(mode="after")
    def _is_a_scale(self) -> RubricJudge:
        if self.lowest >= self.highest:
            raise ValueError(f"lowest {self.lowest} must be below highest {self.highest}")
        names = [criterion.name for criterion in self.criteria]
        if len(set(names)) < len(names) or "reasons" in names:
            raise ValueError("criteria need names of their own, and not 'reasons'")
        return self


class ListwiseJudge(OrderedJudge):
    """All answers to a prompt ranked at once, in lists of at most `max_listed`; for both orders
    each list is shown from its end too."""

    method: Literal["listwise"]
    max_listed: int = Field(8, ge=2, le=26)
    max_tokens: int = Field(128, ge=1)


class RewardModelJudge(AskingJudge):
    """A trained reward model: a model's folder in data/imported/models, as the stage `train`
    leaves it in data/model."""

    method: Literal["reward_model"]
    path: str = Field(min_length=1)
    endpoint: Endpoint = Field(
        Endpoint(model=BUNDLED_EMBEDDER),
        description="embeddings for a reward_head, of the model that it was trained with",
    )


class ImportedJudge(Judge):
    """Verdicts that somebody else gave: a table in data/imported/judgments."""

    method: Literal["imported"]
    path: str = Field(min_length=1)
    kind: Literal["model", "human"] = Field(
        default="model", description="a person's verdicts are never corrected for length"
    )
    rows: dict[str, str] = Field(
        default_factory=dict, description="only the rows whose columns have these values"
    )
    columns: dict[str, str] = Field(
        default_factory=dict, description="our name of a column: the table's"
    )
    verdicts: dict[str, Literal["first", "second", "tie", "invalid"]] = Field(
        default_factory=dict, description="a word of the table's for a verdict: ours"
    )


AnyJudge = Annotated[
    VerifierJudge
    | PairwiseJudge
    | ReasonedJudge
    | ConstitutionJudge
    | ReferenceJudge
    | RubricJudge
    | ListwiseJudge
    | RewardModelJudge
    | ImportedJudge,
    Field(discriminator="method"),
]
JUDGES: tuple[type[Judge], ...] = get_args(get_args(AnyJudge)[0])


def method_of(kind: type[Section]) -> str:
    """The word in `method` that tells a kind of section, of a judge or of a training."""
    return str(get_args(kind.model_fields["method"].annotation)[0])
