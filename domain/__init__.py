"""The venue-neutral vocabulary: markets, orders, events, commands. Frozen types and `Decimal`; no input or output."""
