"""The error tree: each error says what the caller may conclude, and nothing more.

| error | conclusion | then |
|---|---|---|
| `NotSent` | the request never left | safe to send again |
| `Refused` | the venue proved non-acceptance | decide anew |
| `OutcomeUnknown` | nothing | the order stays in flight; ask by our id; never re-send under a new one |
| `Unavailable` | a read failed | stale is not zero; retry with back-off |
| `NotListed` | an order is not to be seen, and its history may lag | ask again |
| `Misconfigured` | keys, symbol, permission, settings | stop with one clear line |
"""

from __future__ import annotations


class ExchangeError(Exception):
    """The root; never raised itself. Messages never hold a secret, a header or a signed payload."""


class NotSent(ExchangeError):
    """The request never left this machine.

    `again_s`: in so many seconds the exchange lets us ask again; None where its limits are not the reason.
    """

    def __init__(self, message: str = "", *, again_s: float | None = None) -> None:
        super().__init__(message)
        self.again_s = again_s


class Refused(ExchangeError):
    """The venue proved that it did not accept the request.

    `reason` is a short stable word for comparing refusals (`post_only_would_cross`, `insufficient_margin`, ...).
    """

    def __init__(self, reason: str, message: str = "") -> None:
        super().__init__(message or reason)
        self.reason = reason


class OutcomeUnknown(ExchangeError):
    """The request may or may not have taken effect."""


class Unavailable(ExchangeError):
    """A read failed; what was known before is stale, not zero. `again_s` as in `NotSent`."""

    def __init__(self, message: str = "", *, again_s: float | None = None) -> None:
        super().__init__(message)
        self.again_s = again_s


class NotListed(Unavailable):
    """The venue lists no such order, neither open nor ended, and its history may be behind: no proof yet."""


class Misconfigured(ExchangeError):
    """Nothing can work until a person changes the configuration; the message is the one line that says how."""
