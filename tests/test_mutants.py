"""The suite itself: it fails where the package does."""

import pytest
from mutants import MUTANTS, ROOT, outcome


def test_planted_bugs_are_up_to_date():
    for mutant in MUTANTS:
        mutant.planted_in((ROOT / "skvae" / mutant.file).read_text())


@pytest.mark.slow
@pytest.mark.timeout(700)
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_planted_bug_is_caught(mutant, record_property):
    caught_by, _ = outcome(mutant)
    assert caught_by is not None
    record_property("mutants caught", 1)
