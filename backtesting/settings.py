"""What a backtest is asked to do: the bot's settings, and the account and distance of the simulated venue."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from domain.market import MarketRules, Side
from domain.stop import StopMode
from markets.account import AccountTerms
from strategies.take_profit_grid.config import OFF, TradingConfig

_MILLISECOND_NS = 1_000_000


@dataclass(frozen=True, slots=True)
class BacktestSettings:
    """One backtest. The defaults are those of the command line.

    `quantity` in base units; `take_profit` and `grid_step` in percent; `wait_time` in seconds; `stop_price` and
    `pause_price` in quote currency per base unit, -1 for off. The second half belongs to the simulated venue and is
    never searched: fee rates as fractions of notional, `latency_ns` each way, `balance` in quote currency.
    """

    ticker: str = "ETH"
    quantity: Decimal = Decimal("0.1")
    take_profit: Decimal = Decimal("0.02")
    direction: Side = Side.BUY
    max_orders: int = 40
    wait_time: Decimal = Decimal(450)
    grid_step: Decimal = Decimal(-100)
    stop_price: Decimal = OFF
    pause_price: Decimal = OFF
    boost: bool = False
    on_stop: StopMode = StopMode.KEEP
    run_for_ns: int | None = None
    """End after so much of the bot's own time, as `--for` does; None: with the data."""

    maker_fee_rate: Decimal = Decimal(0)
    taker_fee_rate: Decimal = Decimal("0.0005")
    latency_ns: int = 50 * _MILLISECOND_NS
    balance: Decimal = Decimal(10_000)
    leverage: Decimal = Decimal(10)

    def trading_config(self, rules: MarketRules) -> TradingConfig:
        """These settings as the strategy's, on the market of `rules`."""
        return TradingConfig(
            ticker=self.ticker,
            contract_id=rules.contract_id,
            quantity=self.quantity,
            take_profit=self.take_profit,
            tick_size=rules.tick_size,
            direction=self.direction,
            max_orders=self.max_orders,
            wait_time=self.wait_time,
            exchange="paper",
            grid_step=self.grid_step,
            stop_price=self.stop_price,
            pause_price=self.pause_price,
            boost_mode=self.boost,
        )

    def account_terms(self) -> AccountTerms:
        return AccountTerms(
            balance=self.balance,
            leverage=self.leverage,
            maker_fee_rate=self.maker_fee_rate,
            taker_fee_rate=self.taker_fee_rate,
        )
