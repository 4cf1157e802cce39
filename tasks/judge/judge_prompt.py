"""A judge's own prompt: a Markdown file of turns with named slots (`prompt` of a judge).

    Notes for people: what stands before the first heading is not sent, nor is <!-- this -->.

    # system
    You judge answers to questions about law. Reply with {{form}}, {{offered}}.

    # user
    {{question}}
    {{answer_a}}
    {{answer_b}}
    Which answer is better, {{offered}}?

Turns of `# user` and `# assistant` before the last `# user` are few-shot examples, sent as they
are. A slot of material is filled with the text between delimiters that it cannot forge. What is
filled in is never searched for slots.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from prefline.errors import InputError
from prefline.ids import sha256_of
from prefline.llm.delimiters import delimiter_tag
from prefline.sources import watched_file
from prefline.sources.rows import not_utf8
from prefline.tables.messages import Message

FOLDER = "data/judges"
SYSTEM, USER, ASSISTANT, VERDICT = "system", "user", "assistant", "verdict"
_HEADINGS = (SYSTEM, USER, ASSISTANT, VERDICT)
_HEADING = re.compile(r"#[ \t]+(\w+)[ \t]*")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_SLOT = re.compile(r"\{\{[ \t]*([^{}\n]*?)[ \t]*\}\}")
# In place of each line of a comment, so that lines keep their numbers until they are sent.
_COMMENTED = "\ue000"
_COMMENT_LINE = re.compile(rf"^[ \t]*{_COMMENTED}[{_COMMENTED} \t]*\n", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Slot:
    """A name in a prompt that is filled in. `is_material` is what the judge is asked about: it
    stands in the last turn, between delimiters; other slots may stand anywhere."""

    name: str
    meaning: str
    required: bool = False
    is_material: bool = False


QUESTION = Slot("question", "the conversation that both answer", required=True, is_material=True)
ANSWER_A = Slot("answer_a", "the answer shown first", required=True, is_material=True)
ANSWER_B = Slot("answer_b", "the answer shown second", required=True, is_material=True)
OFFERED = Slot("offered", "the letters to choose from: `A or B`, or with C for a tie")
FORM = Slot("form", "the form of the reply: one letter, or JSON with `structured`")
COMPARING = (QUESTION, ANSWER_A, ANSWER_B, OFFERED, FORM)

_LABELS = {"answer_a": "answer A", "answer_b": "answer B", "reference": "right answer"}


@dataclass(frozen=True, slots=True)
class JudgePrompt:
    """A prompt file: `opening` are the turns before the last, `shown` is the last one, `verdict`
    the second question of a judge that is asked for reasons first. `sha256` is the file's."""

    path: str
    sha256: str
    opening: tuple[Message, ...]
    shown: str
    verdict: str | None = None

    @property
    def content(self) -> list[object]:
        """All that a judge can be sent of it: without notes and comments."""
        return [*self.opening, self.shown, self.verdict]

    def first_turns(self, words: Mapping[str, str]) -> list[Message]:
        """Return the turns before the last one, with the slots that are no material filled in."""
        return [
            Message(role=turn["role"], content=_fill(turn["content"], words))
            for turn in self.opening
        ]

    def last_turn(self, material: Mapping[str, str], words: Mapping[str, str]) -> Message:
        """Return the turn that shows the material, each text of which is delimited already."""
        return Message(role=USER, content=_fill(self.shown, {**words, **material}))

    def verdict_turn(self, words: Mapping[str, str]) -> Message | None:
        """Return the second question, None if the file has none."""
        if self.verdict is None:
            return None
        return Message(role=USER, content=_fill(self.verdict, words))


def delimited(material: Mapping[str, str], mark: str | None = None) -> dict[str, str]:
    """Return texts by slot, each between delimiters that no text among them can forge; `mark` is
    given where they are shown beside others."""
    if mark is None:
        mark = delimiter_tag(*material.values())
    labels = {slot: _LABELS.get(slot, slot) for slot in material}
    return {
        slot: f"[{labels[slot]}{mark}]\n{text}\n[end {labels[slot]}{mark}]"
        for slot, text in material.items()
    }


def _fill(text: str, slots: Mapping[str, str]) -> str:
    return _SLOT.sub(lambda match: slots[match[1]], text)


def read_judge_prompt(root: Path, path: str, method: str, slots: Sequence[Slot]) -> JudgePrompt:
    """Read the prompt file that a judge of a method with these slots names.

    Raises `InputError` that names file, line, fault and remedy.
    """
    if not slots:
        raise InputError(
            f"the judging method {method!r} takes no prompt of its own",
            "leave out `prompt`, or declare `slots` in the method",
        )
    file = watched_file(root, path, FOLDER)
    if not file.is_file():
        raise InputError(f"{path} does not exist", f"put it into {FOLDER}, or correct `prompt`")
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise not_utf8(file, error) from error
    sections = _sections(file.name, text)
    parser = _Checks(file.name, method, {slot.name: slot for slot in slots})
    return parser.prompt(path, sha256_of(file), sections)


@dataclass(frozen=True, slots=True)
class _Section:
    """The text under a heading; `line` is the heading's, from 1."""

    role: str
    line: int
    text: str

    @property
    def content(self) -> str:
        """The text as it is sent: without comments, and without lines that held nothing else."""
        return _COMMENT_LINE.sub("", self.text).replace(_COMMENTED, "").strip()

    def line_of(self, place: int) -> int:
        """Return the line of a place in the text."""
        return self.line + 1 + self.text[:place].count("\n")


def _sections(name: str, text: str) -> list[_Section]:
    """Return the sections of a file, in its order; what is before the first one is left out."""
    text = _COMMENT.sub(lambda match: _COMMENTED + f"\n{_COMMENTED}" * match[0].count("\n"), text)
    sections: list[_Section] = []
    role, begun, lines = "", 0, list[str]()
    for number, line in enumerate([*text.splitlines(), "# user"], 1):
        heading = _HEADING.fullmatch(line)
        word = heading[1].casefold() if heading else ""
        if word not in _HEADINGS:
            near = difflib.get_close_matches(word, _HEADINGS, 1, cutoff=0.75) if word else []
            if near:
                raise InputError(
                    f"{name}, line {number}: unknown heading '# {heading and heading[1]}'",
                    f"did you mean '# {near[0]}'? headings are # {', # '.join(_HEADINGS)}",
                )
            lines.append(line)
            continue
        if role:
            sections.append(_Section(role, begun, "\n".join(lines)))
        role, begun, lines = word, number, []
    return sections


@dataclass(frozen=True, slots=True)
class _Checks:
    """The slots that a file must hold for a method."""

    name: str
    method: str
    slots: Mapping[str, Slot]

    def prompt(self, path: str, sha256: str, sections: Sequence[_Section]) -> JudgePrompt:
        """Return the prompt that the sections make."""
        turns = [one for one in sections if one.role != VERDICT]
        verdicts = [one for one in sections if one.role == VERDICT]
        if not turns or turns[-1].role != USER:
            line = turns[-1].line if turns else 1
            raise self._error(
                line,
                "the last turn is not '# user'",
                "end with a section '# user' that shows the answers: "
                + ", ".join(f"{{{{{name}}}}}" for name in self.slots),
            )
        self._check_order(turns)
        if verdicts and (self.method != "reasoned" or len(verdicts) > 1):
            raise self._error(
                verdicts[-1].line,
                f"a section '# {VERDICT}' too many",
                "only the method reasoned has one, for its second question",
            )
        for section in sections:
            self._check_slots(section, is_last=section is turns[-1])
        self._check_required(sections, turns[-1])
        opening = tuple(Message(role=one.role, content=one.content) for one in turns[:-1])
        verdict = verdicts[0].content if verdicts else None
        return JudgePrompt(path, sha256, opening, turns[-1].content, verdict)

    def _check_order(self, turns: Iterable[_Section]) -> None:
        """Turns alternate, from the user's on, with the system's text before them, if any."""
        expected: tuple[str, ...] = (SYSTEM, USER)
        for turn in turns:
            if not turn.content:
                raise self._error(turn.line, f"'# {turn.role}' is empty", "fill it, or drop it")
            if turn.role not in expected:
                raise self._error(
                    turn.line,
                    f"'# {turn.role}' cannot stand here",
                    "one '# system' may come first, then '# user' and '# assistant' take turns",
                )
            expected = (ASSISTANT,) if turn.role == USER else (USER,)

    def _check_slots(self, section: _Section, *, is_last: bool) -> None:
        for match in _SLOT.finditer(section.text):
            line, slot = section.line_of(match.start()), self.slots.get(match[1])
            if slot is None:
                near = difflib.get_close_matches(match[1], self.slots, 1, cutoff=0.4)
                raise self._error(
                    line,
                    f"unknown slot {{{{{match[1]}}}}}",
                    (f"did you mean {{{{{near[0]}}}}}? " if near else "")
                    + f"slots of the method {self.method}: {', '.join(self.slots)}",
                )
            if slot.is_material and not is_last:
                raise self._error(
                    line,
                    f"the slot {{{{{slot.name}}}}} stands in '# {section.role}'",
                    "only the last '# user' is about the answers; write examples out",
                )
        rest = _SLOT.sub(lambda match: " " * len(match[0]), section.text)
        for sign in ("{{", "}}"):
            if (place := rest.find(sign)) >= 0:
                raise self._error(
                    section.line_of(place), f"{sign!r} without a slot", "write {{name}} on one line"
                )

    def _check_required(self, sections: Iterable[_Section], last: _Section) -> None:
        there = {match[1] for one in sections for match in _SLOT.finditer(one.text)}
        for slot in self.slots.values():
            if slot.required and slot.name not in there:
                raise self._error(
                    last.line,
                    f"the last '# user' has no slot {{{{{slot.name}}}}}",
                    f"add it: {slot.meaning}",
                )

    def _error(self, line: int, problem: str, remedy: str) -> InputError:
        return InputError(f"{self.name}, line {line}: {problem}", remedy)
