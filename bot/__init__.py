"""The parts of `TradingBot`: writing things down, asking the venue, telling observers."""
