"""What can go wrong in a world: small named faults, each with a stream of chance of its own."""
