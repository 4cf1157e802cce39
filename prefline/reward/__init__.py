"""Reward models and policies: trained models on disk, and reward models at work."""
