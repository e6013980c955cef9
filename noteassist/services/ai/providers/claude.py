"""Anthropic's models (an extra: `pip install noteassist[anthropic]`)."""

from collections.abc import Generator

from noteassist.services.ai.base import Deadline, Piece, Question, Usage
from noteassist.services.ai.providers.sdk import SdkProvider, cut_after

FINISH_REASONS = {"end_turn": "stop", "stop_sequence": "stop", "max_tokens": "length"}


class AnthropicProvider(SdkProvider):
    """Anthropic, through its own SDK; retries are off, the tasks retry."""

    def __init__(self, *, model: str, api_key: str, base_url: str | None = None) -> None:
        super().__init__(name="anthropic", sdk="anthropic", model=model)
        self.client = self.sdk.Anthropic(api_key=api_key, base_url=base_url, max_retries=0)

    def stream(self, question: Question, deadline: Deadline) -> Generator[Piece]:
        """Write the answer piece by piece; raises ProviderError."""
        yield from self.guarded(self._pieces(question, deadline), deadline)

    def _pieces(self, question: Question, deadline: Deadline) -> Generator[Piece]:
        prompt = question.prompt
        events = self.client.messages.create(
            model=self.model,
            system=prompt.system,
            messages=[{"role": "user", "content": prompt.user}],
            max_tokens=prompt.max_tokens,
            stream=True,
            timeout=self.timeout(deadline),
        )
        asked = 0
        with events, cut_after(deadline.left, events.response):
            for event in events:
                if event.type == "message_start":
                    asked = event.message.usage.input_tokens or 0
                elif event.type == "content_block_delta":
                    yield Piece(getattr(event.delta, "text", ""))
                elif event.type == "message_delta":
                    reason = event.delta.stop_reason
                    written = event.usage.output_tokens or 0
                    yield Piece("", reason and FINISH_REASONS.get(reason, reason), Usage(asked, written))
