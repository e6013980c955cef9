"""Those who work: slots that take tasks, the heart that keeps their leases, the lookout for what was forgotten."""
