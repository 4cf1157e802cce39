"""The sections `train`, `evaluate` and `improve`: models from a version, and their measures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Protocol

from pydantic import Field, SerializeAsAny, field_validator, model_validator

from prefline.config.endpoints import BUNDLED_EMBEDDER, BUNDLED_MODEL, Endpoint
from prefline.config.judge import PairwiseJudge
from prefline.config.plugins import PluginGroup, PluginSection
from prefline.config.sample import LAYOUTS
from prefline.config.section import Section, Seed


class Training(Section):
    """The keys of every training; `method` names its trainer."""

    method: str
    publish: bool = Field(
        False, description="put the model into the object store too, beside its dataset"
    )
    seed: Seed = 0


class RewardHeadParams(Training):
    """A Bradley-Terry head over frozen embeddings of a conversation."""

    method: Literal["reward_head"]
    endpoint: Endpoint = Field(
        Endpoint(model=BUNDLED_EMBEDDER), description="one that serves /embeddings"
    )
    max_characters: int = Field(
        3_000, ge=1, description="of a conversation, from its end, that are embedded"
    )
    ridges: tuple[float, ...] = Field(
        (0.001, 0.01, 0.1, 1.0, 10.0, 100.0),
        min_length=1,
        description="weights of the penalty to choose from, by cross-validation",
    )
    folds: int = Field(5, ge=2, description="of the cross-validation, grouped by prompt")

    @field_validator("ridges")
    @classmethod
    def _penalise(cls, ridges: tuple[float, ...]) -> tuple[float, ...]:
        if min(ridges) <= 0:
            raise ValueError("each must be above 0: without a penalty there may be no maximum")
        return ridges


class LoraParams(Section):
    """Low-rank adapters (LoRA, Hu et al. 2021, arXiv 2106.09685) instead of all weights."""

    rank: int = Field(16, ge=1)
    alpha: float = Field(32.0, gt=0)
    dropout: float = Field(0.0, ge=0, lt=1)


class TunedParams(Training):
    """The keys shared by the trainings of a whole language model (TRL; the extra `train`)."""

    base: str = Field(
        BUNDLED_MODEL,
        min_length=1,
        description="the bundled model, a folder, or a name on the Hugging Face Hub",
    )
    lora: LoraParams | None = Field(LoraParams(), description="null tunes all weights")
    pairs_per_prompt: int | None = Field(
        4, ge=1, description="drawn by hash, so that no prompt weighs too much; null for all"
    )
    epochs: float = Field(1.0, gt=0)
    learning_rate: float = Field(1e-4, gt=0)
    warmup_share: float = Field(0.1, ge=0, lt=1, description="of the steps")
    pairs_per_step: int = Field(16, ge=1, description="pairs behind one step of the optimiser")
    max_tokens: int = Field(512, ge=16, description="of a conversation")
    checkpoint_steps: int = Field(
        20, ge=1, description="a killed training goes on from the last checkpoint"
    )


class RewardModelParams(TunedParams):
    """A language model with one output, trained by TRL's RewardTrainer."""

    method: Literal["reward_model"]
    center_rewards: float | None = Field(
        None, gt=0, description="weight of the penalty that keeps rewards around zero"
    )


class DpoParams(TunedParams):
    """Direct preference optimisation (Rafailov et al. 2023, arXiv 2305.18290) by TRL."""

    method: Literal["dpo"]
    loss: tuple[str, ...] = Field(
        ("sigmoid",), min_length=1, description="any that TRL's DPOTrainer has; several are added"
    )
    loss_weights: tuple[float, ...] | None = Field(None, description="one for each loss")
    beta: float = Field(0.1, gt=0)
    label_smoothing: float | None = Field(
        None, ge=0, lt=0.5,
        description="share of labels taken to be flipped, for losses that know one (robust, "
        "exo_pair); null for what the calibrated p_chosen say",
    )  # fmt: skip

    @model_validator(mode="after")
    def _weighs_each_loss(self) -> DpoParams:
        if self.loss_weights is not None and len(self.loss_weights) != len(self.loss):
            raise ValueError("loss_weights needs one weight for each of loss")
        return self


class TrainerDeclaration(Protocol):
    """The part of a trainer's declaration that this package reads.

    The whole of it is `tasks.train.trainers.Trainer`.
    """

    params: type[Any]
    produces: str
    needs_extra: bool

    def endpoints(self, params: Any, /) -> Sequence[Endpoint]:
        """Return the endpoints that training asks."""
        ...


# Declared in `tasks`, which this package does not import: loaded where a section names one.
TRAINERS: PluginGroup[TrainerDeclaration] = PluginGroup(
    "prefline.trainers",
    "trainer",
    {
        "reward_head": "tasks.train.head:REWARD_HEAD",
        "reward_model": "tasks.train.language_model:REWARD_MODEL",
        "dpo": "tasks.train.language_model:DPO",
    },
)

AnyTraining = Annotated[SerializeAsAny[Training], PluginSection(TRAINERS, "method")]


# The columns of a table of human labels, by our names, in each layout.
_OF_ALL = ("category", "p_chosen")
HUMAN_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "columns": ("prompt", "messages", "chosen", "rejected", *_OF_ALL),
    "transcripts": ("chosen", "rejected", *_OF_ALL),
    "sided": ("prompt", "messages", "response_a", "response_b", "label", *_OF_ALL),
}


class HumanPairs(Section):
    """A table of pairs that people have labelled: Parquet, JSONL or CSV in
    data/imported/human; a public set may lie in data/imported/sets."""

    name: str = Field(min_length=1, pattern=r"^[A-Za-z0-9_.-]+$")
    path: str = Field(min_length=1)
    layout: str = Field(
        "columns",
        description="columns: prompt, chosen, rejected; transcripts: whole dialogues as in "
        "Anthropic HH; sided: two responses and a label that names one; or the name of a public "
        "set (docs/formats.md)",
    )
    columns: dict[str, str] = Field(
        default_factory=dict,
        description="our name of a column: the table's; dots lead into what is nested",
    )
    labels: dict[str, Literal["a", "b", "tie"]] = Field(
        default_factory=dict, description="sided: a word of the table's: the side that it names"
    )
    max_pairs: int | None = Field(None, ge=1, description="drawn by hash; null for all")

    @model_validator(mode="after")
    def _names_what_the_layout_has(self) -> HumanPairs:
        if self.layout not in HUMAN_COLUMNS:
            if self.layout not in LAYOUTS.names():
                known = ", ".join([*HUMAN_COLUMNS, *LAYOUTS.names()])
                raise ValueError(f"there is no layout {self.layout!r}; known: {known}")
            if self.columns or self.labels:
                raise ValueError(f"{self.layout} says what is what: leave out columns and labels")
            return self
        ours = HUMAN_COLUMNS[self.layout]
        for name in self.columns:
            if name not in ours:
                raise ValueError(
                    f"{name!r} is no column of the layout {self.layout} ({', '.join(ours)})"
                )
        if self.labels and self.layout != "sided":
            raise ValueError("labels go with the layout sided only")
        return self


class PolicyTest(Section):
    """The test of a policy on the prompts that `sample` held out: the base by itself, so that a
    reward model can pick among its answers, or a trained policy beside it."""

    endpoint: Endpoint = Field(Endpoint(), description="the base policy")
    tuned: Endpoint | None = Field(
        None, description="where a trained policy is served; null starts data/model/policy.gguf"
    )
    previous: Endpoint | None = Field(
        None, description="the policy of the round before, where that is not the base"
    )
    max_prompts: int | None = Field(None, ge=1, description="drawn by hash; null for all")
    samples_per_prompt: int = Field(4, ge=1)
    temperature: float = Field(0.8, ge=0)
    max_tokens: int = Field(40, ge=1)
    system_prompt: str | None = Field(
        None, description="before each prompt, as `generate.system_prompt` of the data it learnt"
    )
    judge: PairwiseJudge | None = Field(
        None,
        description="for win rates on prompts without a verifier; it must have taken no part in "
        "the training",
    )
    proxy: str | None = Field(
        None,
        description="folder in data/imported/models of the reward model that judged, so that "
        "rounds can see it rise without the policy getting better",
    )
    divergence: bool = Field(
        True, description="measure KL from the base, where the extra `train` is installed"
    )


class EvaluateParams(Section):
    """The yardsticks of a trained model."""

    human: tuple[HumanPairs, ...] = ()
    policy: PolicyTest = PolicyTest()
    seed: Seed = 0


class ImproveParams(Section):
    """Rounds of the pipeline, each with the policy that the one before it has trained."""

    max_rounds: int = Field(5, ge=1)
    patience: int = Field(
        2, ge=1, description="rounds within noise of the best, after which it ends"
    )
    confidence: float = Field(
        0.95,
        gt=0.5,
        lt=1,
        description="of the interval that a difference must keep above zero",
    )
    min_gain: float = Field(
        0.01, ge=0, lt=1,
        description="share of held-out prompts that later rounds must pass beyond a round, beside "
        "the difference being beyond noise, to make it not the best",
    )  # fmt: skip
    max_length_ratio: float = Field(
        1.5, gt=1, description="length of responses against the first round's, either way"
    )
    min_diversity: float = Field(
        0.5, ge=0, le=1, description="share of the first round's distinct n-grams"
    )
    max_usd: float | None = Field(None, gt=0, description="of all rounds together")
    set: dict[str, Any] = Field(
        default_factory=dict,
        description="keys of the other sections, by dots, as they are in every round",
    )
