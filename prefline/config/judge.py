"""Section `judge`: who judges, by which method, and how calls are spent."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Protocol, get_args

from pydantic import Field, SerializeAsAny, model_validator

from prefline.config.endpoints import Endpoint
from prefline.config.plugins import PluginGroup, PluginSection
from prefline.config.section import Section, Seed

NAME = r"^[A-Za-z0-9_.-]+$"


class Judge(Section):
    """The keys of every judge."""

    name: str = Field(min_length=1, pattern=NAME)
    method: str

    @property
    def is_human(self) -> bool:
        """True if the verdicts are a person's."""
        return False

    @property
    def description(self) -> str:
        """The method as the dataset card names it, with what it depends on."""
        return self.method

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """The endpoints that the judge asks; the one that gives its verdicts comes first."""
        return ()


class EndpointJudge(Judge):
    """The keys of every judge that asks an endpoint."""

    endpoint: Endpoint

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """The judge's own endpoint."""
        return (self.endpoint,)


class ModelJudge(EndpointJudge):
    """The keys of every judge that is a language model with instructions."""

    max_pairs: int | None = Field(None, ge=0, description="pairs to judge; null for all")
    gold_share: float = Field(
        0.5, ge=0, le=1, description="share of max_pairs taken from pairs that a verifier decides"
    )
    own_family: Literal["warn", "skip", "refuse"] = Field(
        "warn",
        description="for answers of the judge's own model or family: judge and warn, leave out "
        "the pairs of which one side is its own, or refuse to run",
    )
    prompt: str | None = Field(
        None,
        description="the judge's own prompt, a Markdown file in data/judges (docs/judging.md); "
        "null for the built-in one",
    )
    votes: int = Field(
        1,
        ge=1,
        le=100,
        description="times that each question is asked; the share of the verdicts is `p_first`, "
        "for endpoints without log-probabilities",
    )
    temperature: float = Field(1.0, gt=0, description="of several votes; a single one is greedy")
    ask_again: bool = Field(
        True,
        description="a reply that was cut off before its verdict is asked for once more, with "
        "twice the tokens; never one that is all reasoning, nor under max_calls or max_usd of "
        "judge.adaptive",
    )

    @property
    def description(self) -> str:
        """The method, and what else its verdicts rest on."""
        votes = f"{self.votes} votes" if self.votes > 1 else ""
        prompt = "by a prompt of its own" if self.prompt else ""
        return ", ".join(filter(None, [self.method, votes, prompt]))


class OrderedJudge(ModelJudge):
    """The keys of judges that see answers in an order, which can sway them."""

    orders: Literal["both", "random"] = Field(
        "both", description="both orders, or one drawn at random"
    )


class ComparingJudge(OrderedJudge):
    """The keys of judges that see two answers side by side."""

    ties: bool = Field(False, description="offer a third answer: equally good")
    letter_tokens: int = Field(
        4, ge=1, description="most tokens of the verdict; a model that thinks first needs more"
    )
    structured: bool = Field(
        False, description="hold the endpoint to a JSON schema of the verdict, where it knows them"
    )
    examples: str | None = Field(
        None, description="JSONL of judged examples in data/examples, shown to the judge first"
    )

    @property
    def description(self) -> str:
        """The method, what else its verdicts rest on, and whether ties are offered."""
        return f"{super().description}, ties offered" if self.ties else super().description


class PrincipledJudge(ComparingJudge):
    """The keys of judges that go by written principles."""

    principles: str = Field(
        "data/principles/constitution.jsonl", description="JSONL in data/principles"
    )


class PairwiseJudge(ComparingJudge):
    """A judge of two answers that replies with one letter."""

    # Here and not beside its method, since `evaluate.policy.judge` is one too.
    method: Literal["pairwise"]


class MethodDeclaration(Protocol):
    """The declaration of a judging method, as params and the label model read it.

    The whole of a declaration is `tasks.judge.methods.JudgingMethod`.
    """

    params: type[Any]
    asks: str
    says: str
    sees_order: bool
    gives_probability: bool
    slots: tuple[Any, ...]


METHODS: PluginGroup[MethodDeclaration] = PluginGroup(
    "prefline.methods",
    "judging method",
    {
        "verifier": "tasks.judge.methods.verifier:VerifierMethod",
        "pairwise": "tasks.judge.methods.pairwise:Pairwise",
        "reasoned": "tasks.judge.methods.reasoned:Reasoned",
        "constitution": "tasks.judge.methods.constitution:Constitution",
        "reference": "tasks.judge.methods.reference:Reference",
        "rubric": "tasks.judge.methods.rubric:Rubric",
        "listwise": "tasks.judge.methods.listwise:Listwise",
        "reward_model": "tasks.judge.methods.reward_model:RewardModel",
        "checklist": "tasks.judge.methods.checklist:Checklist",
        "served_reward": "tasks.judge.methods.served_reward:ServedReward",
        "generative_reward": "tasks.judge.methods.generative_reward:GenerativeReward",
        "imported": "tasks.judge.methods.imported:Imported",
    },
)

AnyJudge = Annotated[SerializeAsAny[Judge], PluginSection(METHODS, "method")]


def method_of(kind: type[Section]) -> str:
    """Return the word in `method` that tells a kind of section."""
    return str(get_args(kind.model_fields["method"].annotation)[0])


class AdaptiveParams(Section):
    """Adaptive judging: a calibration sample that every model judge answers in full, then further
    questions only where the label is still open and an answer could change it. List the judges
    from the cheapest to the strongest; what an answer of each is worth is measured, their order
    decides only between equals. A call costs what its endpoint's prices say, all the same where
    none has a price. What is open at the end is left to `pair`, which sends it to people."""

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
    calibration_pairs: int = Field(
        250, ge=1, description="pairs, drawn at random, that every judge is asked about in full"
    )
    gold_share: float = Field(
        0.6,
        ge=0,
        le=1,
        description="share of the calibration sample taken from pairs that a verifier decides",
    )
    max_calls: int | None = Field(None, ge=0, description="of all model judges; never passed")
    max_usd: float | None = Field(
        None, ge=0, description="of all model judges, every call at its highest price; never passed"
    )
    human_usd: float | None = Field(
        None,
        gt=0,
        description="price of a person's answer; a pair on which it promises more per USD than "
        "any judge is left to people, out of the same max_usd; null leaves people out of it",
    )
    human_accuracy: float = Field(
        0.95, gt=0.5, lt=1, description="share of a person's answers that are right"
    )
    max_batches: int = Field(
        6, ge=1, description="batches of questions, the calibration sample among them"
    )


class CanaryParams(Section):
    """Pairs of planted truth beside those that a model judge is asked about: asked anew in every
    run, paid for, never published. A judge that is right on fewer than before has changed."""

    share: float = Field(0.02, gt=0, le=1, description="of the pairs that the judge is asked about")
    min_pairs: int = Field(20, ge=1, description="canaries at least, as far as there are so many")
    examples: str | None = Field(
        None, description="JSONL of judged examples in data/examples, of which canaries are made"
    )
    verified: bool = Field(
        True, description="make canaries of prompts whose check names the right answer, too"
    )
    alarm: float = Field(
        0.01, gt=0, lt=1, description="chance of a false alarm, for each judge and run"
    )


class JudgeParams(Section):
    """The pairs to judge, and the judges."""

    judges: tuple[AnyJudge, ...] = Field(
        description="may be empty, where people's reviews alone label"
    )
    families: dict[str, str] = Field(
        default_factory=dict,
        description="model: its family, where the name does not begin with it (gpt-4o: gpt)",
    )
    pairs_per_prompt: int | None = Field(None, ge=1, description="null for every pair")
    adaptive: AdaptiveParams | None = Field(
        None, description="adaptive judging; null asks every judge everything"
    )
    canaries: CanaryParams | None = Field(
        None,
        description="pairs of planted truth, by which a change of a judge shows; null for none",
    )
    quarantine: bool = Field(
        True, description="keep responses that attack a model judge from being judged"
    )
    max_characters: int = Field(
        50_000, ge=1, description="characters of a response; a pair with a longer one is not judged"
    )
    seed: Seed = 0
    shard_size: int = Field(5_000, ge=1, description="calls per Prefect task")

    @model_validator(mode="after")
    def _names_differ(self) -> JudgeParams:
        names = [judge.name for judge in self.judges]
        if len(set(names)) < len(names):
            raise ValueError(f"two judges have the same name: {', '.join(names)}")
        return self

    @model_validator(mode="after")
    def _a_budget_has_prices(self) -> JudgeParams:
        prices = [endpoint.prices for endpoint in self.endpoints]
        free = all(price.input == price.output == 0 for price in prices)
        if self.adaptive and self.adaptive.max_usd is not None and free:
            raise ValueError("adaptive.max_usd needs an endpoint with prices; else use max_calls")
        if self.adaptive and self.adaptive.human_usd is not None and free:
            raise ValueError(
                "adaptive.human_usd needs an endpoint with prices, to be compared with; give one, "
                "such as what a GPU costs per million tokens"
            )
        return self

    @model_validator(mode="after")
    def _a_model_is_at_one_endpoint(self) -> JudgeParams:
        known: dict[str, Endpoint] = {}
        for endpoint in self.endpoints:
            if known.setdefault(endpoint.model, endpoint) != endpoint:
                raise ValueError(
                    f"two judges have different endpoints for one model, {endpoint.model}: the "
                    "reply store tells replies apart by model; give one of them another name, or "
                    "both the same endpoint (with replicas)"
                )
        return self

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """The endpoints that judges ask."""
        return tuple(endpoint for judge in self.judges for endpoint in judge.endpoints)
