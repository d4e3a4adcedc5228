import pytest

from shared.core.collation import dutch_key


@pytest.mark.parametrize(
    "ordered",
    [
        ["2A2", "2A10", "2B1"],
        ["Adam", "Ádám", "Bert"],
        ["élan vital", "eland", "Elza"],
        ["D'Hondt", "Dhont", "Dobbels"],
        ["Ørsted", "Otto"],
        ["van Aa", "Van den Berg", "Vandenberghe"],
        ["Zoë", "Zoë B"],
    ],
)
def test_names_are_sorted_in_dutch_order(ordered: list[str]) -> None:
    names = list(ordered)
    names.reverse()
    names.sort(key=dutch_key)
    assert names == ordered


def test_texts_with_equal_letters_are_distinguished_by_their_characters() -> None:
    assert dutch_key("Noë") != dutch_key("Noé")
    assert dutch_key("Noë")[0] == dutch_key("noe")[0]
