"""What a trained model is worth, measured on what it has not seen."""
