"""The command line: flags and their meaning, and one file per sub-command."""
