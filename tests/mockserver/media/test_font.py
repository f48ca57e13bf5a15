import string

from mockserver.media.font import HIGH, WIDE, glyph, lines_of, plain


def test_every_printable_letter_has_a_shape_of_its_own() -> None:
    letters = string.ascii_letters + string.digits + string.punctuation + " "
    shapes = {glyph(letter, 1, 0, 1) for letter in (*letters, "\N{SNOWMAN}")}

    assert len(shapes) == len(letters) + 1
    assert {(len(shape), len(line)) for shape in shapes for line in shape} == {(HIGH, WIDE + 1)}


def test_accents_are_left_out_and_white_space_is_one_space() -> None:
    assert plain("  caf\u00e9\n\tau lait ") == "cafe au lait"


def test_what_does_not_fit_ends_in_dots() -> None:
    assert lines_of("one two three four", 9, 2) == ["one two", "three..."]
    assert lines_of("one two", 9, 2) == ["one two"]
    assert all(len(line) <= 9 for line in lines_of("x" * 99, 9, 3))
