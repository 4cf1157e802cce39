"""The sections of a card: what a version holds, how it was made, how good its labels are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from prefline.releases.card import CardData, Figure, JudgeData
from prefline.releases.card.markdown import code, interval, plain, table

_COUNTED = ("added", "removed", "flipped")
_CHARGES = ("calls", "input_tokens", "output_tokens", "cost_usd")
_LABEL_SOURCES = {
    "verifier": "a programmatic check",
    "ai": "model judges alone",
    "human": "people",
    "imported": "verdicts given elsewhere",
}
_BIASES = {
    "prefers_first": ("share of verdicts for what is seen first", True),
    "position_bias": ("log-odds for what is seen first", False),
    "win_rate_longer": ("share of verdicts for the longer answer", True),
    "length_bias": ("log-odds per unit of log length ratio", False),
    "self_preference": ("for answers of its own model", True),
    "intransitive": ("share of triples that go round in a circle", True),
    "inconsistent": ("share of pairs whose winner changes with the order", True),
}


def title(data: CardData) -> str:
    """Write the dataset's name."""
    return f"# {plain(data.dataset)}"


def forced(data: CardData) -> str:
    """Warn that validation was overruled, where it was."""
    if data.forced is None:
        return ""
    failed = "\n".join(f"> - {plain(failure)}" for failure in data.forced["failed"])
    return (
        "> **Warning: this version did not pass validation and was published all the same.**\n"
        f"> Reason given: {plain(data.forced['reason'])} ({plain(data.forced['at'])})\n"
        f">\n> What did not hold:\n>\n{failed}"
    )


def about(data: CardData) -> str:
    """Say what the dataset is, in a few sentences."""
    return (
        "Preference data: for each prompt a chosen and a rejected answer, with the calibrated "
        "probability that chosen is better (`p_chosen`). Made by "
        "Prefline as an immutable version: sampled prompts, several responses to each, judges, "
        "and one statistical model of what the judges said.\n\n"
        f"Major number {data.major}: it rises where a column goes, or a label comes to mean "
        "something else."
    )


def loading(data: CardData) -> str:
    """Show code that reads the version."""
    address = f"{data.store.rstrip('/')}/{data.dataset}@{data.channel}"
    others = [form.name for form in data.formats if form.name != "preference" and form.rows]
    lines = [
        "import prefline",
        f'train = prefline.load("{address}", split="train")  # a number for this version',
        "",
        "# or, in a folder that `prefline get` wrote, or from a copy on the Hugging Face Hub",
        "from datasets import load_dataset",
        'train = load_dataset("folder", split="train")',
        *(f'{name} = load_dataset("folder", "{name}", split="train")' for name in others),
    ]
    return "## How to load\n\n```python\n" + "\n".join(lines) + "\n```"


def formats(data: CardData) -> str:
    """Count rows by format and split, and what each leaves out."""
    rows = [
        (form.name, split, count, form.description)
        for form in data.formats
        for split, count in sorted(form.rows.items())
    ]
    text = "## Formats\n\n" + table(("format", "split", "rows", "what"), rows)
    left_out = [
        (form.name, reason, count)
        for form in data.formats
        for reason, count in sorted(form.left_out.items())
        if count
    ]
    if left_out:
        text += "\n\nLeft out:\n\n" + table(("format", "what", "count"), left_out)
    return text + "\n\nAll rows of a prompt are in one split."


def labels(data: CardData) -> str:
    """Count rows by what their labels rest on."""
    rows = [
        (name, count, _LABEL_SOURCES.get(name, ""))
        for name, count in sorted(data.label_sources.items())
    ]
    return "## Labels rest on\n\n" + table(("label_source", "rows", "which is"), rows)


def quality(data: CardData) -> str:
    """Give the accuracy of judges and labels, with 95 % intervals."""
    lines = [f"- {line}" for line in data.quality]
    text = "## Label quality\n\nWith 95 % intervals, by prompt.\n\n" + "\n".join(lines)
    measured = [
        (name.replace("_", " "), interval(figure, share=name not in ("brier", "ece")), figure["n"])
        for name, figure in data.against_people.items()
        if figure.get("value") is not None
    ]
    if measured:
        text += "\n\nAgainst people, on pairs drawn at random:\n\n"
        text += table(("figure", "value", "pairs"), measured)
    return text


def warrant(data: CardData) -> str:
    """Say what labels are worth in people's eyes, by threshold and category."""
    if not data.warrant:
        return ""
    standard = data.warrant["standard"]
    asked = f"at least {standard['agreement']:.0%}, confidence {standard['confidence']:.0%}"
    text = f"### Warrant\n\nPeople's agreement with the labels ({asked}):\n\n"
    text += "\n".join(f"- {plain(line, 1_000)}" for line in data.warrant["says"])
    if data.warrant["remedy"]:
        text += f"\n- remedy: {plain(data.warrant['remedy'], 1_000)}"
    for name, kind in data.warrant["kinds"].items():
        rows = [
            (f"p_chosen >= {row['threshold']:g}", row["n"], _agreement(row))
            for row in kind["by_threshold"]
            if row["n"]
        ]
        rows += [
            (f"category {category}", figure["n"], _agreement(figure))
            for category, figure in sorted(kind["by_category"].items())
        ]
        if rows:
            text += f"\n\nLabels by {name}, on pairs drawn at random:\n\n"
            text += table(("labels", "pairs", "people agree"), rows)
    return text


def _agreement(figure: Figure) -> str:
    return interval({"value": figure["agrees"], "low": figure["low"], "high": figure["high"]})


def biases(data: CardData) -> str:
    """Give what each judge's verdicts follow beside quality, and whether labels were corrected."""
    rows = [row for judge in data.judges for row in _bias_rows(judge)]
    if not rows:
        return "### Biases\n\nNo model judge was measured."
    text = "### Biases\n\n" + table(("judge", "bias", "measured", "removed from labels"), rows)
    warnings = [
        f"- {plain(judge.name)}: {plain(warning)}"
        for judge in data.judges
        for warning in judge.warnings
    ]
    return text + ("\n\n" + "\n".join(warnings) if warnings else "")


def _bias_rows(judge: JudgeData) -> list[tuple[str, str, str, bool]]:
    return [
        (judge.name, meaning, interval(judge.figures[name], share=share), name in judge.removed)
        for name, (meaning, share) in _BIASES.items()
        if judge.figures.get(name, {}).get("value") is not None
    ]


def generation(data: CardData) -> str:
    """Name the stages, the models that wrote responses, and how tokens were drawn."""
    models = table(
        ("model", "chosen", "rejected", "asked at"),
        [
            (model.name, model.chosen, model.rejected, model.at or "imported")
            for model in data.models
        ],
    )
    return "\n\n".join(
        [
            "## How it was made",
            "Stages: sample (prompts), generate (responses), judge (verdicts), pair (labels), "
            "validate, publish.",
            models,
            *(["Generation: " + _settings(data.generation) + "."] if data.generation else []),
        ]
    )


def judging(data: CardData) -> str:
    """Name the judges, and from where on a label counts."""
    rows = [(judge.name, judge.method, judge.model, judge.at) for judge in data.judges]
    text = "### Judges\n\n" + table(("judge", "method", "model", "asked at"), rows)
    if data.thresholds:
        text += f"\n\nThresholds of a label: {_settings(data.thresholds)}."
    return text + (f"\n\nMeaning of labels: `{data.meaning}`." if data.meaning else "")


def principles(data: CardData) -> str:
    """Quote every principle that a judge applied."""
    texts = {identity: text for judge in data.judges for identity, text in judge.principles}
    if not texts:
        return ""
    return "### Principles\n\n" + table(("id", "principle"), sorted(texts.items()))


def rejections(data: CardData) -> str:
    """Count what did not become a preference, by stage and reason."""
    rows = [(stage, reason, count) for (stage, reason), count in sorted(data.rejections.items())]
    if not rows:
        return "### Rejected on the way\n\nNothing."
    return "### Rejected on the way\n\n" + table(("stage", "reason", "items"), rows)


def validation(data: CardData) -> str:
    """Count the expectations that hold, and name each that does not."""
    expectations = data.validation.get("expectations", [])
    missed = [expectation for expectation in expectations if not expectation["passed"]]
    text = f"### Validation\n\n{len(expectations) - len(missed)} of {len(expectations)} hold."
    if missed:
        columns = ("table", "severity", "says", "n_failed")
        rows = [[expectation[name] for name in columns] for expectation in missed]
        text += "\n\n" + table(("table", "severity", "does not hold", "rows"), rows)
    return text


def sources(data: CardData) -> str:
    """List the licence, the sources with theirs, and the categories."""
    rows = [
        (
            source.name,
            source.rows,
            source.prompts,
            ", ".join(f"{name} ({count:,})" for name, count in source.licenses.items()),
        )
        for source in data.sources
    ]
    return "\n\n".join(
        [
            "## Licence and sources",
            f"The dataset is under {plain(data.license)}. Prompts have the licences of their "
            "sources (with the number of prompts):",
            table(("source", "rows", "prompts", "licences"), rows),
            table(("category", "rows"), sorted(data.categories.items())),
        ]
    )


def cost(data: CardData) -> str:
    """Count calls, tokens and USD, by stage and model or judge."""
    rows = [
        (stage, model, *(charges[name] for name in _CHARGES))
        for (stage, model), charges in sorted(data.costs.items())
    ]
    if not rows:
        return ""
    names = ("stage", "model or judge", "calls", "input tokens", "output tokens", "USD")
    return "## Cost\n\n" + table(names, rows)


def sample(data: CardData) -> str:
    """Show a few rows, long texts cut."""
    if not data.sample:
        return ""
    return "## Sample rows\n\n" + "\n\n".join(code(row) for row in data.sample)


def changes(data: CardData) -> str:
    """Count what changed against the parent version."""
    if data.parent is None:
        return "## Changes\n\nThis is the first version."
    head = f"## Changes since version {data.parent}\n\n"
    if not data.changes:
        return head + "They were not counted."
    rows = [
        (name, *(counts[kind] for kind in _COUNTED))
        for name, counts in sorted(data.changes["categories"].items())
    ]
    total = ("in all", *(data.changes[kind] for kind in _COUNTED))
    note = "\n\nFlipped: chosen and rejected are the other way round."
    return head + table(("category", *_COUNTED), [*rows, total]) + note


def limits(data: CardData) -> str:
    """Say what the data cannot do."""
    lines = [
        "Labels of programmatic checks say whether an answer passes the check, not whether it is "
        "well written.",
        "A label of a model judge is worth what its measured accuracy says; biases that were not "
        "measured are not removed.",
        "Pairs that judges did not settle are not in it, so it is easier than a random pair.",
        "Responses are those of the models named above, with their errors; nobody has read all "
        "of them.",
    ]
    if set(data.label_sources) == {"ai"}:
        lines.append("No label rests on a programmatic check or on people.")
    return "## Known limits\n\n" + "\n".join(f"- {line}" for line in lines)


def _settings(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{plain(name)} {plain(value)}" for name, value in values.items()) or "none"


SECTIONS: tuple[Callable[[CardData], str], ...] = (
    title,
    forced,
    about,
    loading,
    formats,
    labels,
    quality,
    warrant,
    biases,
    generation,
    judging,
    principles,
    rejections,
    validation,
    sources,
    cost,
    sample,
    changes,
    limits,
)
"""In their order on the page; one that returns no text is left out."""
