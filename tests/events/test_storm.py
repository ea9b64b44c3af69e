"""When a storm is over."""

from __future__ import annotations

import pytest

from keyward.events.storm import Storm, settle_seconds

NOW = 1_000_000.0


@pytest.mark.parametrize(
    ("storm", "seconds"),
    [
        (None, 0),
        (Storm("e", NOW, NOW), 2),
        (Storm("e", NOW + 0.0004, NOW + 0.0004), 2),
        (Storm("e", NOW - 1.5, NOW - 1.5), 1),
        (Storm("e", NOW - 2, NOW - 2), 0),
        (Storm("e", NOW - 9, NOW - 0.1), 2),
        (Storm("e", NOW - 11, NOW - 0.1), 1),
        (Storm("e", NOW - 12, NOW), 0),
        (Storm("e", NOW - 9999, NOW - 9998), 0),
    ],
)
def test_the_last_event_of_a_storm_is_waited_for_but_not_for_ever(
    storm: Storm | None, seconds: int
) -> None:
    assert settle_seconds(storm, 2, NOW) == seconds
