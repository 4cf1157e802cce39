"""What validation of many preferences costs."""
