"""Being told to stop."""

import os
import signal

import pytest

from services.kernel.interrupt import interruption


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_that_came_before_the_wait_ends_it(number: signal.Signals) -> None:
    with interruption() as interrupted:
        os.kill(os.getpid(), number)
        assert interrupted() == bytes([number])
