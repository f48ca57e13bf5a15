from gateway.model.errors import FieldFault
from gateway.routing.order import likely_first


def fault(pointer: str, target: str | None = None, code: str = "odd") -> FieldFault:
    return FieldFault(pointer=pointer, code=code, detail="is odd", target=target)


def test_the_likeliest_fault_to_mend_comes_first_and_others_keep_their_order() -> None:
    ordered = (
        fault("/model", code="unknown_model"),
        fault("/seed"),
        fault("/callback_url"),
        fault("/seconds", "few"),
        fault("/prompt", "as_few"),
        fault("/seconds", "many"),
        fault("/prompt", "many"),
        fault("/first_frame", "astray", code="unsupported_mode"),
    )
    given = (*ordered[7:], *ordered[5:7], *ordered[1:5], ordered[0])
    assert likely_first(given) == ordered
