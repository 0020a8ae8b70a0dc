"""The wire: one port, two protocols, the right code for every wrong request, a request id on every answer."""

from tests.world import World


def test_a_known_operation_that_is_not_built_says_so(world: World) -> None:
    answer = world.http.post("/CreateFilter", content=b"{}")

    assert answer.status_code == 400
    assert answer.json() == {"__type": "InvalidInputException", "message": "not built yet: CreateFilter"}
    assert answer.headers["x-amzn-errortype"] == "InvalidInputException"
