"""Verifier of a reply that is code: run in a sandbox, against tests or examples."""

from __future__ import annotations

import re
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from prefline.config.section import Section
from prefline.verifiers import sandbox
from prefline.verifiers.verifier import Check, Verifier, excerpt, fenced

_PYTHON = ("python", "py", "python3")


class Case(Section):
    """A program's input and the output that it is to write, white space at line ends aside."""

    input: str = ""
    output: str


class Code(Verifier):
    """Passes if the reply's Python passes `tests`, source that runs after it in its names, or, as a
    program, writes what each of `cases` says. Of several code blocks it is the last that defines
    `entry_point`, or else the last one; without any, the whole reply. It runs in a sandbox without
    network and files (bubblewrap), with limits."""

    accuracy: ClassVar[float] = 0.97  # tests are right, and seldom complete
    costly: ClassVar[bool] = True

    kind: Literal["code"]
    language: Literal["python"] = "python"
    before: str = ""
    tests: str | None = Field(None, min_length=1)
    cases: tuple[Case, ...] = Field((), max_length=50)
    entry_point: str | None = None
    cpu_s: float = Field(2.0, ge=1, le=60)
    memory_mb: int = Field(512, ge=64, le=2048)

    @model_validator(mode="after")
    def _has_one_of_both(self) -> Self:
        if (self.tests is None) == (not self.cases):
            raise ValueError("give either `tests`, source with assert, or `cases`")
        if self.tests is not None:
            try:
                compile(self.tests, "tests", "exec")
            except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
                raise ValueError(f"tests are no Python: {error}") from error
        return self

    @classmethod
    def missing(cls) -> tuple[str, str] | None:
        """Return what is not here of the sandbox."""
        return sandbox.what_is_missing()

    def check(self, text: str) -> Check:
        """Run it; the first fault is the reason."""
        source = code_of(text, self.entry_point)
        if not source.strip():
            return Check(passed=False, why="has no code")
        source = f"{self.before}\n{source}" if self.before else source
        if self.tests is not None:
            ran = self._run(source, self.tests, b"")
            return Check(passed=ran.state == "passed", why=ran.why or "passes its tests")
        for number, case in enumerate(self.cases, 1):
            ran = self._run(source, None, case.input.encode("utf-8", "replace"))
            if ran.state == "failed":
                return Check(passed=False, why=f"case {number}: {ran.why}")
            output = ran.output.decode("utf-8", "replace")
            if _trimmed(output) != _trimmed(case.output):
                why = f"case {number}: expected {excerpt(case.output)}, got {excerpt(output)}"
                return Check(passed=False, why=why)
        return Check(passed=True, why=f"passes {len(self.cases)} cases")

    def _run(self, source: str, tests: str | None, stdin: bytes) -> sandbox.Ran:
        return sandbox.run_python(
            source, tests=tests, stdin=stdin, cpu_s=self.cpu_s, memory_mb=self.memory_mb
        )


def code_of(text: str, entry_point: str | None = None) -> str:
    """Return the code of a reply: of its fenced blocks the last that defines `entry_point`, or else
    the last; all of it where there is none."""
    blocks = fenced(text, _PYTHON)
    if not blocks:
        return text
    defines = re.compile(rf"^(?:async\s+def|def|class)\s+{re.escape(entry_point or '')}\b", re.M)
    defining = [body for body in blocks if defines.search(body)] if entry_point else []
    return (defining or blocks)[-1]


def _trimmed(output: str) -> list[str]:
    return [line.rstrip() for line in output.rstrip().splitlines()]
