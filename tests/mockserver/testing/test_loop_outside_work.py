import asyncio
import concurrent.futures
import multiprocessing
import socket
import threading
import time

import anyio.to_thread
import pytest

from mockserver.testing.loop import (
    VirtualTimeLoop,
    VirtualTimeStallError,
    run,
)

SECONDS_REAL = 0.02
"""How long outside work takes here, really."""


def now() -> float:
    return asyncio.get_running_loop().time()


async def timer(seconds: float, log: list[str]) -> None:
    await asyncio.sleep(seconds)
    log.append(f"timer at {now():g}")


@pytest.mark.parametrize("pool", [None, "own", "default"])
def test_a_job_holds_time_until_it_has_finished(pool: str | None) -> None:
    log: list[str] = []

    def job() -> str:
        time.sleep(SECONDS_REAL)
        return "job"

    async def main() -> None:
        loop = asyncio.get_running_loop()
        with concurrent.futures.ThreadPoolExecutor(1) as threads:
            if pool == "default":
                loop.set_default_executor(threads)
            waiting = asyncio.create_task(timer(1000, log))
            await asyncio.sleep(0)
            name = await loop.run_in_executor(threads if pool == "own" else None, job)
            log.append(f"{name} at {now():g}")
            await waiting

    run(main())
    assert log == ["job at 0", "timer at 1000"]


def test_a_time_out_never_overtakes_a_thread() -> None:
    async def main() -> float:
        await asyncio.wait_for(asyncio.to_thread(time.sleep, SECONDS_REAL), 0.001)
        return now()

    assert run(main()) == 0.0


def test_many_jobs_hand_over_their_results_before_time_moves() -> None:
    async def main() -> list[float]:
        async def one(n: int) -> float:
            await asyncio.sleep(n)
            await asyncio.gather(*(asyncio.to_thread(int) for _ in range(5)))
            return now()

        return await asyncio.gather(*(one(n) for n in range(50)))

    assert run(main()) == [float(n) for n in range(50)]


def test_a_job_holds_time_even_when_nobody_waits_for_it_any_more() -> None:
    log: list[str] = []

    def job() -> None:
        time.sleep(SECONDS_REAL)
        log.append("job")

    async def main() -> None:
        waiting = asyncio.create_task(asyncio.to_thread(job))
        await asyncio.sleep(0)
        waiting.cancel()
        await timer(1000, log)

    run(main())
    assert log == ["job", "timer at 1000"]


def test_a_job_that_fails_lets_time_go() -> None:
    def job() -> None:
        raise LookupError

    async def main() -> float:
        with pytest.raises(LookupError):
            await asyncio.to_thread(job)
        await asyncio.sleep(5)
        return now()

    assert run(main()) == 5.0


def test_a_job_that_never_began_lets_time_go() -> None:
    async def main() -> float:
        loop = asyncio.get_running_loop()
        with concurrent.futures.ThreadPoolExecutor(1) as threads:
            first = loop.run_in_executor(threads, time.sleep, SECONDS_REAL)
            second = loop.run_in_executor(threads, time.sleep, 100)
            second.cancel()
            await first
            await asyncio.sleep(5)
        return now()

    assert run(main()) == 5.0


def test_a_process_pool_works() -> None:
    async def main() -> int:
        context = multiprocessing.get_context("spawn")
        with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:
            return await asyncio.get_running_loop().run_in_executor(pool, abs, -3)

    assert run(main()) == 3


def test_a_thread_of_anyio_holds_time_until_it_has_finished() -> None:
    async def main() -> list[float]:
        times = []
        for _ in range(3):
            with anyio.fail_after(0.001):
                await anyio.to_thread.run_sync(time.sleep, SECONDS_REAL)
            times.append(now())
            await asyncio.sleep(15)
        return times

    assert run(main()) == [0.0, 15.0, 30.0]


def test_work_that_the_loop_cannot_see_holds_time_when_it_says_so() -> None:
    log: list[str] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualTimeLoop)
        heard = asyncio.Event()
        held = threading.Event()

        def work() -> None:
            with loop.hold("work"):
                held.set()
                time.sleep(SECONDS_REAL)
                loop.call_soon_threadsafe(heard.set)

        thread = threading.Thread(target=work)
        thread.start()
        assert held.wait(10)
        waiting = asyncio.create_task(timer(1000, log))
        await heard.wait()
        log.append(f"heard at {now():g}")
        await waiting
        thread.join(10)

    run(main())
    assert log == ["heard at 0", "timer at 1000"]


def test_without_a_timer_the_loop_waits_really_for_another_thread() -> None:
    async def main() -> float:
        loop = asyncio.get_running_loop()
        heard = asyncio.Event()
        threading.Timer(SECONDS_REAL, loop.call_soon_threadsafe, [heard.set]).start()
        await heard.wait()
        return loop.time()

    began = time.perf_counter()
    assert run(main()) == 0.0
    assert time.perf_counter() - began >= SECONDS_REAL * 0.9


def test_threads_end_with_the_run_without_a_time_out() -> None:
    began: list[threading.Thread] = []

    def job() -> None:
        began.append(threading.current_thread())
        time.sleep(SECONDS_REAL)

    async def main() -> None:
        asyncio.get_running_loop().run_in_executor(None, job)

    run(main())
    assert [thread.is_alive() for thread in began] == [False]


def test_time_stands_still_while_the_threads_end() -> None:
    log: list[str] = []

    class SlowToEnd(concurrent.futures.ThreadPoolExecutor):
        def shutdown(self, *args: bool, **options: bool) -> None:
            time.sleep(SECONDS_REAL)
            super().shutdown(*args, **options)
            log.append("threads ended")

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(SlowToEnd(1))
        await asyncio.gather(loop.shutdown_default_executor(), timer(1000, log))

    run(main())
    assert log[:2] == ["threads ended", "timer at 1000"]


def test_a_job_that_waits_for_a_timer_of_the_loop_is_an_error_that_names_it() -> None:
    woken = threading.Event()

    def waits_for_the_loop() -> None:
        woken.wait(10)

    async def main() -> None:
        asyncio.get_running_loop().call_later(15, woken.set)
        await asyncio.to_thread(waits_for_the_loop)

    def factory() -> VirtualTimeLoop:
        return VirtualTimeLoop(patience=0.02)

    with asyncio.Runner(loop_factory=factory) as runner:
        with pytest.raises(
            VirtualTimeStallError,
            match=r"at 0 s for 0\.02 real seconds, held by executor job test_.*waits_for_the_loop\."
            r".* at test_loop_outside_work\.py:\d+$",
        ):
            runner.run(main())
        woken.set()


def test_a_client_and_a_server_in_one_loop_talk_before_any_time_out() -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            await asyncio.sleep(15)
            writer.write(line)
            await writer.drain()
        writer.close()
        await writer.wait_closed()

    async def main() -> tuple[list[bytes], float]:
        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            heard = []
            for word in (b"one\n", b"two\n"):
                writer.write(word)
                heard.append(await asyncio.wait_for(reader.readline(), 16))
            writer.close()
            await writer.wait_closed()
            return heard, now()

    assert run(main()) == ([b"one\n", b"two\n"], 30.0)


def test_a_peer_in_another_thread_has_the_grace_to_answer() -> None:
    log: list[str] = []
    here, there = socket.socketpair()

    def answer() -> None:
        there.recv(1)
        time.sleep(SECONDS_REAL / 4)
        there.send(b"!")

    async def main() -> None:
        waiting = asyncio.create_task(timer(5, log))
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(here, b"?")
        await loop.sock_recv(here, 1)
        log.append(f"answer at {now():g}")
        await waiting

    here.setblocking(False)  # noqa: FBT003
    thread = threading.Thread(target=answer)
    with here, there:
        thread.start()
        run(main(), grace=5.0)
        thread.join(10)
    assert log == ["answer at 0", "timer at 5"]


def test_a_silent_socket_delays_a_jump_by_its_grace_only() -> None:
    async def main() -> float:
        here, there = socket.socketpair()
        with here, there:
            loop = asyncio.get_running_loop()
            loop.add_reader(here, lambda: None)
            for _ in range(4):
                await asyncio.sleep(900)
            loop.remove_reader(here)
        return now()

    began = time.perf_counter()
    assert run(main(), grace=0.003) == 3600.0
    assert 4 * 0.003 <= time.perf_counter() - began < 5


def test_what_can_be_read_already_wins_over_a_timer_even_without_grace() -> None:
    log: list[str] = []
    here, there = socket.socketpair()

    def read() -> None:
        here.recv(1)
        log.append("read")

    async def main() -> None:
        asyncio.get_running_loop().add_reader(here, read)
        there.send(b"!!!")
        await timer(1, log)
        asyncio.get_running_loop().remove_reader(here)

    with here, there:
        run(main(), grace=0.0)
    assert log == ["read", "read", "read", "timer at 1"]


@pytest.mark.parametrize("start", ["exec", "shell"])
def test_a_child_process_is_never_overtaken_by_its_time_out(start: str) -> None:
    async def main() -> tuple[bytes, int | None, float]:
        command = f"sleep {SECONDS_REAL}; echo done"
        if start == "exec":
            child = await asyncio.create_subprocess_exec(
                "sh", "-c", command, stdout=asyncio.subprocess.PIPE
            )
        else:
            child = await asyncio.create_subprocess_shell(command, stdout=asyncio.subprocess.PIPE)
        out, _ = await asyncio.wait_for(child.communicate(), 0.001)
        return out, child.returncode, now()

    assert run(main(), grace=0.0) == (b"done\n", 0, 0.0)


def test_time_moves_on_after_a_child_process() -> None:
    async def main() -> float:
        child = await asyncio.create_subprocess_exec("true")
        await asyncio.sleep(60)
        assert child.returncode == 0
        return now()

    assert run(main()) == 60.0
