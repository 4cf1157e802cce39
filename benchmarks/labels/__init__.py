"""How good the labels are on planted truth, beside simpler ways to make them."""
