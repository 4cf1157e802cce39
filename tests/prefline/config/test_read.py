from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from prefline.config import Params, read_params
from prefline.errors import ParamsError

MINIMAL = {
    "sample": {"sources": [{"name": "s", "path": "p.jsonl"}]},
    "generate": {"endpoints": [{"base_url": "http://host/v1", "model": "m"}]},
    "judge": {"judges": [{"name": "verifier", "method": "verifier"}]},
}


def read(tmp_path: Path, content: object) -> Params:
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(content))
    return read_params(path)


def changed(section: str, key: str, value: object) -> dict[str, object]:
    return MINIMAL | {section: MINIMAL.get(section, {}) | {key: value}}


def test_what_is_left_out_has_a_default(tmp_path: Path) -> None:
    assert read(tmp_path, MINIMAL).publish.store == "store"


def test_the_project_s_own_params_are_valid() -> None:
    params = read_params(Path(__file__).parents[3] / "params.yaml")

    assert params.generate.endpoints[0] == params.judge.judges[1].endpoint


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(
            changed("generate", "temprature", 1),
            "generate.temprature: unknown key; did you mean 'temperature'",
            id="typo in a section",
        ),
        pytest.param(
            MINIMAL | {"genrate": {}}, "genrate: unknown key; did you mean 'generate'",
            id="typo in a section's name",
        ),
        pytest.param(
            changed("judge", "judges", [{"name": "v", "method": "pairwise", "ordres": "both"}]),
            "judge.judges.0.ordres: unknown key; did you mean 'orders'",
            id="typo inside a list",
        ),
        pytest.param(
            changed("generate", "endpoints", [{"modell": "m"}]), "did you mean 'model'",
            id="typo in an endpoint",
        ),
        pytest.param(
            MINIMAL | {"endpoints": {"strong": {"request": {"extr": {}}}}},
            "endpoints.strong.request.extr: unknown key; did you mean 'extra'",
            id="typo inside an endpoint by its name",
        ),
        pytest.param(
            changed("generate", "endpoints", [{"dialect": "opnai"}]),
            "generate.endpoints.0.dialect: ",
            id="an unknown dialect",
        ),
        pytest.param(
            changed("generate", "endpoints", [{"request": {"omit": ["sead"]}}]),
            "'sead' is no parameter that is sent; did you mean seed",
            id="an unknown parameter",
        ),
        pytest.param(
            changed("judge", "adaptive", {"max_usd": 1.0}),
            "adaptive.max_usd needs an endpoint with",
            id="a budget without prices",
        ),
        pytest.param(
            changed("sample", "mix", {"catgories": {"a": 1.0}}),
            "sample.mix.catgories: unknown key; did you mean 'categories'",
            id="typo in the mix",
        ),
        pytest.param(
            changed("sample", "mix", {"categories": {"a": 0.5, "b": 0.3}}),
            "sample.mix.categories: the shares sum to 0.8, not to 1",
            id="shares that do not sum to 1",
        ),
        pytest.param(changed("generate", "max_tokens", 0), "generate.max_tokens", id="range"),
        pytest.param(changed("generate", "max_tokens", "many"), "'many'", id="type"),
        pytest.param(
            changed("generate", "endpoints", [{"base_url": "host:80"}]), "http://", id="url"
        ),
        pytest.param(
            changed("generate", "endpoints", [{"base_url": "http://me:secret@host/v1"}]),
            "no user and password", id="url with a password",
        ),
        pytest.param(
            changed("generate", "endpoints", [{"base_url": "http://host/v1?version=1"}]),
            "must end in its path", id="url with a query",
        ),
        pytest.param(
            changed("generate", "endpoints", [{"replicas": ["http://h\u00f6st/v1"]}]),
            "must be ASCII", id="url that is not ASCII",
        ),
        pytest.param(
            changed("judge", "judges", [{"name": "a", "method": "pairwise"}]),
            "judge.judges.0.endpoint: Field required", id="judge without endpoint",
        ),
        pytest.param(
            changed("judge", "judges", [{"name": "a", "method": "pairwize"}]),
            "judge.judges.0.method: unknown 'pairwize'; did you mean 'pairwise'?",
            id="unknown method",
        ),
        pytest.param(
            changed("judge", "judges", [{"name": "a"}]), "judge.judges.0.method: is missing",
            id="no method",
        ),
        pytest.param(
            changed("judge", "judges", [
                {"name": name, "method": "pairwise",
                 "endpoint": {"base_url": f"http://{name}/v1", "model": "m"}}
                for name in "ab"
            ]),
            "different endpoints for one model, m", id="one model at two places",
        ),
        pytest.param(
            changed("generate", "temperature", float("inf")), "finite", id="no number",
        ),
        pytest.param({"sample": {}}, "generate: Field required", id="missing section"),
    ],
)  # fmt: skip
def test_a_bad_value_is_named_with_its_place(
    content: dict[str, object], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ParamsError) as caught:
        read(tmp_path, content)

    assert message in str(caught.value)


def test_every_bad_value_is_told_at_once(tmp_path: Path) -> None:
    content = changed("generate", "max_tokens", 0) | {"publish": {"datset": "x"}}

    with pytest.raises(ParamsError, match="2 bad value"):
        read(tmp_path, content)


def test_a_broken_file_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text("sample: [1,\njudge: 2")

    with pytest.raises(ParamsError, match="line 2"):
        read_params(path)


def test_a_password_in_a_url_is_not_said_again(tmp_path: Path) -> None:
    url = "http://me:hunter2secret@host/v1"
    with pytest.raises(ParamsError) as caught:
        read(tmp_path, changed("generate", "endpoints", [{"base_url": url}]))

    assert "base_url" in str(caught.value)
    assert "hunter2secret" not in str(caught.value)


def test_a_key_that_stands_where_its_variable_belongs_is_refused_and_not_shown(
    tmp_path: Path,
) -> None:
    key = "sk-proj-abcdefghijklmnop"
    content = changed("generate", "endpoints", [{"base_url": "http://h/v1", "key_env": key}])

    with pytest.raises(ParamsError, match="is no name of an environment variable") as caught:
        read(tmp_path, content)
    assert key not in str(caught.value)


def test_a_seed_fits_into_json(tmp_path: Path) -> None:
    with pytest.raises(ParamsError, match=r"generate\.seed"):
        read(tmp_path, changed("generate", "seed", 2**70))


def test_half_a_surrogate_pair_is_named_wherever_it_stands(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text('judge: &j {judges: [{method: "\\ud83d"}]}\nx: [*j, *j]')

    with pytest.raises(ParamsError, match="half a surrogate pair"):
        read_params(tmp_path / "params.yaml")


def test_params_that_are_nested_without_end_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("{a: " * 3_000)

    with pytest.raises(ParamsError, match="nested too deep"):
        read_params(tmp_path / "params.yaml")
