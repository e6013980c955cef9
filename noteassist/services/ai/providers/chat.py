"""Providers that speak the chat completions protocol: Groq, and whatever is compatible with OpenAI.

Both SDKs are made by one generator, so one class serves them. Their own retries are off: the tasks retry. What
they let through is checked here (an answer that ends without a reason, a page of HTML, half a line of JSON).
"""

from collections.abc import Generator
from typing import Any

from noteassist.services.ai.base import Deadline, Piece, ProviderAway, Question, Usage
from noteassist.services.ai.providers.sdk import NoCapacity, SdkProvider, cut_after


class ChatProvider(SdkProvider):
    """A provider behind an SDK of the given name (`groq` or `openai`)."""

    def __init__(self, *, name: str, sdk: str, model: str, api_key: str, base_url: str) -> None:
        super().__init__(name=name, sdk=sdk, model=model)
        maker = self.sdk.Groq if sdk == "groq" else self.sdk.OpenAI
        # Groq tells what an answer cost without being asked.
        self.options = {} if sdk == "groq" else {"stream_options": {"include_usage": True}}
        self.client = maker(api_key=api_key or "none", base_url=base_url, max_retries=0)

    def stream(self, question: Question, deadline: Deadline) -> Generator[Piece]:
        """Write the answer piece by piece; raises ProviderError."""
        try:
            yield from self.guarded(self._pieces(question, deadline, {}), deadline)
        except NoCapacity:
            # Once more, where there is room at the usual price.
            again = self._pieces(question, deadline, {"service_tier": "on_demand"})
            yield from self.guarded(again, deadline)

    def _pieces(self, question: Question, deadline: Deadline, extra: dict[str, Any]) -> Generator[Piece]:
        prompt = question.prompt
        answers = self.client.chat.completions.create(
            model=self.model,
            messages=[
                {"role": "system", "content": prompt.system},
                {"role": "user", "content": prompt.user},
            ],
            temperature=prompt.temperature,
            max_completion_tokens=prompt.max_tokens,
            stream=True,
            timeout=self.timeout(deadline),
            **self.options,
            **extra,
        )
        with answers, cut_after(deadline.left, answers.response):
            for chunk in answers:
                yield _piece(chunk)


def _piece(chunk: Any) -> Piece:
    """Read a chunk; raises ProviderAway where the provider says that it stopped early."""
    extra = getattr(chunk, "x_groq", None)
    if extra is not None and getattr(extra, "error", None):
        raise ProviderAway("The model stopped early.")
    usage = getattr(chunk, "usage", None) or getattr(extra, "usage", None)
    cost = Usage(usage.prompt_tokens or 0, usage.completion_tokens or 0) if usage else None
    if not chunk.choices:
        return Piece(usage=cost)
    choice = chunk.choices[0]
    return Piece((choice.delta and choice.delta.content) or "", choice.finish_reason, cost)
