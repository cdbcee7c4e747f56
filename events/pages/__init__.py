"""The players' pages and calendar feeds, a file for each. No account, no script."""
