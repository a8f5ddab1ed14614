"""Worlds: a venue, the way to it, and time; the paper exchange, or a venue's own client against its twin in memory."""
