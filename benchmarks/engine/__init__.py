"""What a call costs the client: Prefline's engine beside its peers, on the same jobs."""
