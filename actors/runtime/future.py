"""A future that a loop can await and a thread can wait for."""

import asyncio
import queue
import sys
import threading
from collections.abc import Callable, Generator, Iterable
from contextlib import suppress
from types import TracebackType
from typing import Any, TypeVar, cast

from pykka import Future
from typing_extensions import override

from actors.runtime.envelope import CURRENT
from actors.runtime.errors import AskTimeoutError, DeadlockError

T = TypeVar("T")
M = TypeVar("M")
R = TypeVar("R")
J = TypeVar("J")
ExcInfo = tuple[type[BaseException] | None, BaseException | None, TracebackType | None]
Outcome = tuple[Any, ExcInfo | None]

_SETTLING = threading.Lock()


class AsyncioFuture(Future[T]):
    """A Pykka future that never blocks a loop.

    `await` suspends the task; `get()` blocks the thread, and raises `DeadlockError` at once on a thread
    whose event loop runs, unless the value is there. Futures from `map`, `filter`, `join` and `reduce`
    are awaitable in the same way; a hook set by hand runs in a worker thread when it is awaited.

    Attributes:
        target: urn of the actor that is to answer.
        timeout: seconds that an `await` waits; None waits without end.
    """

    def __init__(self) -> None:
        self._get_hook = None
        self._outcome: Outcome | None = None
        self._wakers: list[Callable[[], None]] | None = None
        self._sources: tuple[Future[Any], ...] | None = None
        self.target: str | None = None
        self.timeout: float | None = None

    def done(self) -> bool:
        """True when `get` and `await` return without waiting."""
        if self._outcome is None and self._sources is not None:
            return all(isinstance(source, AsyncioFuture) and source.done() for source in self._sources)
        return self._outcome is not None

    @override
    def get(self, *, timeout: float | None = None) -> T:
        """Return the value or raise the error; wait for it in a thread.

        Raises:
            DeadlockError: it is not there and this thread's event loop runs.
            AskTimeoutError: it did not come within `timeout` seconds.
        """
        if self._outcome is None:
            self._refuse_on_loop()
            if self._get_hook is None:
                self._block(timeout)
            else:
                with self._hook_lock:
                    if self._outcome is None:
                        self._outcome = (self._get_hook(timeout), None)
        value, failure = cast("Outcome", self._outcome)
        if failure is not None:
            _reraise(failure)
        return cast("T", value)

    def _refuse_on_loop(self) -> None:
        if asyncio._get_running_loop() is not None and not self.done():  # noqa: SLF001 - documented for runtimes
            raise DeadlockError("A blocking get() on a running event loop; await the future instead.")

    def _block(self, timeout: float | None) -> None:
        released = threading.Event()
        if self.when_done(released.set) and not released.wait(timeout):
            raise AskTimeoutError(f"{timeout} seconds")

    @override
    def set(self, value: T | None = None) -> None:
        self._settle((value, None))

    @override
    def set_exception(self, exc_info: ExcInfo | None = None) -> None:
        self._settle((None, exc_info or sys.exc_info()))

    def fail(self, error: BaseException) -> None:
        """Set `error` as the outcome."""
        self._settle((None, (type(error), error, error.__traceback__)))

    def _settle(self, outcome: Outcome) -> None:
        with _SETTLING:
            if self._outcome is not None or self._get_hook is not None:
                raise queue.Full
            self._outcome = outcome
            wakers, self._wakers = self._wakers, None
        for wake in wakers or ():
            wake()

    def when_done(self, wake: Callable[[], None]) -> bool:
        """Call `wake` once there is an outcome, on the thread that sets it; False when there is one now."""
        with _SETTLING:
            if self._outcome is not None:
                return False
            if self._wakers is None:
                self._wakers = []
            self._wakers.append(wake)
            return True

    @override
    def set_get_hook(self, func: Callable[[float | None], T]) -> None:
        with _SETTLING:
            if self._outcome is not None:
                raise queue.Full
            self._get_hook = func
            self._hook_lock = threading.RLock()

    def derive(self, hook: Callable[[float | None], M]) -> "AsyncioFuture[M]":
        """Return a future whose value `hook` computes once this one is done."""
        derived: AsyncioFuture[M] = AsyncioFuture()
        derived.set_get_hook(hook)
        return derived.depend_on(self)

    def depend_on(self, *sources: Future[Any]) -> "AsyncioFuture[T]":
        """Declare that the hook doesn't block once `sources` are done."""
        self._sources = sources
        return self

    @override
    def filter(self: Future[Iterable[J]], func: Callable[[J], bool]) -> Future[Iterable[J]]:
        return _depending(super().filter(func), self)  # type: ignore[misc] # zero-argument super with an annotated self

    @override
    def join(self: Future[Any], *futures: Future[Any]) -> Future[Iterable[Any]]:
        return _depending(super().join(*futures), self, *futures)  # type: ignore[misc] # same

    @override
    def map(self, func: Callable[[T], M]) -> Future[M]:
        return _depending(super().map(func), self)

    @override
    def reduce(self: Future[Iterable[J]], func: Callable[[R, J], R], *args: R) -> Future[R]:
        return _depending(super().reduce(func, *args), self)  # type: ignore[misc] # same

    @override
    def __await__(self) -> Generator[Any, None, T]:
        if self._outcome is None:
            yield from self.wait()
        return self.get()

    __iter__ = __await__

    def wait(self) -> Generator[Any, None, None]:
        """Suspend the task until the future is done."""
        if self._get_hook is None:
            yield from self._wait_for_outcome()
        elif self._sources is None:
            yield from _in_thread(self.get)
        else:
            for source in self._sources:
                yield from wait_for(source)
            self._sources = ()

    def _wait_for_outcome(self) -> Generator[Any, None, None]:
        scope = CURRENT.get()
        if scope is not None and self.target in scope.askers:
            raise DeadlockError("An actor waits in its handler for an answer that needs the same actor.")
        loop = asyncio.get_running_loop()
        waiter = loop.create_future()
        if not self.when_done(_waker(loop, waiter)):
            return
        timer = None if self.timeout is None else loop.call_later(self.timeout, _expire, waiter, self.timeout)
        try:
            yield from waiter
        finally:
            if timer is not None:
                timer.cancel()


def wait_for(future: Future[Any]) -> Generator[Any, None, None]:
    """Suspend the task until `future` of any kind is done, whatever its outcome."""
    with suppress(Exception):
        if isinstance(future, AsyncioFuture):
            if not future.done():
                yield from future.wait()
        else:
            yield from _in_thread(future.get)


async def bridge(future: Future[T]) -> T:
    """Await any Pykka future without blocking the loop; a foreign one is waited for in a thread."""
    if isinstance(future, AsyncioFuture):
        value: T = await future
        return value
    return await asyncio.get_running_loop().run_in_executor(None, future.get)


def _depending(future: Future[M], *sources: Future[Any]) -> Future[M]:
    return cast("AsyncioFuture[M]", future).depend_on(*sources)


def _in_thread(call: Callable[[], Any]) -> Generator[Any, None, None]:
    yield from asyncio.get_running_loop().run_in_executor(None, call)


def _waker(loop: asyncio.AbstractEventLoop, waiter: "asyncio.Future[None]") -> Callable[[], None]:
    def wake() -> None:
        if asyncio._get_running_loop() is loop:  # noqa: SLF001 - documented for runtimes
            _release(waiter)
        else:
            with suppress(RuntimeError):  # the loop is closed: nobody waits
                loop.call_soon_threadsafe(_release, waiter)

    return wake


def _release(waiter: "asyncio.Future[None]") -> None:
    if not waiter.done():
        waiter.set_result(None)


def _expire(waiter: "asyncio.Future[None]", timeout: float) -> None:
    if not waiter.done():
        waiter.set_exception(AskTimeoutError(f"{timeout} seconds"))


def _reraise(failure: ExcInfo) -> None:
    kind, error, trace = failure
    if error is None:
        error = cast("type[BaseException]", kind)()
    if error.__traceback__ is not trace:
        raise error.with_traceback(trace)
    raise error
