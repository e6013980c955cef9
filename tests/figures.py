"""Reading what Prometheus would read."""

from prometheus_client.parser import text_string_to_metric_families


def figures_in(text):
    """Give the figures of a scrape: by name and labels."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def of(figures, name, **labels):
    """Add up the figures of a name that have these labels."""
    return sum(
        value
        for (found, own), value in figures.items()
        if found == name and labels.items() <= dict(own).items()
    )
