"""What is kept out of the prompts: the section `sample.filters`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from prefline.config.endpoints import Endpoint
from prefline.config.section import Section


class NearDuplicates(Section):
    """Prompts that share most of their word sequences with one that is kept."""

    threshold: float = Field(0.9, gt=0, le=1, description="Jaccard index of the shingles")
    words: int = Field(3, ge=1, description="words and signs in a shingle")
    permutations: int = Field(
        128, ge=16, le=1024, description="numbers of a MinHash signature, which finds candidates"
    )


class SemanticDuplicates(Section):
    """Prompts that mean what one that is kept means, by their embeddings."""

    endpoint: Endpoint = Field(description="one that serves /embeddings")
    similarity: float = Field(0.95, gt=0, le=1, description="cosine of two embeddings")
    max_characters: int = Field(3_000, ge=1, description="of a prompt, from its end")


class Safety(Section):
    """Prompts that a model calls unsafe."""

    endpoint: Endpoint
    asks: Literal["guard", "chat"] = Field(
        "guard",
        description="a model that is made for it and is given the conversation itself, as Llama "
        "Guard is; or any other one, which is told what to do",
    )
    max_characters: int = Field(8_000, ge=1, description="of a message, from its beginning")
    max_tokens: int = Field(30, ge=1, description="of the verdict")


class Benchmark(Section):
    """A table of an evaluation set: JSONL, CSV or Parquet in data/imported/benchmarks."""

    path: str = Field(min_length=1)
    column: str = Field("prompt", min_length=1, description="the column with the text")


class FilterParams(Section):
    """What a prompt must not be; each has a reason of its own in `rejections`."""

    languages: tuple[str, ...] | None = Field(
        None, description="ISO 639-1, such as [en, de]; null for any"
    )
    language_letters: int = Field(
        40, ge=1, description="what has fewer letters is not judged by its language"
    )
    near_duplicates: NearDuplicates | None = Field(NearDuplicates(), description="null for none")
    semantic_duplicates: SemanticDuplicates | None = None
    benchmarks: tuple[Benchmark, ...] = Field((), description="sets that must not leak")
    benchmark_run: int = Field(
        13, ge=4, description="words in a row that a prompt must not share with a benchmark"
    )
    personal: Literal["redact", "reject"] | None = Field(
        None, description="e-mail addresses, phone and card numbers, keys"
    )
    phone_region: str | None = Field(
        None, pattern="^[A-Z]{2}$",
        description="whose phone numbers are known without a country code, such as US",
    )  # fmt: skip
    words: str | None = Field(
        None, description="a file of words that no prompt is to hold, in data/imported/words"
    )
    safety: Safety | None = None

    @field_validator("languages")
    @classmethod
    def _are_codes(cls, languages: tuple[str, ...] | None) -> tuple[str, ...] | None:
        for one in languages or ():
            if not (one.isascii() and one.islower() and len(one) in (2, 3)):
                raise ValueError(f"{one!r} is no code of a language such as en or de")
        return languages
