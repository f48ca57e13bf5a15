"""Ids of uploads come of what is in them."""

from itertools import permutations

from tests.mockserver.drivers import Open, png

PICTURES = (png("teal"), png("red"), png("gold"))


async def test_an_upload_has_the_same_id_whatever_was_uploaded_before_it(opened: Open) -> None:
    seen = set()
    for order in permutations(range(3)):
        async with opened() as (_, client):
            found = {}
            for n in order:
                row = (await client.upload(PICTURES[n])).json()["result"][0]
                found[n] = (row["id"], row["path"])
            seen.add(tuple(sorted(found.items())))

    (told,) = seen
    assert len({number for _, (number, _) in told}) == 3


async def test_the_same_picture_once_more_has_an_id_of_its_own(opened: Open) -> None:
    async with opened() as (_, client):
        ids = [(await client.upload(PICTURES[0])).json()["result"][0]["id"] for _ in range(2)]

        assert len(set(ids)) == 2
