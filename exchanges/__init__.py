"""Exchange clients: they translate and carry; they decide nothing."""
