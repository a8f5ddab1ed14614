"""Around the bot: clock, journal, settings, logs, notifications."""
