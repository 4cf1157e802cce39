"""The section `generate`: who answers, what becomes of the answers, which come from elsewhere."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator, model_validator

from prefline.config.endpoints import BUNDLED_EMBEDDER, Endpoint
from prefline.config.sample import LayoutName
from prefline.config.section import Section, Seed

# What a table of imported responses can say, by our names.
IMPORTED_COLUMNS = (
    "prompt_id", "prompt", "messages", "tools", "model", "text", "turns", "reasoning",
    "sample_index", "finish_reason",
    "input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens", "cost_usd",
)  # fmt: skip


class RevisionParams(Section):
    """Critique and revision of what was written, by the model that wrote it (Constitutional AI,
    Bai et al. 2022, arXiv 2212.08073)."""

    principles: str = Field(
        "data/principles/constitution.jsonl",
        description="JSONL in data/principles; each principle with critique and revise",
    )
    rounds: int = Field(
        1, ge=1, description="revisions of each answer, one after another, each a candidate"
    )
    max_tokens: int | None = Field(
        None, ge=1, description="of a critique, of a revision; null for generate.max_tokens"
    )
    temperature: float = Field(0.7, ge=0)


class ImportedResponses(Section):
    """A table of responses made elsewhere: Parquet, JSONL or CSV in data/imported/responses; of a
    public set in data/imported/sets."""

    path: str = Field(min_length=1)
    layout: LayoutName | None = Field(
        None, description="a public set of judged answers (docs/formats.md); null for `columns`"
    )
    columns: dict[str, str] = Field(
        default_factory=dict, description="our name of a column: the table's"
    )
    model: str | None = Field(
        None, min_length=1, description="who wrote them; null where a column says it"
    )

    @field_validator("columns")
    @classmethod
    def _names_ours(cls, columns: dict[str, str]) -> dict[str, str]:
        for name in columns:
            if name not in IMPORTED_COLUMNS:
                ours = ", ".join(IMPORTED_COLUMNS)
                raise ValueError(f"{name!r} is no column of ours ({ours})")
        return columns

    @model_validator(mode="after")
    def _one_word_on_the_model(self) -> ImportedResponses:
        if self.layout and self.columns:
            raise ValueError("`layout` says what is what: leave out `columns`")
        if self.model is not None and "model" in self.columns:
            raise ValueError("give either model or columns.model, not both")
        return self


class BestOf(Section):
    """Keep of each prompt's answers those that a trained reward head picks."""

    path: str = Field(min_length=1, description="of a reward_head, in data/imported/models")
    endpoint: Endpoint = Field(
        Endpoint(model=BUNDLED_EMBEDDER),
        description="embeddings, of the model that it was trained with",
    )
    keep: Literal["best", "best_and_worst"] = "best_and_worst"


class GenerateParams(Section):
    """The responses to write, the models that write them, and imported responses."""

    endpoints: tuple[Endpoint, ...] = Field(
        (), description="may be empty where there are imported responses"
    )
    samples_per_prompt: int = Field(4, ge=1)
    temperature: float = Field(0.8, ge=0)
    top_p: float = Field(1.0, gt=0, le=1)
    max_tokens: int = Field(256, ge=1)
    system_prompt: str | None = None
    revision: RevisionParams | None = Field(
        None, description="critique and revision of every sample; null for none"
    )
    best_of: BestOf | None = Field(None, description="null keeps every answer")
    imported: tuple[ImportedResponses, ...] = ()
    seed: Seed = 0
    shard_size: int = Field(1_000, ge=1, description="samples per Prefect task")

    @model_validator(mode="after")
    def _has_candidates(self) -> GenerateParams:
        if not (self.endpoints or self.imported):
            raise ValueError("has neither endpoints nor imported: no response would come of it")
        models = [endpoint.model for endpoint in self.endpoints]
        if len(set(models)) < len(models):
            twice = sorted({model for model in models if models.count(model) > 1})
            raise ValueError(f"two endpoints have the same model: {', '.join(twice)}")
        return self

    @property
    def calls_per_sample(self) -> int:
        """Calls that one sample takes at most: the draft, two for each round of revision, and one
        for each answer's reward."""
        rounds = self.revision.rounds if self.revision else 0
        return 1 + 2 * rounds + (1 + rounds if self.best_of else 0)

    @property
    def answers_per_prompt(self) -> int:
        """Candidates that a prompt has at most, imported ones aside."""
        rounds = self.revision.rounds if self.revision else 0
        return len(self.endpoints) * self.samples_per_prompt * (1 + rounds)
