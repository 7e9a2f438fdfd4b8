"""Many at once, as in the kernel's tests."""

from tests.kernel.conftest import at_once

__all__ = ["at_once"]
