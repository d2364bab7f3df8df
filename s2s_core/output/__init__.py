"""Output for people: maps, figures, tables, reports, bundles."""
