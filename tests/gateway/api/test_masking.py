"""Addresses of accounts are hidden however they are written, and nothing else is."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.api.masking import MASKED, mask_of
from gateway.model.job import JobError
from gateway.model.phases import Phase
from gateway.storage import Connection, jobs
from providers.contract import Account, Secret
from tests.gateway.api.conftest import EMAIL, KEY, OPERATOR, Gate, bearer
from tests.gateway.api.operators_support import PIXVERSE, UPSTREAM


def account(email: str | None) -> Account:
    return Account(
        name="a",
        provider="pictory",
        key=Secret("key"),
        base_url="https://x.test",
        max_jobs=1,
        email=email,
    )


SHORT, LONG = "ops@example.com", "ops@example.com.au"
MASK = mask_of([account(SHORT), account(LONG), account(None)])


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (f"user:1234-pixverse:{SHORT}-video:5", "user:1234-pixverse:***-video:5"),
        (f"no account {SHORT.upper()}.", "no account ***."),
        (f"https://x.test/?email={quote(SHORT, safe='')}&n=1", "https://x.test/?email=***&n=1"),
        (f"{LONG}, {SHORT}", "***, ***"),
        ("opsXexampleYcom", "opsXexampleYcom"),
        ("dev@example.com", "dev@example.com"),
        ("", ""),
    ],
)
def test_an_address_is_hidden_and_all_else_stays(text: str, masked: str) -> None:
    assert MASK(text) == masked


@given(st.emails(), st.text(), st.text())
def test_no_address_shows_through_whatever_stands_around_it(
    email: str, before: str, behind: str
) -> None:
    mask = mask_of([account(email)])
    for written in (email, quote(email, safe=""), email.swapcase()):
        masked = mask(f"{before}{written}{behind}")
        assert MASKED in masked
        assert email.lower() not in masked.lower()


@given(st.text())
def test_without_an_address_nothing_is_hidden(text: str) -> None:
    assert mask_of([account(None)])(text) == text


async def test_an_accounts_address_is_for_operators(gate: Gate) -> None:
    """Providers write it into ids and into their words; a quote shows what would be sent."""
    job = await _talkative(gate)
    body = {"prompt": f"Not hidden: {EMAIL}", "model": "useapi-pixverse/v4"}

    async def told(key: str) -> list[str]:
        headers = bearer(key)
        paths = (f"/v1/videos/{job}", "/v1/videos")
        answers = [await gate.client.get(path, headers=headers) for path in paths]
        answers.append(await gate.client.post("/v1/videos/quote", json=body, headers=headers))
        return [answer.text for answer in answers]

    looked, listed, quoted = await told(KEY)
    for text in (looked, listed):
        assert EMAIL not in text.lower()
        assert "user:1234-pixverse:***-video:112233" in text
        assert "no luck with ***: ***" in text
    # The caller's own words stay.
    assert quoted.count(EMAIL) == 2
    assert '"email":"***"' in quoted

    looked, listed, quoted = await told(OPERATOR)
    assert f'"email":"{EMAIL}"' in quoted
    assert UPSTREAM in looked
    assert UPSTREAM in listed


async def _talkative(gate: Gate) -> str:
    """A job whose provider named the account's address wherever it could."""
    error = JobError(code="generation_failed", message=f"no luck with OPS@example.com: {EMAIL}")
    job = await gate.job(
        phase=Phase.FAILED, choices=(PIXVERSE,), chosen=0, remote_id=UPSTREAM, error=error
    )
    await gate.tools.database.write(
        lambda connection: jobs.note(
            connection, job.id, job.created_at, "accepted", Phase.RENDERING, UPSTREAM
        )
    )
    return job.id


async def test_a_notice_does_not_tell_an_accounts_address_either(gate: Gate) -> None:
    video = await _talkative(gate)

    def read(connection: Connection) -> bytes:
        job = jobs.get(connection, video)
        assert job is not None
        return gate.tools.render(job, jobs.history(connection, video))

    told = (await gate.tools.database.read(read)).decode()
    assert EMAIL not in told.lower()
    assert "***" in told
