"""What is learnt from a version: trained models on disk, and reward models at work."""
