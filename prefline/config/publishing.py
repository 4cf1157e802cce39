"""The section `publish`: where a version goes, in which formats, and what its number promises."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from prefline.config.plugins import PluginGroup
from prefline.config.section import Section

_PREFERENCE = "preference"
# Declared in `tasks`, which this package does not import: the stage that publishes loads them.
PUBLISH_FORMATS = PluginGroup[Any](
    "prefline.formats",
    "publish format",
    {
        "preference": "tasks.publish.formats.pairs:PREFERENCE",
        "reward_soft": "tasks.publish.formats.pairs:REWARD_SOFT",
        "reward_margin": "tasks.publish.formats.pairs:REWARD_MARGIN",
        "kto": "tasks.publish.formats.unpaired:KTO",
        "sft": "tasks.publish.formats.unpaired:SFT",
        "ranked": "tasks.publish.formats.ranked:RANKED",
        "reward_bench_2": "tasks.publish.formats.reward_bench:REWARD_BENCH_2",
        "verl": "tasks.publish.formats.verl:VERL",
        "rubrics": "tasks.publish.formats.rubrics:RUBRIC_FORMAT",
        "nemo_rl": "tasks.publish.formats.trainers:NEMO_RL",
        "openrlhf": "tasks.publish.formats.trainers:OPENRLHF",
        "ms_swift": "tasks.publish.formats.trainers:MS_SWIFT",
        "llama_factory": "tasks.publish.formats.trainers:LLAMA_FACTORY",
        "axolotl": "tasks.publish.formats.trainers:AXOLOTL",
    },
)


class S3Params(Section):
    """Options of an S3 beside what the usual AWS variables say. Keys are never here: they
    come from those variables, a profile or the machine's role."""

    endpoint_url: str | None = Field(
        None, description="of another S3 than Amazon's; null for AWS_ENDPOINT_URL"
    )
    addressing: Literal["auto", "path", "virtual"] = Field(
        "auto", description="whether the bucket stands in the path or in the host's name"
    )
    ca_bundle: str | None = Field(None, description="PEM file of the authority to trust")
    profile: str | None = Field(None, description="null for AWS_PROFILE")
    region: str | None = Field(None, description="null for AWS_REGION")
    encryption: Literal["AES256", "aws:kms"] | None = Field(
        None, description="server-side encryption of what is written; null for the bucket's own"
    )
    kms_key: str | None = Field(None, description="key of aws:kms; null for the account's default")
    storage_class: str | None = Field(None, description="such as STANDARD_IA; null for STANDARD")

    @field_validator("endpoint_url")
    @classmethod
    def _holds_no_password(cls, url: str | None) -> str | None:
        if url is not None and not url.startswith(("http://", "https://")):
            raise ValueError("must begin with http:// or https://")
        if url is not None and "@" in url:
            raise ValueError("holds a password; give keys in the AWS variables or a profile")
        return url

    @model_validator(mode="after")
    def _has_a_use_for_its_key(self) -> S3Params:
        if self.kms_key is not None and self.encryption != "aws:kms":
            raise ValueError("kms_key is of use with encryption: aws:kms only")
        return self


class HubParams(Section):
    """A copy on the Hugging Face Hub, tagged with the version's number; the token is HF_TOKEN."""

    repo: str = Field(
        pattern=r"^[A-Za-z0-9][\w.-]*/[\w.-]+$", description="of kind dataset: organisation/name"
    )
    private: bool = Field(True, description="of a repository that is made by the first copy")


class WarrantParams(Section):
    """The share of published labels that people must agree with, and how sure that must be.

    Labels below the threshold for which that holds are not published: `publish` puts them into
    data/withheld, for people."""

    agreement: float = Field(
        0.9, gt=0.5, lt=1, description="share of the labels that people agree with, at least"
    )
    confidence: float = Field(
        0.9, ge=0.5, lt=1, description="chance at which a warrant is right, at least"
    )


class PublishParams(Section):
    """The store, dataset and formats of a version. `store` is a folder or `s3://bucket/prefix`."""

    store: str = Field("store", min_length=1)
    dataset: str = Field("demo", pattern=r"^[a-z0-9][a-z0-9._-]*$")
    channel: str = Field(
        "latest", pattern=r"^[a-z][a-z0-9._-]*$", description="follows each publish"
    )
    license: str = "CC-BY-4.0"
    formats: tuple[str, ...] = Field(
        (_PREFERENCE,), description="preference is always there; see docs/formats.md for the others"
    )
    reasoning: Literal["drop", "keep"] = Field(
        "drop",
        description="what models thought before the published answers: leave it out, or keep it as "
        "`thinking` of the messages, as TRL takes it",
    )
    tokenizer: str | None = Field(
        None,
        description="of the model that is to be trained: a tokenizer.json, a folder that has one, "
        "the bundled model, or one of the Hugging Face Hub; with max_tokens",
    )
    max_tokens: int | None = Field(
        None,
        ge=1,
        description="where the trainer cuts conversations; a pair that is the same in its first "
        "max_tokens tokens is not published",
    )
    chat_template: str | None = Field(
        None,
        description="a Jinja file, in place of the tokenizer's own chat template; every pair's "
        "prompt must begin what it and an answer are written to",
    )
    major: int = Field(
        1, ge=1, description="raise it where a column goes or a label comes to mean something else"
    )
    single_publisher: bool = Field(
        False,
        description="no two ever publish at once, so a store without create-if-absent will do",
    )
    warrant: WarrantParams | None = Field(
        None, description="null publishes all preferences and says what is known of them"
    )
    experiments: Literal["local", "publish"] = Field(
        "local",
        description="local: what `dvc exp run` publishes stays in .prefline/experiments, and no "
        "channel of the store moves; publish: as any other run",
    )
    s3: S3Params = S3Params()
    hub: HubParams | None = Field(None, description="null for no copy on the Hugging Face Hub")

    @field_validator("store")
    @classmethod
    def _is_an_address(cls, store: str) -> str:
        scheme, separator, _ = store.partition("://")
        if separator and scheme != "s3":
            raise ValueError(
                f"{scheme}:// is no scheme of a store: write a folder or s3://bucket/prefix (other "
                "clouds have addresses for S3 clients, see `s3.endpoint_url`)"
            )
        if not store.isprintable():
            raise ValueError("has characters that cannot be printed")
        return store

    @model_validator(mode="after")
    def _tells_tokens_and_their_number(self) -> PublishParams:
        if (self.tokenizer is None) != (self.max_tokens is None):
            raise ValueError("set tokenizer and max_tokens together, or neither")
        return self

    @field_validator("formats")
    @classmethod
    def _has_preference_first(cls, formats: tuple[str, ...]) -> tuple[str, ...]:
        for name in formats:
            PUBLISH_FORMATS.refuse_unknown(name)
        others = sorted(set(formats) - {_PREFERENCE})
        return (_PREFERENCE, *others)
