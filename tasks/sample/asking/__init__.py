"""What is asked of models about prompts."""
