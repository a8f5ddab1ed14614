"""What a person sees: one screen of a terminal, or plain lines."""
