import json
from pathlib import Path

import httpx

from tests.gateway.cli.programs import Program, filmgate


def test_a_quote_says_who_what_and_how_much_and_orders_nothing(
    gate: Program, frame: Path, tmp_path: Path
) -> None:
    before = httpx.get(f"{gate.url}/v1/videos").json()["first_id"]
    done = filmgate(
        *("quote", "The harbour lights come on", "--first-frame", str(frame)),
        *("--model", "pictory/pixverse5.5", "--url", gate.url),
        cwd=tmp_path,
    )

    assert done.returncode == 0, done.stderr
    first, price, spec, sends, *body = done.stdout.splitlines()
    assert first == "pictory/pixverse5.5 on mock-pictory, at once"
    assert price == "price    8 credits"
    assert "mode=first_frame" in spec
    assert "seconds=5" in spec
    assert sends.startswith("sends    POST http://")
    assert "The harbour lights come on" in "".join(body)
    assert httpx.get(f"{gate.url}/v1/videos").json()["first_id"] == before


def test_a_quote_says_who_else_could_and_who_could_not(gate: Program, tmp_path: Path) -> None:
    done = filmgate("quote", "Waves", "--seconds", "10", "--url", gate.url, cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("pictory/pixverse5.5")
    assert "not      useapi-pixverse/v3.5" in lines
    assert [line for line in lines if line.startswith("           /seconds: ")]


def test_programs_get_the_gateways_own_answer(gate: Program, tmp_path: Path) -> None:
    told = filmgate("quote", "Waves at noon", "--json", "--url", gate.url, cwd=tmp_path)
    assert json.loads(told.stdout)["choices"]
    listed = filmgate("models", "--json", "--url", gate.url, cwd=tmp_path)
    assert json.loads(listed.stdout) == httpx.get(f"{gate.url}/v1/models").json()["data"]


def test_what_cannot_be_made_is_said_for_each_target(gate: Program, tmp_path: Path) -> None:
    done = filmgate("quote", "Waves", "--seconds", "7", "--url", gate.url, cwd=tmp_path)

    assert done.returncode == 2
    assert done.stdout == ""
    assert "/seconds" in done.stderr


def test_every_model_is_told_with_what_it_makes_of_what(gate: Program, tmp_path: Path) -> None:
    done = filmgate("models", "--url", gate.url, cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(
        "default\n  tries  useapi-pixverse/v3.5, pictory/pixverse5.5, useapi-pixverse/v4\n"
    )
    assert (
        "pictory/veo3.1\n"
        "  from   text, first frame, reference images, extend video\n"
        "  makes  4, 6, 8 s; 16:9, 9:16; 1080p\n"
        "  costs  20 a second, in AI credits\n"
    ) in done.stdout
    for model in httpx.get(f"{gate.url}/v1/models").json()["data"]:
        assert f"{model['id']}\n" in done.stdout


def test_a_gateway_that_does_not_run_is_said(tmp_path: Path) -> None:
    for command in (["models"], ["quote", "Waves"]):
        done = filmgate(*command, "--url", "http://127.0.0.1:9", cwd=tmp_path)
        assert done.returncode == 2
        assert done.stderr.startswith("filmgate: no answer from the gateway")
