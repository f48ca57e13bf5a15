from gateway.model.errors import FieldFault
from gateway.model.lost import still_true


def fault(pointer: str, target: str | None = "a/b", code: str = "odd") -> FieldFault:
    return FieldFault(pointer=pointer, code=code, detail="is odd", target=target)


def told(*faults: FieldFault, lost: str) -> list[FieldFault]:
    return list(still_true(faults, frozenset({lost})))


def test_faults_of_what_is_lost_and_of_what_is_in_it_are_not_told() -> None:
    kept = fault("/prompts")
    assert told(fault("/prompt"), fault("/prompt/0"), kept, lost="/prompt") == [kept]


def test_a_mode_or_a_price_is_told_only_where_nothing_it_depends_on_is_lost() -> None:
    mode, price = fault("/model", code="unsupported_mode"), fault("/x", code="too_expensive")
    assert told(mode, price, fault("/seed"), lost="/first_frame") == [fault("/seed")]
    assert told(mode, price, lost="/seconds") == [mode]
    assert told(mode, price, lost="/metadata") == [mode, price]


def test_a_target_that_may_yet_serve_the_request_silences_the_others() -> None:
    other, file = fault("/seconds", target="c/d"), fault("/first_frame", target=None)
    assert told(fault("/prompt"), other, file, lost="/prompt") == [file]
    assert told(fault("/prompt"), fault("/seed"), other, lost="/prompt") == [fault("/seed"), other]
