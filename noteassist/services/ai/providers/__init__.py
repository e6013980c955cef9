"""The providers, by name; each is made when it is first asked."""

from noteassist.services.ai.providers.registry import Link, chain_of, provider_of

__all__ = ["Link", "chain_of", "provider_of"]
