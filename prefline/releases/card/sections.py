"""What a version holds, how it is read, and what changed."""

from __future__ import annotations

from prefline.releases.card.facts import CardFacts
from prefline.releases.card.markdown import code, plain, table

_COUNTED = ("added", "removed", "flipped")


def title(facts: CardFacts) -> str:
    """The dataset's name."""
    return f"# {plain(facts.dataset)}"


def forced(facts: CardFacts) -> str:
    """A warning that validation was overruled, where it was."""
    if facts.forced is None:
        return ""
    failed = "\n".join(f"> - {plain(one)}" for one in facts.forced["failed"])
    return (
        "> **Warning: this version did not pass validation and was published all the same.**\n"
        f"> Reason given: {plain(facts.forced['reason'])} ({plain(facts.forced['at'])})\n"
        f">\n> What did not hold:\n>\n{failed}"
    )


def about(facts: CardFacts) -> str:
    """What the dataset is, in a few sentences."""
    return (
        "Preference data: for each prompt a chosen and a rejected answer, with the calibrated "
        "probability that chosen is better (`p_chosen`). Made by "
        "Prefline as an immutable version: sampled prompts, several responses to each, judges, "
        "and one statistical model of what the judges said.\n\n"
        f"Major number {facts.major}: it rises where a column goes, or a label comes to mean "
        "something else."
    )


def loading(facts: CardFacts) -> str:
    """Code that reads the version."""
    address = f"{facts.store.rstrip('/')}/{facts.dataset}@{facts.channel}"
    others = [one.name for one in facts.formats if one.name != "preference" and one.rows]
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


def formats(facts: CardFacts) -> str:
    """Rows by format and split, and what each leaves out."""
    rows = [
        (one.name, split, count, one.description)
        for one in facts.formats
        for split, count in sorted(one.rows.items())
    ]
    text = "## Formats\n\n" + table(("format", "split", "rows", "what"), rows)
    left_out = [
        (one.name, reason, count)
        for one in facts.formats
        for reason, count in sorted(one.left_out.items())
        if count
    ]
    if left_out:
        text += "\n\nLeft out:\n\n" + table(("format", "what", "count"), left_out)
    return text + "\n\nAll rows of one prompt are in one split."


def sources(facts: CardFacts) -> str:
    """Licence, sources with theirs, and categories."""
    rows = [
        (
            one.name,
            one.rows,
            one.prompts,
            ", ".join(f"{n} ({c:,})" for n, c in one.licenses.items()),
        )
        for one in facts.sources
    ]
    return "\n\n".join(
        [
            "## Licence and sources",
            f"The dataset is under {plain(facts.license)}. Prompts have the licences of their "
            "sources (with the number of prompts):",
            table(("source", "rows", "prompts", "licences"), rows),
            table(("category", "rows"), sorted(facts.categories.items())),
        ]
    )


def sample(facts: CardFacts) -> str:
    """A few rows, long texts cut."""
    if not facts.sample:
        return ""
    return "## Sample rows\n\n" + "\n\n".join(code(row) for row in facts.sample)


def changes(facts: CardFacts) -> str:
    """What changed against the parent version."""
    if facts.parent is None:
        return "## Changes\n\nThis is the first version."
    head = f"## Changes since version {facts.parent}\n\n"
    if not facts.changes:
        return head + "They were not counted."
    rows = [
        (name, *(counts[kind] for kind in _COUNTED))
        for name, counts in sorted(facts.changes["categories"].items())
    ]
    total = ("in all", *(facts.changes[kind] for kind in _COUNTED))
    note = "\n\nFlipped: chosen and rejected are the other way round."
    return head + table(("category", *_COUNTED), [*rows, total]) + note


def limits(facts: CardFacts) -> str:
    """What the data cannot do."""
    lines = [
        "Labels of programmatic checks say whether an answer passes the check, not whether it is "
        "well written.",
        "A label of a model judge is worth what its measured accuracy says; biases that were not "
        "measured are not removed.",
        "Pairs that judges did not settle are not in it, so it is easier than a random pair.",
        "Responses are those of the models named above, with their errors; nobody has read all "
        "of them.",
    ]
    if set(facts.label_sources) == {"ai"}:
        lines.append("No label rests on a programmatic check or on people.")
    return "## Known limits\n\n" + "\n".join(f"- {line}" for line in lines)
