"""A bare Nuki client for the tests: it sends what it is told, right or wrong."""

import asyncio
from collections.abc import Callable
import hashlib
import hmac
import struct
import time
from typing import Self

from nacl.bindings import crypto_box_beforenm
from nacl.public import PrivateKey
from nacl.secret import SecretBox

from virtual_home.air import Central
from virtual_home.home import VirtualHome
from virtual_home.link import Link, uuid_text
from virtual_home.nuki import NukiLock
from virtual_home.nuki.wire import KEYTURNER_USDIO, PAIRING_GDIO, Command, crc, frame

PIN = 1234
NO_WINDOW = bytes(19)

type Message = tuple[int, bytes]


def mac(key: bytes, *parts: bytes) -> bytes:
    """Compute an authenticator."""
    return hmac.new(key, b"".join(parts), hashlib.sha256).digest()


class RawClient:
    """One link to a lock."""

    def __init__(self, link: Link) -> None:
        """Take over a link."""
        self.link = link
        self.auth_id = 0
        self.key = b""
        self.private = PrivateKey.generate()
        self.lock_key = b""
        self.inboxes: dict[str, asyncio.Queue[bytes]] = {}
        self.pieces: list[int] = []
        self._handles: dict[str, int] = {}

    @classmethod
    async def connect(cls, central: Central, address: str) -> RawClient:
        """Connect and subscribe to everything."""
        client = cls(await central.connect(address, 5))
        for service in client.link.services:
            for characteristic in service.characteristics:
                uuid = uuid_text(characteristic.uuid)
                if not uuid.startswith("a92e"):
                    continue
                inbox = client.inboxes[uuid] = asyncio.Queue()
                client._handles[uuid] = characteristic.handle

                def received(data: bytes, inbox: asyncio.Queue[bytes] = inbox) -> None:
                    client.pieces.append(len(data))
                    inbox.put_nowait(data)

                client.link.listen(characteristic.handle, received)
                await client.link.subscribe(characteristic, enable=True)
        return client

    def known_as(self, other: RawClient) -> RawClient:
        """Go on with the pairing of another link."""
        self.auth_id, self.key = other.auth_id, other.key
        self.private, self.lock_key = other.private, other.lock_key
        return self

    async def write(self, uuid: str, data: bytes) -> None:
        """Write to a characteristic."""
        await self.link.write(self._handles[uuid], data)

    async def read(self, uuid: str, timeout: float = 2.0) -> bytes:
        """Wait for the next indication."""
        async with asyncio.timeout(timeout):
            return await self.inboxes[uuid].get()

    async def read_plain(self, uuid: str = PAIRING_GDIO) -> Message:
        """Put together an unencrypted message: it ends where its CRC fits."""
        data = b""
        while len(data) < 5 or data[-2:] != struct.pack("<H", crc(data[:-2])):
            data += await self.read(uuid)
        return int.from_bytes(data[:2], "little"), data[2:-2]

    async def plain(self, command: int, payload: bytes = b"") -> Message:
        """Send an unencrypted message; gives the answer."""
        await self.write(PAIRING_GDIO, frame(command, payload))
        return await self.read_plain()

    async def request_key(self) -> Message:
        """Ask for the public key."""
        return await self.plain(
            Command.REQUEST_DATA, struct.pack("<H", Command.PUBLIC_KEY)
        )

    async def pair(self, name: str = "Tester", id_type: int = 0) -> Message:
        """Pair; gives the last answer."""
        kind, lock_key = await self.request_key()
        if kind == Command.ERROR_REPORT:
            return kind, lock_key
        self.lock_key = lock_key
        self.key = crypto_box_beforenm(lock_key, bytes(self.private))
        own = bytes(self.private.public_key)
        _, nonce = await self.plain(Command.PUBLIC_KEY, own)
        _, nonce = await self.plain(
            Command.AUTHORIZATION_AUTHENTICATOR, mac(self.key, own, lock_key, nonce)
        )
        own_nonce = bytes(range(32))
        data = (
            struct.pack("<BI", id_type, 7) + name.encode().ljust(32, b"\0") + own_nonce
        )
        kind, answer = await self.plain(
            Command.AUTHORIZATION_DATA, mac(self.key, data, nonce) + data
        )
        if kind == Command.ERROR_REPORT:
            return kind, answer
        assert answer[:32] == mac(self.key, answer[32:], own_nonce)
        self.auth_id = int.from_bytes(answer[32:36], "little")
        nonce = answer[52:]
        return await self.plain(
            Command.AUTHORIZATION_ID_CONFIRMATION,
            mac(self.key, answer[32:36], nonce) + answer[32:36],
        )

    async def send(self, command: int, payload: bytes = b"") -> None:
        """Send an encrypted message."""
        plain = struct.pack("<IH", self.auth_id, command) + payload
        await self.send_pdata(plain + struct.pack("<H", crc(plain)))

    async def send_pdata(self, plain: bytes, auth_id: int | None = None) -> None:
        """Encrypt and send whatever this is."""
        sealed = SecretBox(self.key).encrypt(plain)
        own = self.auth_id if auth_id is None else auth_id
        header = struct.pack("<IH", own, len(sealed.ciphertext))
        await self.write(KEYTURNER_USDIO, sealed.nonce + header + sealed.ciphertext)

    async def receive(self, timeout: float = 2.0) -> Message:
        """Wait for an encrypted message."""
        data = b""
        while len(data) < 30 or len(data) < 30 + int.from_bytes(data[28:30], "little"):
            data += await self.read(KEYTURNER_USDIO, timeout)
        assert int.from_bytes(data[24:28], "little") == self.auth_id
        plain = SecretBox(self.key).decrypt(data[30:], data[:24])
        assert plain[-2:] == struct.pack("<H", crc(plain[:-2]))
        return int.from_bytes(plain[4:6], "little"), plain[6:-2]

    async def challenge(self) -> bytes:
        """Get a nonce; what comes before it was for nobody."""
        kind, nonce = await self.request(Command.CHALLENGE)
        while kind != Command.CHALLENGE:
            kind, nonce = await self.receive()
        return nonce

    async def request(self, what: int) -> Message:
        """Request data."""
        await self.send(Command.REQUEST_DATA, struct.pack("<H", what))
        return await self.receive()

    async def ask(
        self, command: int, payload: bytes = b"", pin: int | None = PIN
    ) -> Message:
        """Send a command with a fresh nonce and the PIN; gives the answer.

        States of an action that still runs are no answer.
        """
        tail = b"" if pin is None else struct.pack("<H", pin)
        await self.send(command, payload + await self.challenge() + tail)
        answer = await self.receive()
        while answer[0] == Command.KEYTURNER_STATES:
            answer = await self.receive()
        return answer

    async def ask_all(self, command: int, payload: bytes = b"") -> list[Message]:
        """Send a command; gives the answers up to a status or an error."""
        answers = [await self.ask(command, payload)]
        while answers[-1][0] not in (Command.STATUS, Command.ERROR_REPORT):
            answers.append(await self.receive())
        return answers

    async def act(self, action: int, suffix: str | None = None) -> Message:
        """Send a lock action; gives the first answer."""
        tail = b"" if suffix is None else suffix.encode().ljust(20, b"\0")
        payload = struct.pack("<BIB", action, 7, 0) + tail
        return await self.ask(Command.LOCK_ACTION, payload, pin=None)

    async def add_code(
        self, digits: int, name: str = "Guest", window: bytes = b""
    ) -> Message:
        """Add a keypad code."""
        payload = struct.pack("<I20sB", digits, name.encode(), bool(window))
        return await self.ask(Command.ADD_KEYPAD_CODE, payload + (window or NO_WINDOW))

    async def log(
        self, count: int = 50, start: int = 0, order: int = 0
    ) -> list[Message]:
        """Read the log."""
        return await self.ask_all(
            Command.REQUEST_LOG_ENTRIES, struct.pack("<IHBB", start, count, order, 1)
        )


class Phone:
    """The maker's app on a phone: a radio of its own, and a name of its own."""

    def __init__(self, home: VirtualHome, lock: NukiLock, name: str = "Phone") -> None:
        """Bring it within range."""
        self._central = Central(home.air, address="C0:FF:EE:CE:17:B2")
        self._lock = lock
        self._name = name
        self._known: RawClient | None = None
        self.client: RawClient | None = None
        """While it holds the lock's only link."""

    async def __aenter__(self) -> Self:
        """Switch it on."""
        await self._central.start()
        return self

    async def __aexit__(self, *_error: object) -> None:
        """Switch it off."""
        await self.let_go()
        await self._central.stop()

    async def hold(self) -> RawClient:
        """Take the lock's only link, as soon as nobody has it; pair the first time."""
        while self._lock.connection is not None:
            await asyncio.sleep(0.005)
        client = await RawClient.connect(self._central, self._lock.address)
        if self._known:
            client.known_as(self._known)
        else:
            self._lock.device.set_pairing(True)
            assert (await client.pair(self._name))[1] == b"\0"
            self._lock.device.set_pairing(False)
        self._known = self.client = client
        return client

    async def let_go(self) -> None:
        """Hang up."""
        client, self.client = self.client, None
        if client:
            await client.link.close()


def error(code: int, command: int) -> Message:
    """Make the Error Report that is expected."""
    return Command.ERROR_REPORT, struct.pack("<BH", code, command)


async def wait_for(condition: Callable[[], object], timeout: float = 2.0) -> None:
    """Wait until something is so."""
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, "it did not come to pass"
        await asyncio.sleep(0.005)
