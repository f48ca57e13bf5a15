"""Places: in all, and for each lane."""

from gateway.engine.places import Places


def test_a_lane_that_is_full_leaves_the_others_their_places() -> None:
    places = Places(3, 2)
    places.take("a")
    assert (places.left, places.free("a"), places.free("b"), places.scarce) == (2, 1, 2, False)
    places.take("a")
    assert (places.left, places.free("a"), places.free("b"), places.scarce) == (1, 0, 2, True)

    places.give_back("a")
    assert (places.left, places.free("a"), places.scarce) == (2, 1, False)


def test_places_are_scarce_where_there_are_none_in_all() -> None:
    places = Places(2, 2)
    places.take("a")
    places.take("b")
    assert (places.left, places.free("a"), places.scarce) == (0, 1, True)
