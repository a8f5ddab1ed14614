"""Strategies: pure, synchronous decisions over frozen domain types."""
