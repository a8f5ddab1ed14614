"""Markets in memory: sources of market data, the matching engine, the ledger. Imports the domain only; no asyncio, no clock."""
