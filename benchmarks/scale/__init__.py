"""What each stage of the pipeline costs as the number of prompts grows."""
