"""Checks that are made in a process of their own: mathematics and SQL, and what does not end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from prefline.errors import InputError
from prefline.verifiers import Check, check, parse_verifier

TABLES = (
    "CREATE TABLE people(name VARCHAR, age INT);"
    "INSERT INTO people VALUES ('ann', 30), ('bob', 20), ('cid', 40);"
)
ADULTS = "SELECT name FROM people WHERE age >= 30"


def run(text: str, **specification: Any) -> Check:
    return check(parse_verifier(json.dumps(specification)), text)


def run_sql(text: str, **fields: Any) -> Check:
    return run(text, kind="sql", tables=TABLES, **(fields or {"query": ADULTS}))


@pytest.mark.parametrize(
    ("answer", "reply", "equal"),
    [
        ("1/2", r"So it is $\frac{2}{4}$.", True),
        ("1/2", "50%", True),
        ("x^2+x", "We get $x(x+1)$", True),
        (r"2\sqrt{2}", r"$\boxed{\sqrt{8}}$", True),
        (r"2\sqrt{2}", "2", False),
        ("{1,2,3}", r"$\{3, 2, 1\}$", True),
        ("1000000", "1,000,000 at most", True),
        ("42", "41, or 43", False),
        ("42", "I do not know.", False),
    ],
)
def test_mathematics_is_compared_by_what_it_means(answer: str, reply: str, equal: bool) -> None:
    result = run(reply, kind="math", answer=answer)
    assert (result.passed, result.undecided) == (equal, False)


def test_digits_count_as_far_as_is_said() -> None:
    assert run(r"$\pi$", kind="math", answer="3.1416", decimals=4).passed
    assert not run(r"$\pi$", kind="math", answer="3.1416").passed


def test_mathematics_that_does_not_end_is_a_value_and_the_next_check_works() -> None:
    result = run("$9^{9^{9^{9}}}$", kind="math", answer="1", timeout_s=0.5)
    assert (result.passed, result.undecided) == (False, True)
    assert result.why == "takes longer than 0.5 s"
    assert run_sql("select 1", rows=[[1]]).passed


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        pytest.param("```sql\nselect name from people where age > 25\n```", "", id="same rows"),
        pytest.param("select name as n from people where age > 25 order by 1 desc", "", id="order"),
        pytest.param("select name from people", "gives 3 rows, expected 2", id="rows"),
        pytest.param("select name, 1 from people where age > 25", "2 columns", id="columns"),
        pytest.param("select 'x' from people where age > 25", "has \"('x',)\"", id="values"),
        pytest.param("selec", "Parser Error", id="no SQL"),
        pytest.param("drop table people", "is not one SELECT", id="drop"),
        pytest.param("select 1; select 2", "is not one SELECT", id="two"),
        pytest.param("copy people to '/tmp/x.csv'", "is not one SELECT", id="copy"),
        pytest.param("set threads = 8", "is not one SELECT", id="setting"),
        pytest.param("select * from read_text('/etc/passwd')", "Permission Error", id="file"),
        pytest.param("from read_csv('http://127.0.0.1/x')", "Permission Error", id="network"),
        pytest.param("from range(20000)", "more than 10,000 rows", id="too many rows"),
    ],
)
def test_a_query_passes_that_gives_the_rows_of_the_right_one(reply: str, why: str) -> None:
    result = run_sql(reply)
    assert (result.passed, result.undecided) == (not why, False)
    assert why in result.why


def test_rows_can_be_given_as_they_are_and_in_order() -> None:
    ages = [[20], [30], [40.0]]
    assert run_sql("select age from people order by 1", rows=ages, ordered=True).passed
    assert not run_sql("select age from people order by 1 desc", rows=ages, ordered=True).passed
    assert run_sql("select sum(age) / 3 from people", rows=[[30]]).passed


@pytest.mark.parametrize(
    ("reply", "fields", "why"),
    [
        ("select 1", {"query": "select x from nowhere"}, "the prompt's own tables or query fail"),
        ("select 1", {"query": "from '/etc/passwd'"}, "the prompt's own tables or query fail"),
        ("select sum(sin(range)) from range(100000000000)",
         {"query": ADULTS, "timeout_s": 0.5}, "takes longer than 0.5 s"),
        ("select list(range) from range(100000000)", {"query": ADULTS}, "more than 256 MB"),
    ],
)  # fmt: skip
def test_what_cannot_be_told_of_a_query_is_left_open(
    reply: str, fields: dict[str, Any], why: str
) -> None:
    result = run_sql(reply, **fields)
    assert (result.passed, result.undecided) == (False, True)
    assert why in result.why


def test_tables_of_a_prompt_reach_no_file(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    result = run("select 1", kind="sql", tables=f"COPY (SELECT 1) TO '{path}'", rows=[[1]])
    assert result.undecided
    assert not path.exists()


@pytest.mark.parametrize(
    ("specification", "message"),
    [
        ({"kind": "sql", "tables": ""}, "either `query`"),
        ({"kind": "math", "answer": ""}, "answer"),
        ({"kind": "math", "answer": "1", "timeout_s": 1e6}, "60"),
    ],
)
def test_a_specification_that_is_none_is_refused(
    specification: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        parse_verifier(json.dumps(specification))
