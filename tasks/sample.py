"""Which prompts go in: read from their sources, filtered for a named reason, drawn by seed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from prefline.errors import InputError
from prefline.ids import content_hash
from prefline.params import SampleParams, Source
from prefline.prompts import Prompt, prompt_from_row
from prefline.sources import read_rows
from prefline.tables import Rejection
from prefline.verifiers import parse_verifier

Filter = Callable[[Prompt], str | None]


def empty(prompt: Prompt) -> str | None:
    """Rejects a prompt without text."""
    return None if prompt.text.strip() else "empty"


def broken_unicode(prompt: Prompt) -> str | None:
    """Rejects text that was decoded wrongly somewhere: it holds U+FFFD."""
    return "broken_unicode" if "\ufffd" in prompt.text else None


def longer_than(characters: int) -> Filter:
    """Rejects a conversation of more characters than that."""

    def too_long(prompt: Prompt) -> str | None:
        return "too_long" if len(prompt.text) > characters else None

    return too_long


@dataclass(frozen=True, slots=True)
class Sampled:
    """What sampling decided. `duplicates` counts exact copies of kept prompts: they share
    the kept one's id, so they are counted and are no rejections of their own."""

    kept: list[Prompt]
    rejected: list[Rejection]
    duplicates: int


def keep(prompts: Iterable[Prompt], max_characters: int) -> Sampled:
    """The prompts that pass every filter, by id and each once, and the others with a reason."""
    filters: list[Filter] = [empty, broken_unicode, longer_than(max_characters)]
    kept: dict[str, Prompt] = {}
    rejected: dict[str, Rejection] = {}
    offered = 0
    for prompt in prompts:
        offered += 1
        reason = next((reason for look in filters if (reason := look(prompt))), None)
        if reason is None:
            kept.setdefault(prompt.prompt_id, prompt)
        else:
            excerpt = prompt.text[:80]
            rejected[prompt.prompt_id] = Rejection(
                "sample", "prompt", prompt.prompt_id, reason, excerpt
            )
    ordered = sorted(kept.values(), key=lambda prompt: prompt.prompt_id)
    return Sampled(ordered, list(rejected.values()), offered - len(kept) - len(rejected))


def draw(prompts: list[Prompt], size: int | None, seed: int) -> list[Prompt]:
    """`size` prompts, the same ones whatever their order: those whose hash with the seed is
    lowest. A larger size adds to a smaller one's draw."""
    if size is None or size >= len(prompts):
        return prompts
    lottery = sorted(prompts, key=lambda prompt: content_hash([seed, prompt.prompt_id]))
    return sorted(lottery[:size], key=lambda prompt: prompt.prompt_id)


def read_prompts(source: Source, root: Path) -> Iterator[Prompt]:
    """The prompts of a source; a relative path is taken from the project's folder.

    Raises `InputError` for a row or a verifier that cannot be read, or if there is no row.
    """
    path = root / source.path
    place = None
    for place, row in read_rows(path):
        prompt = prompt_from_row(row, source.name, place)
        if prompt.verifier is not None:
            _check_verifier(prompt.verifier, place)
        yield prompt
    if place is None:
        raise InputError(f"{path} has no rows", "give a source with at least one prompt")


def _check_verifier(specification: str, place: str) -> None:
    try:
        parse_verifier(specification)
    except InputError as error:
        raise InputError(f"{place}: field 'verifier': {error.problem}", error.remedy) from error


def sample_prompts(params: SampleParams, root: Path) -> Sampled:
    """Read all sources, filter and draw."""
    read = (prompt for source in params.sources for prompt in read_prompts(source, root))
    sampled = keep(read, params.max_characters)
    return replace(sampled, kept=draw(sampled.kept, params.size, params.seed))
