"""What is kept out of the prompts."""
