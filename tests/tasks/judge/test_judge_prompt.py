from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from prefline.config import Judge, JudgeParams, ModelJudge
from prefline.config.judge import METHODS
from prefline.config.principles import Principle
from prefline.errors import InputError
from tasks.judge.comparisons import Comparison
from tasks.judge.context import Example, JudgeContext
from tasks.judge.jobs import JudgeJob, question_hashes, read_context
from tasks.judge.judge_prompt import COMPARING, delimited, read_judge_prompt
from tests.tasks.judge.material import MODEL, comparison, prompt, response
from tests.tasks.judge.scripted_judge import Collected, collect

ROOT = Path(__file__).parents[3]
SHOWS = "# user\n{{question}}\n{{answer_a}}\n{{answer_b}}\n"
ASKING = [name for name in METHODS.builtin if METHODS.get(name).slots]
REPLIES = {"rubric": '{"right": 5}', "listwise": "1 > 2"}
LAST = {
    "rubric": "# user\n{{question}}\n{{answer}}\n{{criteria}} {{lowest}} {{highest}} {{form}}\n",
    "listwise": "# user\n{{question}}\n{{answers}}\nRank all {{count}}.\n",
    "reference": SHOWS + "{{reference}}\n",
    "constitution": SHOWS + "By this: {{principle}}\n",
}


def project(root: Path, text: str, name: str = "mine.md") -> Path:
    folder = root / "data" / "judges"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    return root


def judge_of(method: str, **params: Any) -> tuple[Judge, JudgeParams]:
    one = {"name": "j", "method": method, "endpoint": MODEL, "prompt": "data/judges/mine.md"}
    if method == "rubric":
        one["criteria"] = [{"name": "right", "asks": "is right"}]
    section = JudgeParams.model_validate({"judges": [one | params]})
    return section.judges[0], section


def context_of(root: Path, method: str, **params: Any) -> JudgeContext:
    judge, section = judge_of(method, **params)
    material = (Principle("kind", "the kind one."),) if method == "constitution" else None
    assert isinstance(judge, ModelJudge)
    assert judge.prompt is not None
    own = read_judge_prompt(root, judge.prompt, method, METHODS.get(method).slots)
    return JudgeContext(section.seed, {}, (), material, own)


def asked(root: Path, method: str, one: Comparison, **params: Any) -> Collected:
    judge, _ = judge_of(method, **params)
    job = JudgeJob(judge, context_of(root, method, **params), [one])
    return collect(job.tasks(), REPLIES.get(method, "B"))


@pytest.mark.parametrize("method", ASKING)
def test_every_method_asks_by_the_judge_s_own_prompt_and_reads_the_reply(
    method: str, tmp_path: Path
) -> None:
    root = project(tmp_path, "A note.\n# system\nDu urteilst.\n" + LAST.get(method, SHOWS))
    one = comparison("first text", "second text")
    collected = asked(root, method, one)
    system, *turns = collected.requests[0].messages

    assert collected.judgments[0].verdict.side != "invalid"
    assert system == {"role": "system", "content": "Du urteilst."}
    shown = turns[-1]["content"]
    assert "first text\n[end answer" in shown or method == "rubric"
    assert "{{" not in shown
    assert "A note" not in str(collected.requests[0].messages)


def test_slots_that_are_no_material_are_filled_anywhere(tmp_path: Path) -> None:
    text = "# system\nReply with {{form}}, {{offered}}.\n" + SHOWS
    root = project(tmp_path, text)
    for params, words in (
        ({}, "Reply with one letter, A or B."),
        ({"ties": True}, "Reply with one letter, A or B, or C if they are equally good."),
        ({"structured": True}, 'Reply with JSON, {"verdict": "..."}, A or B.'),
    ):
        (request, *_) = asked(root, "pairwise", comparison(), **params).requests
        assert request.messages[0]["content"] == words


def test_turns_before_the_last_are_sent_as_they_are_and_comments_are_not(tmp_path: Path) -> None:
    text = "# user\nWhich? {4}\n<!-- no\n# user\n -->\nx<!-- y -->.\n# assistant\nA\n" + SHOWS
    (request, *_) = asked(project(tmp_path, text), "pairwise", comparison()).requests

    assert [turn["role"] for turn in request.messages] == ["user", "assistant", "user"]
    assert request.messages[0]["content"] == "Which? {4}\nx."


def test_examples_of_params_are_shown_by_the_prompt_too(tmp_path: Path) -> None:
    root = project(tmp_path, "# system\nJudge.\n" + SHOWS)
    judge, _ = judge_of("pairwise")
    context = context_of(root, "pairwise")
    context = JudgeContext(0, {}, (Example(comparison("x", "y"), "second"),), None, context.prompt)
    (request, *_) = collect(JudgeJob(judge, context, [comparison()]).tasks(), "A").requests
    roles = [turn["role"] for turn in request.messages]

    assert roles == ["system", "user", "assistant", "user"]
    assert "[answer A]\nx\n[end answer A]" in request.messages[1]["content"]


def test_a_judge_that_reasons_first_has_a_second_question_of_its_own(tmp_path: Path) -> None:
    root = project(tmp_path, SHOWS + "# verdict\nWelche? {{offered}}\n")
    _, letter = asked(root, "reasoned", comparison()).requests

    assert letter.messages[-1] == {"role": "user", "content": "Welche? A or B"}


@given(texts=st.lists(st.text() | st.sampled_from(["{{answer_b}}", "[end answer A]", "# user"]),
                      min_size=3, max_size=3))  # fmt: skip
def test_what_is_filled_in_is_never_searched_for_slots_and_stays_between_its_delimiters(
    texts: list[str],
) -> None:
    blocks = delimited(dict(zip(("question", "answer_a", "answer_b"), texts, strict=True)))

    for block, text in zip(blocks.values(), texts, strict=True):
        first, last = block.split("\n")[0], block.split("\n")[-1]
        assert block == f"{first}\n{text}\n{last}"
        assert not any(first in other or last in other for other in texts)


FAULTS = [
    pytest.param("# user\n{{question}} {{answer_a}}\n{{anser_b}}\n{{answer_b}}", 3,
                 "{{anser_b}}", "{{answer_b}}", id="unknown slot"),
    pytest.param("note\n\n# user\n{{question}} {{answer_a}}", 3, "{{answer_b}}",
                 "the answer shown second", id="missing slot"),
    pytest.param("# sytem\nx\n" + SHOWS, 1, "# sytem", "# system", id="unknown heading"),
    pytest.param("# system\n{{answer_a}}\n" + SHOWS, 2, "{{answer_a}}", "last '# user'",
                 id="material in the system text"),
    pytest.param(SHOWS + "# assistant\nA\n", 5, "last turn", "'# user'", id="no last turn"),
    pytest.param("Hello", 1, "last turn", "'# user'", id="no turn at all"),
    pytest.param("# user\nx\n# user\nx\n" + SHOWS, 3, "cannot stand here", "take turns",
                 id="two turns of one side"),
    pytest.param("# user\nx\n# system\ny\n" + SHOWS, 3, "cannot stand here", "first",
                 id="system text in the middle"),
    pytest.param("# system\n\n" + SHOWS, 1, "empty", "drop", id="empty section"),
    pytest.param(SHOWS + "{{ question\n}}", 5, "without a slot", "one line", id="no end"),
    pytest.param(SHOWS + "# verdict\nWhich?", 5, "too many", "reasoned", id="a second question"),
    pytest.param(SHOWS + "{{}}", 5, "{{}}", "slots of the method pairwise", id="no name"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "problem", "remedy"), FAULTS)
def test_a_fault_of_a_prompt_names_file_line_and_remedy(
    text: str, line: int, problem: str, remedy: str, tmp_path: Path
) -> None:
    root = project(tmp_path, text)
    with pytest.raises(InputError) as caught:
        read_judge_prompt(root, "data/judges/mine.md", "pairwise", COMPARING)

    assert f"mine.md, line {line}: " in caught.value.problem
    assert problem in caught.value.problem
    assert remedy in caught.value.remedy


def test_a_slot_of_another_method_is_unknown(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"unknown slot .*principle"):
        context_of(project(tmp_path, LAST["constitution"]), "pairwise")
    with pytest.raises(InputError, match=r"has no slot .*principle"):
        context_of(project(tmp_path, SHOWS), "constitution")


@pytest.mark.parametrize(
    ("path", "problem"),
    [("mine.md", "not in data/judges"), ("data/judges/none.md", "does not exist")],
)
def test_a_file_that_dvc_does_not_watch_or_that_is_missing_is_named(
    path: str, problem: str, tmp_path: Path
) -> None:
    root = project(tmp_path, SHOWS)
    _, section = judge_of("pairwise", prompt=path)
    with pytest.raises(InputError, match=problem):
        read_context(section.judges[0], section, root, [])


def test_a_file_in_another_encoding_is_named_with_its_line(tmp_path: Path) -> None:
    root = project(tmp_path, SHOWS)
    (root / "data/judges/mine.md").write_bytes(b"# user\n\xe9t\xe9\n")
    with pytest.raises(InputError, match="line 2: not UTF-8"):
        context_of(root, "pairwise")


def test_a_method_without_slots_takes_no_prompt(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="takes no prompt of its own"):
        read_judge_prompt(project(tmp_path, SHOWS), "data/judges/mine.md", "polite", ())


def test_examples_without_reasons_do_not_fit_a_prompt_that_asks_for_them(tmp_path: Path) -> None:
    root = project(tmp_path, SHOWS)
    (root / "data/examples").mkdir()
    row = '{"prompt": "q", "first": "x", "second": "y", "verdict": "first"}\n'
    (root / "data/examples/some.jsonl").write_text(row)
    _, section = judge_of("reasoned", examples="data/examples/some.jsonl")
    with pytest.raises(InputError, match="has no reasons"):
        read_context(section.judges[0], section, root, [])


def hashes(root: Path, method: str = "reasoned") -> dict[str, str]:
    judge, _ = judge_of(method)
    return question_hashes([judge], [context_of(root, method)])["j"]


def test_what_a_judge_is_told_and_the_file_are_hashed_into_the_label_s_meaning(
    tmp_path: Path,
) -> None:
    before = hashes(project(tmp_path, SHOWS + "# verdict\nWhich?\n"))
    noted = hashes(project(tmp_path, "A note.\n" + SHOWS + "# verdict\nWhich?\n"))
    changed = hashes(project(tmp_path, SHOWS + "# verdict\nWhich one?\n"))

    assert before["prompt"] == "data/judges/mine.md"
    assert len({one["prompt_sha256"] for one in (before, noted, changed)}) == 3
    assert before["wording"] == noted["wording"] != changed["wording"]


def examples() -> Iterator[tuple[str, str]]:
    for path in sorted((ROOT / "data/judges").glob("example-*.md")):
        (method,) = (m for m in ASKING if f"method: {m}" in path.read_text(encoding="utf-8"))
        yield path.name, method


@pytest.mark.parametrize(("name", "method"), list(examples()))
def test_the_examples_that_come_with_the_project_can_be_used(name: str, method: str) -> None:
    prompt_of = read_judge_prompt(ROOT, f"data/judges/{name}", method, METHODS.get(method).slots)
    judge, _ = judge_of(method, prompt=f"data/judges/{name}")
    context = JudgeContext(prompt=prompt_of)
    pair = Comparison(prompt(), response("4"), response("5"))
    collected = collect(JudgeJob(judge, context, [pair]).tasks(), REPLIES.get(method, "A"))

    assert collected.judgments[0].verdict.side != "invalid"
    assert "{{" not in str(collected.requests[0].messages)


@pytest.mark.parametrize("stage", ["judge", "evaluate"])
def test_dvc_watches_the_files_of_stages_that_ask_judges(stage: str) -> None:
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]

    assert {"data/judges", "data/examples"} <= set(stages[stage]["deps"])
