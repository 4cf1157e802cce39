"""The page: complete, self-contained, the same for the same data, safe to open."""

from __future__ import annotations

import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest

from prefline.errors import TableError
from prefline.project import Project
from prefline.report import print_summary, read_facts, render, write_report
from prefline.tables import read_table
from tests.prefline.report.projects import (
    HOSTILE,
    empty_project,
    figure,
    full_project,
    save,
    save_json,
    set_accuracy,
)  # fmt: skip

SECTIONS = ("judges", "confusion", "length", "pass-rates", "certainty", "rejections", "costs",
            "validation", "examples", "made")  # fmt: skip
_VOID = {"meta", "input", "br", "link"}


@pytest.fixture(scope="module")
def full_page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of a full project."""
    return render(read_facts(full_project(tmp_path_factory.mktemp("full"))))


def test_the_same_data_gives_the_same_bytes(project: Project, full_page: str) -> None:
    assert write_report(project).read_bytes() == full_page.encode()


def test_every_section_is_there_and_every_tag_is_closed(full_page: str) -> None:
    page = _Page(full_page)
    assert [name for name in page.ids if name in SECTIONS] == list(SECTIONS)
    assert page.open == []
    assert page.tags.count("article") == 12


def test_a_project_without_tables_has_a_page_that_says_so(tmp_path: Path) -> None:
    page = _Page(render(read_facts(empty_project(tmp_path))))
    assert [name for name in page.ids if name in SECTIONS] == list(SECTIONS)
    assert "svg" not in page.tags
    assert "nothing yet" in page.text
    assert "Not published yet" in page.text


@pytest.mark.usefixtures("_undrawn")
@pytest.mark.parametrize("name", ["prompts", "responses", "judgments", "preferences", "rejections"])
def test_an_empty_table_is_as_good_as_a_missing_one(project: Project, name: str) -> None:
    save(project, name, [])
    assert _Page(render(read_facts(project))).open == []


@pytest.mark.usefixtures("_undrawn")
@pytest.mark.parametrize("name", ["judge", "pair"])
def test_missing_figures_leave_the_rest_of_the_page(project: Project, name: str) -> None:
    project.metrics(name).unlink()
    page = _Page(render(read_facts(project)))
    assert page.tags.count("article") == 12


def test_text_of_models_and_sources_is_never_markup(full_page: str) -> None:
    assert HOSTILE.split(" ", 1)[0] not in full_page
    assert "<i>odd</i>" not in full_page  # a category, in plots and in the filter too
    assert _Page(full_page).tags.count("script") == 1
    assert "&lt;script&gt;alert" in full_page


def test_the_page_needs_nothing_else(full_page: str) -> None:
    assert not re.search(r"(src|href|xlink:href)=", full_page)
    assert "@import" not in full_page
    assert "url(" not in full_page


def test_plots_are_coloured_by_the_page_alone(full_page: str) -> None:
    drawn = re.findall(r"<svg.*?</svg>", full_page, re.DOTALL)
    assert len(drawn) == 14
    colours = set(re.findall(r'(?:fill|stroke)="([^"]+)"', "".join(drawn)))
    assert {one for one in colours if not one.startswith("var(--")} <= {"none", "transparent"}


@pytest.mark.usefixtures("_undrawn")
@pytest.mark.parametrize(
    ("accuracy", "word"),
    [
        (figure(0.6, 0.7, 0.8), "better than chance"),
        (figure(0.4, 0.5, 0.6), "at chance"),
        (figure(0.1, 0.2, 0.3), "worse than chance"),
        ({"value": None, "low": None, "high": None, "n": 0}, "could not be measured"),
    ],
    ids=["better", "at chance", "worse", "unmeasured"],
)
def test_the_headline_says_of_each_judge_what_was_measured(
    project: Project, accuracy: dict[str, float | None], word: str
) -> None:
    set_accuracy(project, accuracy)
    told = render(read_facts(project))
    assert f"<strong>{word}</strong>" in told
    assert ("a check or people told" in told) is (accuracy["n"] != 0)


@pytest.mark.usefixtures("_undrawn")
def test_a_judge_s_biases_and_what_is_not_known_of_it_are_told(full_page: str) -> None:
    assert "log-odds for what it sees first +2.00 ± 0.10" in full_page
    assert "weight +1.50 ± 0.20, learnt on 40 pairs of known truth" in full_page
    assert "e times as long that other judges do not share +0.30, taken off" in full_page
    assert "too few verdicts to know its position bias" in full_page


@pytest.mark.usefixtures("_undrawn")
def test_while_pairs_are_made_anew_the_page_has_not_the_title_of_the_last_version(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(project.table("preferences"))
    facts = read_facts(project)
    page = _Page(render(facts)).text
    print_summary(project)

    assert page.startswith("no version · Prefline report")
    assert "The stage pair is at work, or has not run. The last version is demo@3" in page
    assert "No preferences here now  the last version is store/demo@3" in capsys.readouterr().out


@pytest.mark.usefixtures("_undrawn")
def test_a_broken_expectation_is_told_with_its_remedy(project: Project) -> None:
    broken = {"table": "prompts", "name": "expect", "column": "prompt_id", "passed": False,
              "severity": "critical", "n_checked": 9, "n_failed": 4, "observed": None,
              "examples": [], "says": "ids are unique", "remedy": "sample again"}  # fmt: skip
    results = {
        "passed": False,
        "n_failed": 1,
        "n_warnings": 0,
        "rows": {},
        "expectations": [broken],
    }
    save_json(project.table("validation") / "results.json", results)
    text = _Page(render(read_facts(project))).text
    assert "ids are unique – not so for 4 of 9. sample again" in text
    assert "1 expectation that must hold failed" in text


@pytest.mark.usefixtures("_undrawn")
def test_data_docs_are_linked_from_wherever_the_page_lies(project: Project, tmp_path: Path) -> None:
    docs = project.table("validation") / "data_docs" / "index.html"
    docs.parent.mkdir(parents=True)
    docs.touch()
    assert 'href="data/validation/data_docs/index.html"' in write_report(project).read_text()
    elsewhere = write_report(project, tmp_path / "out" / "page.html")
    assert 'href="../project/data/validation/data_docs/index.html"' in elsewhere.read_text()


def test_damaged_figures_are_an_error_with_a_remedy(project: Project) -> None:
    project.metrics("pair").write_text("{")
    with pytest.raises(TableError, match="not valid JSON"):
        read_facts(project)


class _Page(HTMLParser):
    """What a page holds; `open` names tags that were never closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(page)
        self.text = " ".join(self.text.split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.ids += [value for name, value in attrs if name == "id" and value]
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_pairs_of_one_prompt_give_shares_without_intervals_and_a_page_all_the_same(
    project: Project,
) -> None:
    row = read_table(project.table("preferences")).to_pylist()[0]
    turned = row | {"pair_id": "turned", "chosen": row["rejected"], "rejected": row["chosen"]}
    save(project, "preferences", [row, turned])
    facts = read_facts(project)
    assert facts.length_bias[0]["low"] is None

    assert "too few pairs to tell which length wins" in render(facts)
