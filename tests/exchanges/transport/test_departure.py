"""A request leaves as soon as it can and once, and it is known whether it has left."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from exchanges.errors import NotSent, OutcomeUnknown
from exchanges.transport.departure import begun
from exchanges.transport.messages import HttpRequest
from exchanges.transport.network import Network

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
LARGE = b"x" * (24 << 20)
"""More than the buffers of two sockets hold. No request of ours is, and aiohttp warns of one."""
at_length = pytest.mark.filterwarnings("ignore:Sending a large body")


class Reader:
    """A server that reads nothing until it is let, and then answers each request whose end has come."""

    def __init__(self) -> None:
        self.may_read = asyncio.Event()
        self.came = asyncio.Event()
        self.heads: list[bytes] = []
        self.bodies: list[int] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.came.set()
        try:
            await self.may_read.wait()
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length:"))
                self.heads.append(head.split(b"\r\n")[0])
                self.bodies.append(len(await reader.readexactly(length)))
                writer.write(ANSWER)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # The client has gone, which ends every test.
        finally:
            writer.close()


@pytest.fixture
async def network() -> AsyncIterator[Network]:
    made = Network()
    yield made
    await made.close()


async def listen(reader: Reader, context: ssl.SSLContext | None = None) -> asyncio.Server:
    return await asyncio.start_server(reader.serve, "127.0.0.1", 0, ssl=context)


def address(server: asyncio.Server) -> str:
    return f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


@at_length
async def test_a_body_that_the_connection_cannot_take_at_once_arrives_whole(network: Network) -> None:
    reader = Reader()
    async with await listen(reader) as server:
        sending = asyncio.create_task(
            network.open_http(f"http://{address(server)}").send(HttpRequest("POST", "/order", (), LARGE), 20)
        )
        await reader.came.wait()
        reader.may_read.set()
        response = await sending
    assert (response.status, response.body) == (200, b"{}")
    assert (reader.heads, reader.bodies) == ([b"POST /order HTTP/1.1"], [len(LARGE)])


@at_length
async def test_a_request_given_up_while_it_is_being_written_has_an_unknown_outcome(network: Network) -> None:
    reader = Reader()
    async with await listen(reader) as server:
        http = network.open_http(f"http://{address(server)}")
        with pytest.raises(OutcomeUnknown):
            await http.send(HttpRequest("POST", "/order", (), LARGE), 0.2)
        reader.may_read.set()
        assert (await http.send(HttpRequest("POST", "/next", (), b"{}"), 5)).status == 200
    assert b"POST /next HTTP/1.1" in reader.heads


async def test_a_request_given_up_while_it_waits_for_a_connection_has_not_left(network: Network) -> None:
    reader, requests = Reader(), []
    async with await listen(reader) as server:
        http = network.open_http(f"http://{address(server)}")
        for _ in range(16):
            requests.append(asyncio.create_task(http.send(HttpRequest("POST", "/first", (), b"{}"), 5)))
        await reader.came.wait()
        with pytest.raises(NotSent):
            await http.send(HttpRequest("POST", "/late", (), b"{}"), 0.2)
        reader.may_read.set()
        await asyncio.gather(*requests)
    assert reader.heads == [b"POST /first HTTP/1.1"] * 16


async def test_an_exchange_whose_certificate_nobody_vouches_for_is_sent_nothing(
    network: Network, tmp_path: Path
) -> None:
    reader = Reader()
    reader.may_read.set()
    async with await listen(reader, own_certificate(tmp_path)) as server:
        with pytest.raises(NotSent, match="ClientConnectorCertificateError"):
            await network.open_http(f"https://{address(server)}").send(HttpRequest("POST", "/order", (), b"{}"), 5)
    assert reader.heads == []


def own_certificate(folder: Path) -> ssl.SSLContext:
    """Of a server that vouches for itself."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    certificate = builder.not_valid_before(now).not_valid_after(now + timedelta(days=1)).sign(key, hashes.SHA256())
    pem = folder / "server.pem"
    pem.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context


# --- beginning work at once ----------------------------------------------------------------------------------------


async def test_what_does_not_have_to_wait_is_done_at_once() -> None:
    done = []

    async def work() -> None:
        done.append("all")

    rest = begun(work())
    assert done == ["all"]
    await rest


async def test_what_has_to_wait_goes_on_where_it_is_awaited() -> None:
    done, answers = list[object](), [asyncio.get_running_loop().create_future() for _ in range(2)]

    async def work() -> None:
        for answer in answers:
            done.append("asks")
            done.append(await answer)

    rest = asyncio.create_task(begun(work()))
    assert done == ["asks"]
    answers[0].set_result("first")
    answers[1].set_result("second")
    await rest
    assert done == ["asks", "first", "asks", "second"]


async def test_what_is_cancelled_while_it_waits_hears_of_it() -> None:
    done, never = [], asyncio.get_running_loop().create_future()

    async def work() -> None:
        try:
            await never
        except asyncio.CancelledError:
            done.append("cancelled")
            raise

    rest = asyncio.create_task(begun(work()))
    await asyncio.sleep(0)
    rest.cancel()
    with pytest.raises(asyncio.CancelledError):
        await rest
    assert done == ["cancelled"]


async def test_what_fails_at_once_or_later_says_so() -> None:
    later = asyncio.get_running_loop().create_future()

    async def work(answer: asyncio.Future[None] | None) -> None:
        if answer is not None:
            await answer
        raise ValueError("as it must")

    with pytest.raises(ValueError, match="as it must"):
        await begun(work(None))
    rest = asyncio.create_task(begun(work(later)))
    later.set_result(None)
    with pytest.raises(ValueError, match="as it must"):
        await rest
