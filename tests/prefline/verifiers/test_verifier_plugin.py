"""A verifier of another package, as CONTRIBUTING.md tells to write it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from prefline.errors import InputError
from prefline.verifiers import check, parse_verifier
from tasks.judge.methods.verifier import verify
from tests.prefline.config.temporary_package import install_package
from tests.recipes import recipe
from tests.tasks.judge.material import comparison, prompt


@pytest.fixture(autouse=True)
def _installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = recipe("A verifier")
    install_package(tmp_path, monkeypatch, "prefline.verifiers", {"python": ("PythonSource", code)})


def test_the_recipe_gives_a_verifier_that_decides_between_two_responses() -> None:
    question = replace(prompt(), verifier='{"kind": "python", "max_lines": 1}')

    assert verify(comparison("print(4)", "print(", question)).side == "first"
    assert verify(comparison("4\n4", "```python\n4\n```", question)).side == "second"
    assert check(parse_verifier('{"kind": "python"}'), "4\n4").passed


@pytest.mark.parametrize(
    ("specification", "message"),
    [
        ('{"kind": "pythn"}', "unknown 'pythn'; did you mean 'python'"),
        ('{"kind": "python", "max_lines": "many"}', "max_lines: Input should be a valid integer"),
    ],
)
def test_what_is_wrong_with_its_specification_is_told_as_for_a_built_in_one(
    specification: str, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        parse_verifier(specification)
