"""Real money is agreed to once, by a person or by `--live`, and seen before it is agreed to."""

from __future__ import annotations

import io
from decimal import Decimal

import pytest

from commands.consent import Desk, require_consent, stakes
from commands.options import Exchanges, RunOptions, parse
from commands.usage import UsageError
from domain.market import Quote
from exchanges.base import AccountSummary
from helpers.journal import MemoryJournal

QUOTE = Quote(Decimal(2999), Decimal(1), Decimal(3001), Decimal(1), 0)
ACCOUNT = AccountSummary("12…89", Decimal("250.5"), "USDC", can_withdraw=False)


def options(*more: str) -> RunOptions:
    parsed = parse(["--exchange", "somewhere", "--ticker", "eth", *more], Exchanges(("paper", "somewhere")))
    assert isinstance(parsed, RunOptions)
    return parsed


class Person:
    """Types one line each time they are asked."""

    def __init__(self, *lines: str, is_terminal: bool = True) -> None:
        self._lines = list(lines)
        self.screen = io.StringIO()
        self.desk = Desk(self.screen, lambda: self._lines.pop(0) + "\n", is_terminal)

    def is_asked(
        self,
        chosen: RunOptions | None = None,
        account: AccountSummary = ACCOUNT,
        journal: MemoryJournal | None = None,
    ) -> MemoryJournal:
        journal = journal or MemoryJournal()
        require_consent(chosen or options(), "mainnet", account, QUOTE, journal, self.desk)
        return journal

    def is_refused(self, chosen: RunOptions | None = None, account: AccountSummary = ACCOUNT) -> tuple[str, str | None]:
        """The one line, and what the journal keeps."""
        journal = MemoryJournal()
        with pytest.raises(UsageError) as refused:
            self.is_asked(chosen, account, journal)
        assert "\n" not in str(refused.value)
        return str(refused.value), journal.note("consent")


def test_what_is_at_stake_is_shown_whole() -> None:
    assert stakes(options("--quantity", "0.2", "--max-orders", "7"), "mainnet", ACCOUNT, QUOTE) == [
        "REAL MONEY",
        "exchange: somewhere, network: mainnet, account: 12…89",
        "balance: 250.5 USDC; key: cannot withdraw",
        "worst case: 7 x 0.2 = 1.4 ETH, now worth 4200; there is no stop-loss",
    ]


@pytest.mark.parametrize(
    "can_withdraw, words",
    [(True, "can withdraw"), (False, "cannot withdraw"), (None, "withdrawal not shown by the exchange")],
)
def test_the_key_s_permission_is_said_as_far_as_it_is_known(can_withdraw: bool | None, words: str) -> None:
    account = AccountSummary("a", Decimal(1), "USDT", can_withdraw)
    assert stakes(options(), "testnet", account, None)[2] == f"balance: 1 USDT; key: {words}"


def test_without_a_price_the_worst_case_is_in_base_units_alone() -> None:
    assert stakes(options(), "mainnet", ACCOUNT, None)[3] == "worst case: 40 x 0.1 = 4 ETH; there is no stop-loss"


def test_the_ticker_typed_is_consent_and_is_kept() -> None:
    person = Person("eth")
    journal = person.is_asked()
    assert journal.note("consent") == "somewhere mainnet ETH 12…89 typed"
    assert person.screen.getvalue().endswith("Type ETH to trade, anything else to leave: ")


@pytest.mark.parametrize("word", ["", "y", "yes", "BTC", "ETHH", "E TH"])
def test_any_other_word_is_no_consent(word: str) -> None:
    assert Person(word).is_refused() == ("not agreed; nothing was traded", None)


def test_without_a_terminal_nobody_is_asked() -> None:
    refusal, kept = Person(is_terminal=False).is_refused()
    assert "say --live" in refusal
    assert kept is None


def test_live_is_consent_without_a_terminal_and_the_stakes_are_shown_all_the_same() -> None:
    person = Person(is_terminal=False)
    assert person.is_asked(options("--live")).note("consent") == "somewhere mainnet ETH 12…89 --live"
    assert person.screen.getvalue().startswith("REAL MONEY\n")


def test_consent_is_asked_for_once() -> None:
    journal = Person("ETH").is_asked()
    later = Person(is_terminal=False)
    later.is_asked(journal=journal)
    assert later.screen.getvalue() == ""


@pytest.mark.parametrize(
    "network, account", [("mainnet", "12…89"), ("testnet", "98…21")], ids=["another network", "another account"]
)
def test_consent_for_one_account_on_one_network_is_none_for_another(network: str, account: str) -> None:
    journal = MemoryJournal()
    first = AccountSummary("12…89", Decimal(1), "USDC", can_withdraw=False)
    require_consent(options("--live"), "testnet", first, QUOTE, journal, Person().desk)
    other = AccountSummary(account, Decimal(1), "USDC", can_withdraw=False)
    with pytest.raises(UsageError, match="--live"):
        require_consent(options(), network, other, QUOTE, journal, Person(is_terminal=False).desk)


def test_a_key_that_can_withdraw_is_refused_before_anything_is_asked() -> None:
    account = AccountSummary("a", Decimal(1), "USDT", can_withdraw=True)
    for chosen in (options(), options("--live")):
        person = Person("ETH")
        refusal, kept = person.is_refused(chosen, account)
        assert "--allow-withdraw-key" in refusal
        assert (kept, person.screen.getvalue()) == (None, "")


def test_a_key_that_can_withdraw_is_refused_even_after_consent() -> None:
    """A key exchanged for a stronger one is noticed at the next start."""
    journal = Person("ETH").is_asked()
    with pytest.raises(UsageError, match="can withdraw"):
        Person().is_asked(account=AccountSummary("a", Decimal(1), "USDT", can_withdraw=True), journal=journal)


def test_a_key_that_can_withdraw_is_taken_when_that_is_meant() -> None:
    account = AccountSummary("a", Decimal(1), "USDT", can_withdraw=True)
    chosen = options("--allow-withdraw-key")
    assert Person("ETH").is_asked(chosen, account).note("consent") == "somewhere mainnet ETH a typed"
