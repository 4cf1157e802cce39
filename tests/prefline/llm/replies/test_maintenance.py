from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefline.errors import ReplyStoreDamaged, ReplyStoreError
from prefline.llm import ReplyStore
from prefline.llm.replies import maintenance
from prefline.llm.replies.database import Database
from prefline.llm.replies.maintenance import (
    Filters,
    check,
    prune,
    repair,
    summarize,
    used_keys,
)
from prefline.project import Project
from prefline.tables import SCHEMAS, table_from_rows, write_table
from tests.prefline.llm.replies.stores import (
    REQUEST,
    body,
    chat,
    execute,
    key,
    numbers_in,
    put,
    put_numbers,
)
from tests.tasks.validate.line import judgment, prompt, response

ALL = Filters(used=frozenset())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "replies.db"


@pytest.fixture(autouse=True)
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few replies a step, so that every job takes several."""
    monkeypatch.setattr(maintenance, "_STEP", 3)
    monkeypatch.setattr(maintenance, "_FREED_AT_ONCE", 2)


def test_replies_are_counted_by_model(path: Path) -> None:
    for number, (model, tokens) in enumerate([("a", 5), ("b", 7), ("a", 1), ("a", 2)]):
        request, reply = chat(model, tokens)
        put(path, {key(number): reply}, request)
    summary = summarize(path)

    assert summary.replies == 4
    assert {
        name: (share.replies, share.input_tokens, share.output_tokens)
        for name, share in summary.models.items()
    } == {"a": (3, 8, 16), "b": (1, 7, 14)}
    assert [(summary.bytes,)] == execute(path, "SELECT sum(length(packed)) FROM replies")
    assert summary.oldest is not None
    assert summary.newest is not None
    assert summary.oldest <= summary.newest


def test_a_store_that_is_not_there_is_empty(path: Path) -> None:
    assert (summarize(path).replies, summarize(path).oldest) == (0, None)
    assert (prune(path, ALL).kept, check(path).ok) == (0, True)
    assert list(path.parent.iterdir()) == []


def test_a_dry_run_says_what_would_go_and_changes_nothing(path: Path) -> None:
    put_numbers(path, 1, 2, 3, 4)
    before = path.read_bytes()
    planned = prune(path, ALL, dry_run=True)

    assert (planned.gone.replies, planned.kept) == (4, 0)
    assert path.read_bytes() == before
    done = prune(path, ALL)
    assert (done.gone, done.kept) == (planned.gone, 0)
    assert numbers_in(path, range(9)) == set()


@given(
    ages=st.lists(st.integers(0, 9), min_size=1, max_size=12),
    before=st.none() | st.integers(0, 10),
    model=st.none() | st.sampled_from(["m0", "m1", "m2"]),
    used=st.none() | st.frozensets(st.integers(0, 11)),
)
def test_those_go_for_which_all_that_is_given_holds(
    ages: list[int],
    before: int | None,
    model: str | None,
    used: frozenset[int] | None,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    path = tmp_path_factory.mktemp("store") / "replies.db"
    for name in ("m0", "m1"):
        numbers = [number for number in range(len(ages)) if name == f"m{number % 2}"]
        put(path, {key(number): body(number) for number in numbers}, chat(name, 1)[0])
    for number, created in enumerate(ages):
        execute(path, "UPDATE replies SET created = ? WHERE key = ?", created, key(number))
    expected = {
        number
        for number, created in enumerate(ages)
        if (before, model, used) == (None, None, None)
        or not (
            (before is None or created < before)
            and (model is None or model == f"m{number % 2}")
            and (used is None or number not in used)
        )
    }
    keys = None if used is None else frozenset(key(number) for number in used)
    done = prune(path, Filters(before, model, keys))

    left = execute(path, "SELECT key FROM replies")
    assert {kept for (kept,) in left} == {key(number) for number in expected}
    assert (done.gone.replies, done.kept) == (len(ages) - len(expected), len(expected))


def test_time_and_price_of_what_stays_survive(path: Path) -> None:
    put(path, {key(1): body(1)}, batch=True)
    put(path, {key(2): body(2)})
    with ReplyStore(path) as store:
        before = store.record(key(1))
    prune(path, Filters(used=frozenset([key(1)])))

    with ReplyStore(path) as store:
        assert store.record(key(1)) == before
        assert store.record(key(2)) is None


def test_what_goes_gives_its_room_back_to_the_disk(path: Path) -> None:
    put(path, {key(number): os.urandom(20_000) for number in range(40)})
    size = path.stat().st_size
    prune(path, Filters(used=frozenset(key(number) for number in range(4))))

    assert path.stat().st_size < 0.2 * size
    assert check(path).ok


def test_what_a_run_under_way_has_bought_is_left_alone(path: Path) -> None:
    put_numbers(path, 1)

    async def prune_meanwhile(store: ReplyStore) -> None:
        await store.put(key(2), REQUEST, body(2))
        for _ in range(2):
            done = prune(path, ALL)
            assert (done.kept, done.spared) == (1, 1)
        await store.put(key(3), REQUEST, body(3))
        assert [store.get(key(number)) for number in (1, 2, 3)] == [None, body(2), body(3)]

    with ReplyStore(path) as store:
        asyncio.run(prune_meanwhile(store))
        # A second run, which ends before the first: what the first has bought is still spared.
        put_numbers(path, 4)
        assert (prune(path, ALL).kept, prune(path, ALL).spared) == (3, 3)
    assert numbers_in(path, range(9)) == {2, 3, 4}
    assert prune(path, ALL).gone.replies == 3


def test_a_number_that_was_pruned_is_never_given_to_a_later_reply(path: Path) -> None:
    put_numbers(path, 1, 2, 3)
    with ReplyStore(path) as store:
        asyncio.run(store.put(key(4), REQUEST, body(4)))
        prune(path, ALL)
        execute(path, "DELETE FROM replies")  # as a program that knows of no runs
        asyncio.run(store.put(key(5), REQUEST, body(5)))

        assert prune(path, ALL).spared == 1
    assert numbers_in(path, range(9)) == {5}


def test_a_run_finds_what_stays_while_others_go(path: Path) -> None:
    put_numbers(path, *range(20))
    with ReplyStore(path) as store:
        assert store.get(key(0)) == body(0)
        prune(path, Filters(used=frozenset(key(number) for number in range(10))))

        assert [key(number) in store for number in range(20)] == [True] * 10 + [False] * 10
        assert store.get(key(9)) == body(9)


def killed_after(steps: int, work: Callable[[], object]) -> bool:
    """Do something in a process that is killed before its n-th turn at the lock; whether it was."""
    child = os.fork()
    if child == 0:
        left = [steps]
        real = Database.writing

        def counted(self: Database) -> Any:
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)
            left[0] -= 1
            return real(self)

        Database.writing = counted  # type: ignore[method-assign] # in the child only
        work()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0


def test_killed_at_any_step_nothing_that_stays_is_lost(tmp_path: Path) -> None:
    used = frozenset(key(number) for number in range(5))
    for steps in range(50):
        path = tmp_path / str(steps) / "replies.db"
        put_numbers(path, *range(9))
        killed = killed_after(steps, lambda: prune(path, Filters(used=used)))  # noqa: B023

        assert set(range(5)) <= numbers_in(path, range(9))
        assert check(path).ok
        if not killed:
            assert steps > 4
            assert numbers_in(path, range(9)) == set(range(5))
            return
        prune(path, Filters(used=used))
        assert numbers_in(path, range(9)) == set(range(5))
    pytest.fail("it never came to its end")


def test_a_check_finds_nothing_wrong_with_a_sound_store(path: Path) -> None:
    put_numbers(path, *range(10))
    checked = check(path)

    assert (checked.ok, checked.replies, checked.damage, checked.unreadable) == (True, 10, [], {})


def test_a_check_names_every_reply_that_cannot_be_read(path: Path) -> None:
    put_numbers(path, *range(10))
    for number in (3, 7):
        execute(path, "UPDATE replies SET packed = x'00' WHERE key = ?", key(number))
    checked = check(path)

    assert not checked.ok
    assert checked.damage == []
    assert checked.unreadable == {key(number): "its checksum is wrong" for number in (3, 7)}


def damage(path: Path, share: float) -> None:
    """Overwrite one page of replies, as far into the file as `share` says."""
    content = bytearray(path.read_bytes())
    page = int(share * len(content) / 4_096)
    content[page * 4_096 : (page + 1) * 4_096] = b"\xa5" * 4_096
    path.write_bytes(content)


def test_damage_is_found_and_a_repair_keeps_all_other_replies(path: Path) -> None:
    put(path, {key(number): os.urandom(2_000) for number in range(300)})
    with ReplyStore(path) as store:
        before = {number: store.record(key(number)) for number in range(300)}
    damage(path, 0.6)
    checked = check(path)
    assert not checked.ok
    assert checked.damage
    content = path.read_bytes()
    repaired = repair(path)

    assert repaired.kept >= 290
    assert repaired.kept + repaired.lost == 300
    assert repaired.damaged.read_bytes() == content
    assert (check(path).ok, check(path).replies) == (True, repaired.kept)
    with ReplyStore(path) as store:
        records = {number: store.record(key(number)) for number in range(300)}
    assert sum(record is not None for record in records.values()) == repaired.kept
    assert all(record in (None, before[number]) for number, record in records.items())
    put_numbers(path, 1_000)
    assert numbers_in(path, range(1_000, 1_001)) == {1_000}


def test_a_repair_leaves_out_what_cannot_be_unpacked(path: Path) -> None:
    put_numbers(path, *range(5))
    execute(path, "UPDATE replies SET created = created + 1 WHERE key = ?", key(2))
    repaired = repair(path)

    assert (repaired.kept, repaired.lost) == (4, 1)
    assert numbers_in(path, range(5)) == {0, 1, 3, 4}


def test_a_repair_waits_for_no_run(path: Path) -> None:
    with ReplyStore(path) as store:
        asyncio.run(store.put(key(1), REQUEST, body(1)))
        with pytest.raises(ReplyStoreError, match="a run is storing replies"):
            repair(path)
        assert store.get(key(1)) == body(1)


@pytest.mark.parametrize("begin", [0, 4_096], ids=["all", "all but the first page"])
def test_a_file_of_which_nothing_can_be_read_is_left_as_it_is(path: Path, begin: int) -> None:
    put_numbers(path, *range(5))
    content = bytearray(path.read_bytes())
    content[begin:] = b"\xa5" * (len(content) - begin)
    path.write_bytes(content)

    with pytest.raises(ReplyStoreDamaged):
        repair(path)
    assert path.read_bytes() == content


def test_nothing_is_repaired_where_nothing_is(path: Path) -> None:
    with pytest.raises(ReplyStoreError, match="no replies"):
        repair(path)


def keep(project: Project, name: str, *rows: dict[str, Any], schema: pa.Schema) -> None:
    write_table(project.table(name), table_from_rows(rows, schema), schema)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A response, a judgment and a rejection that calls are behind."""
    project = Project(tmp_path)
    paid = {"stage": "generate", "kind": "response", "id": "r", "reason": "reasoning_only"}
    rows = {"responses": response(0, "a"), "judgments": judgment(0, "a", "b"), "rejections": paid}
    for number, (name, row) in enumerate(rows.items()):
        keep(project, name, row | {"request_key": f"0{number}"}, schema=SCHEMAS[name])
    return project


def test_the_reply_behind_a_prompt_that_a_model_made_is_used(project: Project) -> None:
    keep(
        project, "prompts", prompt(0), prompt(1) | {"request_key": "0a"}, schema=SCHEMAS["prompts"]
    )

    assert used_keys(project) == {"00", "01", "02", "0a"}


def test_prompts_of_a_run_before_models_made_some_name_none(project: Project) -> None:
    schema = SCHEMAS["prompts"]
    older = schema.remove(schema.get_field_index("request_key"))
    keep(project, "prompts", prompt(0), schema=older)

    assert used_keys(project) == {"00", "01", "02"}
