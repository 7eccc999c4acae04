"""The parts of the view Relations: how users come in, what finds what they look at next, one user, one product."""
