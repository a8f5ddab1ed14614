"""Shared by tests; never imported by the program."""
