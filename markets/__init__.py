"""Markets in memory: sources of market data, the matching engine, the ledger. They import the domain only; no asyncio,
no clock.
"""
