"""What there is to see, as data."""
