"""What is computed once and kept by content."""
