"""Plays cases that are written as data through the public API, as the agencies and officers of the case."""
