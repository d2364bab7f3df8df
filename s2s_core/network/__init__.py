"""CDCIN and the sparser-to-sparse trainer, and what they are fed with."""
