"""The soak: servers under load are killed and starved on a seeded schedule, and nothing may be lost or doubled."""
