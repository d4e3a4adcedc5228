"""Plain bookkeeping of places by psycopg alone: one insert and one update per attempt.

It decides nothing else: no token, no proof, no audit log, no row policies, no confirmation. Each
attempt is one transaction; without a place left, nothing is written.
"""

import asyncio
import time
from collections.abc import Iterator
from random import Random

import psycopg

_PREPARE = """
    drop table if exists bench_bookings, bench_slots;
    create table bench_slots (
        id integer primary key,
        capacity integer not null,
        taken integer default 0 not null check (taken <= capacity)
    );
    create table bench_bookings (
        student integer primary key,
        slot integer not null references bench_slots,
        booked_at timestamptz default now() not null
    );
"""
_TAKE = "update bench_slots set taken = taken + 1 where id = %s and taken < capacity"
_BOOK = "insert into bench_bookings (student, slot) values (%s, %s)"


async def rate_of_bookings(
    url: str, attempts: int, slots: int, capacity: int, parallel: int
) -> float:
    """Return the attempts per second, over so many connections."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as owner:
        await owner.execute(_PREPARE)
        await owner.execute(
            "insert into bench_slots select id, %s from generate_series(1, %s) id",
            (capacity, slots),
        )
        opened = [await psycopg.AsyncConnection.connect(url) for _ in range(parallel)]
        random, students = Random(1), iter(range(attempts))  # noqa: S311  # no secret
        began = time.perf_counter()
        booked = await asyncio.gather(*(_book(one, students, slots, random) for one in opened))
        seconds = time.perf_counter() - began
        for connection in opened:
            await connection.close()
        await owner.execute("drop table bench_bookings, bench_slots")
    if sum(booked) != min(attempts, slots * capacity):
        raise SystemExit(f"the peer booked {sum(booked)} places")
    return attempts / seconds


async def _book(
    connection: psycopg.AsyncConnection, students: Iterator[int], slots: int, random: Random
) -> int:
    booked = 0
    for student in students:
        slot = random.randint(1, slots)
        taken = await connection.execute(_TAKE, (slot,))
        if taken.rowcount:
            await connection.execute(_BOOK, (student, slot))
            booked += 1
        await connection.commit()
    return booked
