"""A local OpenAI-compatible server whose verdicts follow a settable truth and which fails on request.

In a test: ``with FakeOpenAI(Truth(strengths={"good": 2.0})) as server: ... server.base_url``.
By hand: ``python -m tests.fake_openai --port 8080 --truth truth.json``.
"""

from tests.fake_openai.server import FakeOpenAI
from tests.fake_openai.truth import Truth
from tests.fake_openai.usage import Usage

__all__ = ["FakeOpenAI", "Truth", "Usage"]
