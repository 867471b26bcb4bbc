"""The forms F3, F4 and F5 as neutral structures of texts, built from recorded events and from nothing else."""
