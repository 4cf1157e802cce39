"""Verifiers: what one is, all that are declared, and the one that a specification describes."""

from __future__ import annotations

import difflib
import os
import re
import unicodedata
from abc import abstractmethod
from collections import deque
from collections.abc import Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, ClassVar

from pydantic import ValidationError
from pydantic_core import from_json

from prefline.config.plugins import PluginGroup
from prefline.config.section import Section
from prefline.errors import EnvironmentFault, InputError
from prefline.ids import content_hash
from prefline.tables.messages import Message, final_text

RULES = 3
"""Rises where a check comes to pass other replies: then a label by it means something else."""

_FENCE = re.compile(r"\A```[a-zA-Z]*\n(.*?)\n?```\Z", re.DOTALL)
_FENCED = re.compile(
    r"^[^\S\n]*```[^\S\n]*(\w*)[^\n]*\n(.*?)^[^\S\n]*```", re.DOTALL | re.MULTILINE
)
_WRAPPING = "\"'`*_ \t\n“”‘’"
_EXCERPT = 40  # characters
_MOST_KEPT = 200_000  # results of costly checks, some 300 bytes each


@dataclass(frozen=True, slots=True)
class Check:
    """The result of a check: passed or not, and why in a few words.

    A check that could not be made is `undecided`, and not passed.
    """

    passed: bool
    why: str
    undecided: bool = False


class Undecided(Exception):
    """A check cannot tell, such as one that would take too long. `check` makes it a value."""


class Verifier(Section):
    """A programmatic check of a response, declared once: a section with its fields.

    A prompt names it by `kind`. Name the class in `VERIFIERS`, or in an entry point of the group
    `prefline.verifiers`. `accuracy` is the share of pairs with one passing response in which that
    one is better in people's eyes, as far as is known before people looked at any.
    """

    accuracy: ClassVar[float] = 0.95
    costly: ClassVar[bool] = False
    """True keeps the results, since each response is looked at for each of its pairs."""

    kind: str

    @classmethod
    def missing(cls) -> tuple[str, str] | None:
        """Return what this machine lacks to make the check, and a remedy; None if nothing."""
        return None

    @abstractmethod
    def check(self, text: str) -> Check:
        """Check a response."""
        raise NotImplementedError

    def check_turns(self, turns: Sequence[Message]) -> Check:
        """Check a response of several turns, or one that calls tools: what it says last."""
        return self.check(final_text(turns))


VERIFIERS: PluginGroup[type[Verifier]] = PluginGroup(
    "prefline.verifiers",
    "verifier",
    {
        "exact": "prefline.verifiers.answers:Exact",
        "numeric": "prefline.verifiers.answers:Numeric",
        "regex": "prefline.verifiers.answers:Regex",
        "json_schema": "prefline.verifiers.json_schema:JsonSchema",
        "constraints": "prefline.verifiers.constraints:Constraints",
        "ifeval": "prefline.verifiers.ifeval:IFEval",
        "math": "prefline.verifiers.mathematics:Mathematics",
        "code": "prefline.verifiers.code:Code",
        "sql": "prefline.verifiers.sql:Sql",
        "called": "prefline.verifiers.calls:Called",
    },
)


@lru_cache(maxsize=10_000)
def parse_verifier(specification: str) -> Verifier:
    """Return the verifier that a JSON specification describes: `{"kind": "numeric", "value": 4}`.

    Raises `InputError` that says what is wrong with it.
    """
    try:
        content: Any = from_json(specification)
    except ValueError as error:
        raise _no_verifier(specification, f"invalid JSON: {error}") from error
    kind = content.get("kind") if isinstance(content, dict) else None
    if kind is None:
        raise _no_verifier(specification, "it has no `kind`")
    if kind not in VERIFIERS.names():
        near = difflib.get_close_matches(str(kind), VERIFIERS.names(), 1)
        meant = f"; did you mean {near[0]!r}?" if near else ""
        raise _no_verifier(specification, f"kind: unknown {kind!r}{meant}")
    try:
        return VERIFIERS.get(kind).model_validate_json(specification)
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(str(part) for part in fault['loc']) or 'it'}: {fault['msg']}"
            for fault in error.errors()
        )
        raise _no_verifier(specification, faults) from error


def accuracy_of(kind: str) -> float:
    """Return what a kind of verifier declares of its accuracy; that of `Verifier` if unknown."""
    known = kind in VERIFIERS.names()
    return VERIFIERS.get(kind).accuracy if known else Verifier.accuracy


def require_checks(specifications: Iterable[str | None]) -> None:
    """Raise `EnvironmentFault` where a check of these prompts cannot be made on this machine:
    before anything is spent on what nobody could judge as they ask."""
    for kind in sorted({kind for one in set(specifications) if one and (kind := _kind(one))}):
        missing = VERIFIERS.get(kind).missing() if kind in VERIFIERS.names() else None
        if missing is not None:
            raise EnvironmentFault(
                f"prompts have a check of kind {kind!r}, which cannot be made here: {missing[0]}",
                f"{missing[1]}; or leave `verifier` out of these prompts",
            )


def _kind(specification: str) -> str | None:
    content: Any = from_json(specification)
    return content.get("kind") if isinstance(content, dict) else None


def check(verifier: Verifier, answer: str | Sequence[Message]) -> Check:
    """Check a response, a text or turns. Whatever goes wrong in a check is a value: one reply or
    one prompt is no reason to end a run."""
    if not verifier.costly:
        return _check(verifier, answer)
    text = answer if isinstance(answer, str) else final_text(answer)
    key = content_hash([verifier.model_dump_json(), text.encode("utf-8", "replace").decode()])
    result = _results.get(key)
    if result is None:
        result = _check(verifier, text)
        if not result.undecided:  # what a busy machine could not tell it may tell later
            if len(_results) >= _MOST_KEPT:
                _results.clear()
            _results[key] = result
    return result


def check_side_by_side(verifier: Verifier, answers: Iterable[str | Sequence[Message]]) -> None:
    """Make the costly checks of several responses at once, so that `check` knows their results."""
    if verifier.costly:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            deque(pool.map(partial(check, verifier), answers), maxlen=0)


_results: dict[str, Check] = {}


def _check(verifier: Verifier, answer: str | Sequence[Message]) -> Check:
    try:
        return verifier.check(answer) if isinstance(answer, str) else verifier.check_turns(answer)
    except Undecided as error:
        return Check(passed=False, why=str(error), undecided=True)
    except Exception as error:  # noqa: BLE001 - a check of another package may raise anything
        why = f"the check failed: {type(error).__name__}: {error}"
        return Check(passed=False, why=why[:200], undecided=True)


def normalise(text: str) -> str:
    """Return a reply without white space, quotes, emphasis and full stop around it; NFC."""
    bare = unicodedata.normalize("NFC", text).strip(_WRAPPING)
    return " ".join(bare.removesuffix(".").strip(_WRAPPING).split())


def without_fence(text: str) -> str:
    """Return a reply without the code fence around all of it, if there is one."""
    fenced = _FENCE.match(text.strip())
    return fenced[1] if fenced else text.strip()


def fenced(text: str, languages: Collection[str]) -> list[str]:
    """Return the code blocks of a reply that name one of these languages, or none."""
    return [body for name, body in _FENCED.findall(text) if not name or name.lower() in languages]


def excerpt(text: str) -> str:
    """Return the beginning of a text, for a message."""
    line = " ".join(text.split())
    return repr(line if len(line) <= _EXCERPT else f"{line[:_EXCERPT]}...")


def _no_verifier(specification: str, fault: str) -> InputError:
    return InputError(
        f"{specification[:120]} is no verifier: {fault}",
        "docs/prompts.md lists the kinds of verifier with their fields; another package adds one "
        f"by an entry point of the group {VERIFIERS.group!r}",
    )
