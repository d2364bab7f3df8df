"""A section: counts on a lattice, what is measured, how it is normalised, what a finished run is."""
