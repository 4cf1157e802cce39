"""What publishing costs, beside other tools."""
