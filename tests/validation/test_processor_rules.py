"""Registry of the chain: accepted and refused entries, seen by modules imported earlier."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from validation.processor_rules import (
    CODES,
    ML,
    PCF,
    PDC,
    PSZA,
    RULES,
    TDZA,
    ProcessorRules,
    add_rules,
    downstream,
    remove_rules,
)

SIXTH = ProcessorRules(code="SIX", after=(TDZA,), requires=(TDZA,), games="TDGS")
FIVE = (TDZA, PSZA, PCF, PDC, ML)


@pytest.fixture
def sixth() -> Iterator[None]:
    add_rules(SIXTH)
    yield
    remove_rules("SIX")


@pytest.mark.usefixtures("sixth")
def test_the_chain_is_a_tuple_of_what_is_registered_now() -> None:
    assert (*FIVE, "SIX") == CODES
    assert (CODES[0], CODES[-1], CODES[4:], len(CODES)) == (TDZA, "SIX", (ML, "SIX"), 6)
    assert ("SIX" in CODES, CODES.index("SIX"), list(CODES)[-1]) == (True, 5, "SIX")
    remove_rules("SIX")
    assert (CODES == FIVE, "SIX" in CODES, repr(CODES)) == (True, False, repr(FIVE))
    assert FIVE[1:] != CODES
    add_rules(SIXTH)


def test_it_is_no_key_because_it_changes() -> None:
    with pytest.raises(TypeError, match="unhashable"):
        hash(CODES)


@pytest.mark.usefixtures("sixth")
def test_nothing_is_registered_twice() -> None:
    with pytest.raises(ValueError, match="SIX is registered already"):
        add_rules(SIXTH)


@pytest.mark.parametrize("field", ["after", "reads", "requires"])
def test_a_processor_names_only_what_precedes_it(field: str) -> None:
    with pytest.raises(ValueError, match="NEW names processors that do not precede it"):
        add_rules(ProcessorRules(code="NEW", **{field: ("SIX",)}))  # type: ignore[arg-type]
    assert CODES == FIVE


def test_what_another_one_names_stays() -> None:
    with pytest.raises(ValueError, match="PDC is named by ML"):
        remove_rules(PDC)
    assert PDC in RULES


@pytest.mark.usefixtures("sixth")
@pytest.mark.parametrize(
    ("codes", "found"),
    [
        ((TDZA,), (TDZA, PCF, PDC, ML, "SIX")),
        ((PSZA,), (PSZA, PCF, PDC, ML)),
        ((PSZA, "SIX"), (PSZA, PCF, PDC, ML, "SIX")),
        ((ML,), (ML,)),
        (("SIX",), ("SIX",)),
    ],
)
def test_what_runs_again_with_some_is_what_waits_for_them(
    codes: tuple[str, ...], found: tuple[str, ...]
) -> None:
    assert downstream(codes) == found


def test_who_is_about_teams_follows_from_the_games() -> None:
    assert [r.code for r in (*RULES.values(), SIXTH) if r.is_about_teams] == [TDZA, "SIX"]
