from shared.core.identity_cache import IdentityCache


class Lengths:
    """A function with a record of its arguments."""

    def __init__(self) -> None:
        self.computed: list[range] = []

    def __call__(self, argument: range) -> int:
        self.computed.append(argument)
        return len(argument)


def test_a_result_is_computed_once_for_an_object() -> None:
    lengths = Lengths()
    cached, argument = IdentityCache(lengths, max_size=2), range(3)
    assert [cached(argument), cached(argument)] == [3, 3]
    assert lengths.computed == [argument]


def test_an_equal_object_has_a_result_of_its_own() -> None:
    lengths = Lengths()
    cached = IdentityCache(lengths, max_size=2)
    first, second = range(3), range(3)
    cached(first)
    cached(second)
    assert lengths.computed == [first, second]


def test_an_id_is_not_reused_while_its_entry_exists() -> None:
    cached = IdentityCache(Lengths(), max_size=500)
    # Nothing else refers to a range once its length is known.
    assert [cached(range(size)) for size in range(500)] == list(range(500))


def test_the_oldest_entry_makes_room() -> None:
    lengths = Lengths()
    cached = IdentityCache(lengths, max_size=2)
    first, second, third = range(1), range(2), range(3)
    for one in (first, second, third, second, first):
        cached(one)
    assert lengths.computed == [first, second, third, first]
