"""How clients reach their venues: two small protocols, each with a network form and an in-memory form.

| module | what it does |
|---|---|
| `messages` | requests, responses, frames; the protocols `HttpTransport` and `WebSocketTransport` |
| `network`, `memory` | both protocols over aiohttp; and against a twin in the same process, under virtual time too |
| `caller` | a request's outcome as an error of the tree: what may be concluded from a timeout, a 5xx, HTML, a 429 |
| `limits` | budgets (token buckets, sliding windows) with a reserve for cancels and closes |
| `server_clock` | the venue's time, estimated |
| `streams` | a socket kept alive: subscribe, acknowledge, heartbeat, watchdog, back-off, resubscribe |
| `touch` | the best bid and offer as last streamed, and the watch on it |
| `endpoints`, `setup` | which hosts may be reached, and what a client is built from |
| `twin` | the interface of a venue's local twin, and of whoever disturbs the way to it |

How a venue is put together from these is told in `docs/ADDING_EXCHANGES.md`.
"""
