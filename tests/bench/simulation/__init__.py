"""The simulation of many users."""

from bench.simulation.costs import Cost, Costs

# Nothing but lists, whatever is asked for: 0.8 ms of processor time each.
_LIST = Cost(app_ms=0.6, postgres_ms=0.2)
LISTS = Costs({"list": _LIST, "detail": _LIST, "ask": _LIST}, "made up")
