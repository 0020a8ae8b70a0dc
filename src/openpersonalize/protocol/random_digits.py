"""Random hexadecimal digits for ids, fetched for many ids at once: each fetch is a system call."""

import os

_POOLED = 256


class RandomDigits:
    """Gives texts of so many digits; `n_digits` is even. Two processes never give the same after a fork."""

    def __init__(self, n_digits: int) -> None:
        self._n_digits = n_digits
        self._pool: list[str] = []
        os.register_at_fork(after_in_child=self._pool.clear)

    def take(self) -> str:
        """The next digits."""
        if not self._pool:
            digits = os.urandom(self._n_digits // 2 * _POOLED).hex()
            self._pool.extend(
                digits[start : start + self._n_digits] for start in range(0, len(digits), self._n_digits)
            )
        return self._pool.pop()
