"""How well the brake of self-improvement decides, on planted truth."""
