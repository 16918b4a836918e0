"""Groups that hang together."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from search.clustering import group

CONTENTS = st.integers(1, 12)
PAIRS = st.lists(st.tuples(CONTENTS, CONTENTS, st.floats(0, 1)), max_size=40)


def clique(*members: int, score: float = 0.9) -> list[tuple[int, int, float]]:
    return [(one, two, score) for one, two in combinations(members, 2)]


class TestGroups:
    def test_copies_of_each_other_are_one_group(self) -> None:
        assert group(clique(3, 1, 2)) == [(1, 2, 3)]

    def test_a_collage_does_not_bridge_two_groups(self) -> None:
        collage = [(9, 1, 0.5), (9, 11, 0.4)]
        assert group([*clique(1, 2, 3), *clique(11, 12, 13), *collage]) == [(1, 2, 3), (11, 12, 13)]

    def test_a_collage_of_two_single_pictures_stays_with_the_stronger(self) -> None:
        assert group([(9, 1, 0.5), (9, 2, 0.8)]) in ([(2, 9)], [(1, 2, 9)])
        assert group([(9, 1, 0.5), (9, 2, 0.8)], min_linked=0.6) == [(2, 9)]

    def test_a_long_chain_of_strangers_is_broken(self) -> None:
        chain = [(content, content + 1, 0.9) for content in range(1, 12)]
        assert max(len(members) for members in group(chain)) <= 4

    def test_one_missing_verification_does_not_split_a_group(self) -> None:
        pairs = [pair for pair in clique(1, 2, 3, 4) if pair[:2] != (1, 4)]
        assert group(pairs) == [(1, 2, 3, 4)]

    def test_a_refused_join_is_tried_again_when_more_is_known(self) -> None:
        pairs = [*clique(1, 2, 3, score=0.9), (4, 1, 0.95), *((4, one, 0.1) for one in (2, 3))]
        assert group(pairs) == [(1, 2, 3, 4)]

    def test_there_is_nothing_to_group_without_pairs(self) -> None:
        assert group([]) == []
        assert group([(1, 1, 1.0)]) == []

    @given(PAIRS)
    def test_every_content_is_in_one_group_at_most_and_linked_to_it(
        self, pairs: list[tuple[int, int, float]]
    ) -> None:
        links = {frozenset(pair[:2]) for pair in pairs if pair[0] != pair[1]}
        groups = group(pairs)
        everyone = [content for members in groups for content in members]
        assert len(everyone) == len(set(everyone))
        assert all(len(members) > 1 and list(members) == sorted(members) for members in groups)
        for members in groups:
            for content in members:
                assert any(frozenset((content, other)) in links for other in members)

    @given(PAIRS, st.randoms(use_true_random=False))
    def test_the_order_of_pairs_does_not_matter(self, pairs: list[tuple[int, int, float]], random) -> None:  # type: ignore[no-untyped-def]
        shuffled = [(two, one, score) for one, two, score in pairs]
        random.shuffle(shuffled)
        assert group(shuffled) == group(pairs)


class TestApart:
    """Pairs that a person has told apart."""

    def test_a_dismissed_pair_is_no_group(self) -> None:
        assert group([(1, 2, 0.9)], apart=[(2, 1)]) == []

    def test_a_bridge_holds_nobody_together_who_is_apart(self) -> None:
        bridge = [(1, 2, 0.9), (2, 3, 0.8)]
        assert group(bridge) == [(1, 2, 3)]
        assert group(bridge, apart=[(1, 3)]) == [(1, 2)]

    def test_even_a_proven_pair_inside_a_tight_group_is_kept_apart(self) -> None:
        assert group(clique(1, 2, 3, 4), apart=[(1, 2)]) == [(1, 3, 4)]

    @given(PAIRS, st.lists(st.tuples(CONTENTS, CONTENTS), max_size=12))
    def test_nobody_is_with_anybody_he_is_apart_from_and_the_rest_is_grouped_as_ever(
        self, pairs: list[tuple[int, int, float]], apart: list[tuple[int, int]]
    ) -> None:
        forbidden = {frozenset(pair) for pair in apart if pair[0] != pair[1]}
        groups = group(pairs, apart=apart)
        assert not [
            pair for members in groups for pair in combinations(members, 2) if frozenset(pair) in forbidden
        ]
        touched = {content for pair in forbidden for content in pair}
        links = [pair for pair in pairs if frozenset(pair[:2]) not in forbidden]
        for component in _components(links):
            if not component & touched:
                mine = [pair for pair in pairs if pair[0] in component]
                assert [members for members in groups if set(members) <= component] == group(mine)


def _components(pairs: list[tuple[int, int, float]]) -> list[set[int]]:
    found: list[set[int]] = []
    for first, second, _ in pairs:
        near = [component for component in found if component & {first, second}]
        found = [component for component in found if component not in near]
        found.append({first, second}.union(*near))
    return found
