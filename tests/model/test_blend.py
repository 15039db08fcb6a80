from __future__ import annotations

import numpy as np
import pytest

from model.blend import faded_weight
from model.pipeline import HeadStart


def test_a_head_start_fades_where_what_is_found_does_not_bear_it_out() -> None:
    start = HeadStart(weight=0.6, expected=0.6)
    # Nothing found: the mean of three made-up ones. Then three at 1.8: (1.8 + 5.4) / 6 = 1.2.
    assert faded_weight(np.zeros(0), start) == pytest.approx(0.36)
    assert faded_weight(np.full(3, 1.8), start) == pytest.approx(0.72)
    # Ten at -0.5: (1.8 - 5) / 13 is below 0.
    assert faded_weight(np.full(10, -0.5), start) == 0
