"""The page in a real browser: by keys, by several people, on a phone, with texts that attack."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from prefline.project import Project
from tests.forked import ForkedProcess, start_python
from tests.prefline.report.projects import full_project
from tests.prefline.review.material import (
    Row,
    answers_of,
    queue_row,
    review_project,
    save_labels,
    served,
)

Page = Any  # of Playwright
COMMAND = ("-c", "from prefline.cli import main; main()", "review", "--json")
ATTACKS = (
    "<script>window.attacked = 1</script><img src=x onerror='window.attacked = 2'>",
    "<svg/onload=window.attacked=3> [link](javascript:window.attacked=4) <javascript:a()>",
    "</div></form></main><style>body { display: none }</style><textarea><title>",
    "x" * 200_000,
    "\u202egnp.exe\u202c \u2066hidden\u2069 \x00 \x1b[31m \ufeff",
    "```\nnever closed **bold _both [a](b\n| a | b\n|---\n> > > > 1. - # <!-- ",
    "{{ 7 * 7 }} {% for x in y %} hx-get=/x <div hx-get='/x' hx-trigger='load'>",
    "![p](https://pictures.example/x.png) <https://links.example/>",
)


@contextmanager
def opened(browser: Any, url: str, **options: Any) -> Iterator[Page]:
    """A page of its own, which fails the test that left an error in its console."""
    context = browser.new_context(**({"viewport": {"width": 1280, "height": 800}} | options))
    page = context.new_page()
    page.set_default_timeout(20_000)
    errors: list[str] = []
    foreign: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("dialog", lambda dialog: errors.append(dialog.message))
    page.on("request", lambda request: foreign.append(request.url))
    page.goto(url)
    yield page
    assert errors == []
    assert not [one for one in foreign if not one.startswith(url.split("/", 3)[0] + "//127.0.0.1")]
    context.close()


def pair_on(page: Page) -> str:
    return str(page.input_value("#answer [name=pair_id]"))


def press(page: Page, key: str) -> None:
    """Press a key and wait until another pair, or none, is there."""
    page.evaluate("document.querySelector('#desk').dataset.stale = '1'")
    page.keyboard.press(key)
    page.wait_for_selector("#desk:not([data-stale])")


def axe_findings(page: Page) -> list[str]:
    """What is wrong for whoever cannot see well, in light and in dark colours."""
    from axe_playwright_python.sync_playwright import Axe

    page.emulate_media(color_scheme="dark")
    found = Axe().run(page, options={"runOnly": ["color-contrast"]}).response["violations"]
    page.emulate_media(color_scheme="light")
    found += Axe().run(page).response["violations"]
    return [
        f"{one['id']}: {one['nodes'][0]['html']}"
        for one in found
        if one["impact"] in ("serious", "critical")
    ]


def test_twenty_pairs_by_keys_alone(browser: Any, tmp_path: Path) -> None:
    rows = [queue_row(n) for n in range(20)]
    project = review_project(tmp_path, rows)
    save_labels(project, rows)
    with served(project, repeat_share=0) as url, opened(browser, url) as page:
        page.keyboard.press("Tab")  # to the page
        page.focus("#reviewer")
        page.keyboard.type("Ann")
        page.keyboard.press("Enter")
        page.wait_for_selector("#answer")
        for number in range(20):
            assert pair_on(page) == rows[number]["pair_id"]
            if number == 3:  # taken back, and said anew
                press(page, "1")
                press(page, "u")
                assert pair_on(page) == rows[3]["pair_id"]
            if number == 5:
                page.keyboard.press("c")
                page.keyboard.type("10s, too long")
                page.keyboard.press("Escape")
            if number == 6:
                page.keyboard.press("d")
                page.wait_for_selector("#answers mark")
                page.keyboard.press("d")
                page.wait_for_selector("#answers[data-view=markdown]")
            press(page, "120s"[number % 4])
        assert "That was all" in page.inner_text("#desk")
        assert "dvc repro pair" in page.inner_text("#desk")

    kept = answers_of(project, "ann")
    assert len(kept) == 22
    assert [row for row in kept if row.get("undo")] == [kept[4]]
    kept = [*kept[:3], *kept[5:]]
    sides = ["response_a_id", "response_b_id", "tie", None]
    expected = [rows[n].get(sides[n % 4] or "", sides[n % 4]) for n in range(20)]
    assert [row["preferred_id"] for row in kept] == expected
    assert [row.get("comment") for row in kept if row.get("comment")] == ["10s, too long"]


def test_long_answers_scroll_together_each_by_its_share(browser: Any, tmp_path: Path) -> None:
    project = review_project(tmp_path, [queue_row(0, "left\n\n" * 200, "right\n\n" * 100)])
    with served(project) as url, opened(browser, url + "review/ann") as page:
        left, right = page.locator("#answers .text").all()
        left.hover()
        page.mouse.wheel(0, 100_000)
        page.wait_for_timeout(200)
        ends = [
            one.evaluate("e => e.scrollHeight - e.clientHeight - e.scrollTop")
            for one in (left, right)
        ]
        assert max(ends) < 2
        assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")


def test_two_people_at_once_see_what_is_theirs(browser: Any, tmp_path: Path) -> None:
    project = review_project(tmp_path, 10)
    with (
        served(project, repeat_share=0) as url,
        opened(browser, url + "review/ann") as ann,
        opened(browser, url + "review/bob") as bob,
    ):
        for _ in range(5):
            assert pair_on(ann) != pair_on(bob)
            press(ann, "1")
            press(bob, "2")
        assert "Others look at the last 1" in ann.inner_text("#desk")
        assert "That was all" in bob.inner_text("#desk")
    seen = [row["pair_id"] for name in ("ann", "bob") for row in answers_of(project, name)]
    assert len(seen) == len(set(seen)) == 10


@contextmanager
def running(project: Project, port: int) -> Iterator[tuple[ForkedProcess, str]]:
    options = ("--port", str(port), "--repeat-share", "0")
    process = start_python(*COMMAND, *options, cwd=project.root)
    try:
        yield process, orjson.loads(process.stdout.readline())["url"]
    finally:
        process.kill()
        process.communicate()


def test_a_kill_between_two_answers_loses_nothing_and_keeps_nothing_twice(
    browser: Any, tmp_path: Path
) -> None:
    project = review_project(tmp_path, 6)
    with running(project, 0) as (process, url):
        port = int(url.split("/")[2].rpartition(":")[2])
        with opened(browser, url + "review/ann") as page:
            press(page, "1")
            press(page, "2")
            process.send_signal(signal.SIGKILL)
            process.wait()
            page.keyboard.press("1")
            page.wait_for_selector("#notice:not(:empty)")
            assert "was not kept" in page.inner_text("#notice")
            assert len(answers_of(project, "ann")) == 2
            with running(project, port) as (_, again):
                assert again == url  # so the tab that is open goes on
                for _ in range(4):
                    press(page, "1")
                assert page.inner_text("#notice") == ""
                assert "That was all" in page.inner_text("#desk")
    kept = [row["pair_id"] for row in answers_of(project, "ann")]
    assert kept == [queue_row(n)["pair_id"] for n in range(6)]


def test_texts_that_attack_do_nothing(browser: Any, tmp_path: Path) -> None:
    rows: list[Row] = [
        queue_row(n, attack, ATTACKS[n - 1], prompt=attack) for n, attack in enumerate(ATTACKS)
    ]
    project = review_project(tmp_path, rows)
    with served(project, repeat_share=0) as url, opened(browser, url + "review/ann") as page:
        for row in rows:
            assert pair_on(page) == row["pair_id"]
            page.keyboard.press("d")
            page.wait_for_selector("#answers[data-view=differences]")
            page.keyboard.press("d")
            page.wait_for_selector("#answers[data-view=markdown]")
            hrefs = page.eval_on_selector_all(".text a", "all => all.map(one => one.protocol)")
            assert set(hrefs) <= {"https:", "http:"}
            assert page.is_visible(".bar button[data-key='1']")
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            press(page, "1")
        assert page.evaluate("window.attacked") is None
    assert len(answers_of(project, "ann")) == len(rows)


def test_a_phone_and_whoever_cannot_see_well_can_use_it(browser: Any, tmp_path: Path) -> None:
    long = "word " * 600 + "\n\n```\n" + "code " * 60 + "\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |"
    project = review_project(tmp_path, [queue_row(0, long, "[short](https://e.example)")])
    phone = {"viewport": {"width": 360, "height": 740}, "has_touch": True}
    with served(project, repeat_share=0) as url, opened(browser, url, **phone) as page:
        assert axe_findings(page) == []
        page.goto(url + "review/ann")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.click("#figures summary")
        page.tap("[data-comment]")
        assert axe_findings(page) == []
        for key in "102suc":
            box = page.locator(f"[data-key='{key}']").bounding_box()
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= 360
            assert box["height"] >= 24  # WCAG 2.2, 2.5.8
        page.tap("[data-key='1']")
        page.wait_for_selector(".nothing")
        assert axe_findings(page) == []


def test_the_data_can_be_browsed_on_a_phone_and_by_keys(browser: Any, tmp_path: Path) -> None:
    project = full_project(tmp_path)
    phone = {"viewport": {"width": 360, "height": 740}}
    with served(project) as url, opened(browser, url + "browse", **phone) as page:
        assert axe_findings(page) == []
        page.click("summary")
        tops = page.eval_on_selector_all(
            ".filters :is(select, input:not([type=checkbox]), button)",
            "all => all.map(e => [e.offsetTop, e.offsetHeight])",
        )
        assert len({height for _, height in tops}) == 1  # so that a row stands on one line
        page.select_option("[name=category]", "sums")
        page.focus("button.primary")
        page.keyboard.press("Enter")
        page.wait_for_url("**category=sums**")
        assert "4 preferences" in page.inner_text(".count")
        page.focus(".rows a")
        page.keyboard.press("Enter")
        page.wait_for_selector(".pair:target")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert axe_findings(page) == []
        for path in ("browse/rejections", "watch"):
            page.goto(url + path)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            assert axe_findings(page) == []
