"""What a person sees or takes away: maps, figures, tables, reports, bundles."""
