"""Which providers are asked, in which order."""

from dataclasses import dataclass
from functools import lru_cache

from noteassist.config import Settings
from noteassist.services.ai.base import Provider, ProviderMisconfigured
from noteassist.services.ai.providers.chat import ChatProvider
from noteassist.services.ai.providers.claude import AnthropicProvider
from noteassist.services.ai.providers.offline import OfflineProvider

# Models come and go: these are the ones to begin with, AI_MODEL names another.
USUAL_MODELS = {
    "groq": "openai/gpt-oss-120b",
    "openai_compatible": "gpt-5-mini",
    "anthropic": "claude-haiku-4-5",
    "offline": OfflineProvider.model,
}


@dataclass(frozen=True)
class Link:
    """One link of the chain of those who may answer."""

    provider: str
    model: str


@lru_cache(maxsize=16)
def chain_of(settings: Settings) -> tuple[Link, ...]:
    """List who is asked, first the provider of the settings, then its fallbacks; empty where AI is off."""
    if settings.ai_provider in {"", "none"}:
        return ()
    first = Link(settings.ai_provider, settings.ai_model or USUAL_MODELS[settings.ai_provider])
    chain = [first]
    for fallback in settings.ai_fallbacks:
        name, _, model = fallback.partition(":")
        link = Link(name, model or USUAL_MODELS[name])
        if link not in chain:
            chain.append(link)
    return tuple(chain)


@lru_cache(maxsize=16)
def provider_of(settings: Settings, link: Link) -> Provider:
    """Make (once) the provider of a link; raises ProviderMisconfigured where its extra is not installed."""
    try:
        return _made(settings, link)
    except ImportError as error:
        extra = {"openai_compatible": "openai"}.get(link.provider, link.provider)
        raise ProviderMisconfigured(f"{link.provider} needs `pip install noteassist[{extra}]`.") from error


def _made(settings: Settings, link: Link) -> Provider:
    if link.provider == "groq":
        key, url = settings.groq_api_key, settings.groq_base_url
        return ChatProvider(name="groq", sdk="groq", model=link.model, api_key=key, base_url=url)
    if link.provider == "openai_compatible":
        key, url = settings.openai_api_key, settings.openai_base_url
        return ChatProvider(
            name="openai_compatible", sdk="openai", model=link.model, api_key=key, base_url=url
        )
    if link.provider == "anthropic":
        return AnthropicProvider(model=link.model, api_key=settings.anthropic_api_key)
    return OfflineProvider()
