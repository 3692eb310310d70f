"""No dependency installs a top-level package of our names (decision 0001)."""

from importlib.metadata import packages_distributions

import pytest

OURS = (
    "fengsui",
    "dashboard_api",
    "playbooks",
    "analytics",
    "collector",
    "sensors",
    "schema",
    "crypto",
)


@pytest.mark.parametrize("name", OURS)
def test_the_name_belongs_to_us_alone(name: str) -> None:
    # An editable install may not be listed at all; another owner always is.
    assert set(packages_distributions().get(name, ["fengsui"])) == {"fengsui"}
