"""Seeded worlds full of faults in which the real bot lives under virtual time, and an auditor who trusts nothing."""
