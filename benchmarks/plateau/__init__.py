"""How well the stopping rule of self-improvement decides, on planted truth."""
