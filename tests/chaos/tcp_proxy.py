"""A TCP proxy in front of a server, which can be made to fail as networks and servers do."""

import asyncio
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Thread

from embedded.ports import LOOPBACK

REFUSES, RESETS, SILENT, HALF_OPEN, SLOW = "refuses", "resets", "silent", "half open", "slow"
SLOW_SECONDS = 0.3
_RESET = struct.pack("ii", 1, 0)  # linger: on, for 0 seconds


class TcpProxy:
    """A proxy whose connections all have the fault that is set.

    `refuses`: no listener, and the open connections are reset; `resets`: new ones are too;
    `silent`: connections are accepted, and nothing is passed on; `half open`: the same, of the
    connections that are open already; `slow`: each piece takes `SLOW_SECONDS`.
    """

    def __init__(self, upstream_port: int) -> None:
        self._upstream_port = upstream_port
        self._loop = asyncio.new_event_loop()
        self._fault = ""
        self._server: asyncio.Server | None = None
        self._open: set[_Passage] = set()
        with socket.socket() as free:
            free.bind((LOOPBACK, 0))
            self.port: int = free.getsockname()[1]

    @property
    def fault(self) -> str:
        return self._fault

    @fault.setter
    def fault(self, fault: str) -> None:
        asyncio.run_coroutine_threadsafe(self._set(fault), self._loop).result(10)

    @contextmanager
    def running(self) -> Iterator[None]:
        thread = Thread(target=self._loop.run_forever, daemon=True)
        thread.start()
        self.fault = ""
        try:
            yield
        finally:
            asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
            self._loop.call_soon_threadsafe(self._loop.stop)
            thread.join()
            self._loop.close()

    async def _set(self, fault: str) -> None:
        self._fault = fault
        if fault == REFUSES and self._server is not None:
            self._server.close()
            self._server = None
        if fault in {REFUSES, RESETS}:
            for passage in [*self._open]:
                passage.reset()
        for passage in self._open:
            passage.is_silent |= fault == HALF_OPEN
        if fault != REFUSES and self._server is None:
            self._server = await asyncio.start_server(self._serve, LOOPBACK, self.port)

    async def _end(self) -> None:
        await self._set(REFUSES)
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        passage = _Passage(self, writer)
        if self._fault == RESETS:
            passage.reset()
            return
        self._open.add(passage)
        try:
            await passage.run(reader, self._upstream_port)
        finally:
            self._open.discard(passage)
            passage.reset()


class _Passage:
    """One connection through the proxy."""

    def __init__(self, proxy: TcpProxy, writer: asyncio.StreamWriter) -> None:
        self._proxy = proxy
        self._writers = [writer]
        self.is_silent = False

    async def run(self, reader: asyncio.StreamReader, port: int) -> None:
        while self._is_silent():  # noqa: ASYNC110  # nothing signals it
            await asyncio.sleep(0.05)
        with suppress(OSError):
            from_server, to_server = await asyncio.open_connection(LOOPBACK, port)
            self._writers.append(to_server)
            client = self._writers[0]
            ways = [(reader, to_server), (from_server, client)]
            tasks = [asyncio.create_task(self._pass_on(*way)) for way in ways]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while piece := await reader.read(65_536):
                while self._is_silent():  # noqa: ASYNC110  # nothing signals it
                    await asyncio.sleep(0.05)
                if self._proxy.fault == SLOW:
                    await asyncio.sleep(SLOW_SECONDS)
                writer.write(piece)
                await writer.drain()

    def _is_silent(self) -> bool:
        return self.is_silent or self._proxy.fault == SILENT

    def reset(self) -> None:
        for writer in self._writers:
            opened = writer.get_extra_info("socket")
            with suppress(OSError):
                opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            writer.transport.abort()
