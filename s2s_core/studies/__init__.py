"""Long comparisons that can be resumed: designs x budgets, the paper's experiments."""
