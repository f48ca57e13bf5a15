from gateway.app import capabilities
from tests.gateway.api.conftest import Gate
from tests.strategies import ROWS


async def test_every_target_is_listed_with_its_table(gate: Gate) -> None:
    listed = (await gate.client.get("/v1/models")).json()
    assert listed["object"] == "list"
    models = {model["id"]: model for model in listed["data"]}
    assert len(models) == len(listed["data"])
    targets = {f"{table.provider}/{offer.model}" for table, offer in ROWS}
    assert set(models) == targets | {"default"}
    for table, offer in ROWS:
        model = models[f"{table.provider}/{offer.model}"]
        assert (model["object"], model["owned_by"], model["kind"]) == (
            "model",
            table.provider,
            "target",
        )
        [mode] = [one for one in model["modes"] if one["mode"] == offer.mode.value]
        assert mode["seconds"] == list(offer.seconds)
        assert mode["aspect_ratios"] == list(offer.aspect_ratios)
        assert mode["resolutions"] == list(offer.resolutions)
        assert mode["motion_modes"] == list(offer.motion_modes)
        assert mode["prompt"] == {"low": offer.prompt_min, "high": offer.prompt_max}
        assert {one["name"] for one in mode["options"]} == {one.name for one in offer.options}
        assert (mode["price"] is None) is (offer.rate is None)
    assert models["default"]["targets"] == ["useapi-pixverse/v3.5", "pictory/pixverse5.5"]


async def test_each_model_is_there_under_its_own_name(gate: Gate) -> None:
    for model in (await gate.client.get("/v1/models")).json()["data"]:
        for path in (model["id"], model["id"].replace("/", "%2F")):
            assert (await gate.client.get(f"/v1/models/{path}")).json() == model


async def test_a_model_there_is_not_is_told_the_nearest(gate: Gate) -> None:
    answer = await gate.client.get("/v1/models/pictory/pixverse5")
    assert answer.status_code == 404
    assert "did you mean 'pictory/pixverse5.5'?" in answer.json()["detail"]


async def test_the_document_holds_the_same_tables_for_every_adapter(gate: Gate) -> None:
    told = (await gate.client.get("/openapi.json")).json()["x-filmgate-models"]
    listed = (await gate.client.get("/v1/models")).json()["data"]
    assert told == [model for model in listed if model["kind"] == "target"]
    assert {model["owned_by"] for model in told} == set(capabilities())
