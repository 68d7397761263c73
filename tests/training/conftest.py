import pytest


@pytest.fixture
def X(rng):
    """19 different rows: with a batch size of 8, a remainder of 3."""
    return rng.poisson(2.0, (19, 9)).astype(float)
