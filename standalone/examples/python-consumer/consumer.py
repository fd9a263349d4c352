"""Keeps a table of workouts from Stridelog's events in SQLite.

NATS_URL=... python consumer.py --database workouts.db

It knows NATS subjects, headers and JSON, and nothing else of Stridelog. The
position is a durable consumer on the server. A batch is committed before it is
acknowledged, so a crash repeats events and loses none; keeping the highest
version makes a repetition harmless. One workout that two providers saw is two
rows, of which one is a duplicate of the other: the sum of a week leaves it out.
"""

import argparse
import asyncio
import datetime
import json
import os
import signal
import sqlite3

import nats
from nats.js.api import AckPolicy, ConsumerConfig

STREAM = "STRIDELOG_CHANGES"
BATCH = 100
ACK_WAIT = 5  # seconds; after a crash a batch comes again this soon
PATIENCE = 1  # seconds that a fetch waits on a quiet stream

TABLES = """
CREATE TABLE IF NOT EXISTS workouts (
    workout_id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    normalizer_version INTEGER NOT NULL,
    workout TEXT  -- JSON; NULL once removed
);
CREATE TABLE IF NOT EXISTS links (
    workout_id TEXT PRIMARY KEY,
    duplicate_of TEXT,  -- the workout to count in place of this one; NULL: this one
    link_version INTEGER NOT NULL
);
"""

# A later version at the provider wins, or the same one read by a later normalizer.
KEEP_HIGHEST = """
INSERT INTO workouts VALUES (?, ?, ?, ?, ?)
ON CONFLICT (workout_id) DO UPDATE SET
    version = excluded.version,
    normalizer_version = excluded.normalizer_version,
    workout = excluded.workout
WHERE (excluded.version, excluded.normalizer_version) > (version, normalizer_version)
"""

# The later statement about a link wins; of equal versions the one that came later.
KEEP_LINK = """
INSERT INTO links VALUES (?, ?, ?)
ON CONFLICT (workout_id) DO UPDATE SET duplicate_of = excluded.duplicate_of, link_version = excluded.link_version
WHERE excluded.link_version >= link_version
"""

SHOWN = """
SELECT user_id, workout FROM workouts LEFT JOIN links USING (workout_id)
WHERE workout IS NOT NULL AND duplicate_of IS NULL
"""


def row(event):
    workout = event.get("workout")
    return (
        event["workout_id"],
        event["user_id"],
        event["version"],
        event.get("normalizer_version", 0),
        None if workout is None else json.dumps(workout),
    )


async def take_batch(subscription, database):
    """Commits the next events, then acknowledges them; returns how many."""
    try:
        messages = await subscription.fetch(BATCH, timeout=PATIENCE)
    except asyncio.TimeoutError:
        return 0
    events = [json.loads(message.data) for message in messages]
    with database:
        # stridelog.workout.linked has no version; other events may have both.
        database.executemany(KEEP_HIGHEST, [row(e) for e in events if "version" in e])
        database.executemany(KEEP_LINK, [(e["workout_id"], e.get("duplicate_of"), e["link_version"]) for e in events if "link_version" in e])
    for message in messages:
        await message.ack()
    return len(messages)


def print_weeks(database):
    """How far each person went in each week."""
    metres = {}
    for user, text in database.execute(SHOWN):
        workout = json.loads(text)
        distance = workout.get("distance_meters")
        if distance is None:
            continue
        day = workout.get("local_date") or workout["start_time"][:10]  # null where the place is not known
        year, week, _ = datetime.date.fromisoformat(day).isocalendar()
        key = (f"{year}-W{week:02}", user)
        metres[key] = metres.get(key, 0) + distance
    for (week, user), distance in sorted(metres.items()):
        print(f"{week} {user} {distance / 1000:.1f} km", flush=True)


async def run(options):
    database = sqlite3.connect(options.database)
    database.executescript(TABLES)
    client = await nats.connect(os.environ["NATS_URL"], name=options.durable, inbox_prefix=options.inbox_prefix.encode())
    # Takes the position that there is, else makes it.
    subscription = await client.jetstream(prefix=options.api_prefix).pull_subscribe(
        options.subjects,
        durable=options.durable,
        stream=STREAM,
        config=ConsumerConfig(ack_policy=AckPolicy.EXPLICIT, ack_wait=ACK_WAIT),
    )
    stopped = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stopped.set)
    while not stopped.is_set():
        taken = await take_batch(subscription, database)
        if taken:
            (known,) = database.execute("SELECT count(*) FROM workouts").fetchone()
            print(f"{taken} events, {known} workouts", flush=True)
            continue
        info = await subscription.consumer_info()
        if options.once and info.num_pending == 0 and info.num_ack_pending == 0:
            print_weeks(database)
            break
    await client.flush()  # the last acknowledgements
    await client.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--database", default="workouts.db", help="where the table is kept")
    parser.add_argument("--durable", default="python-example", help="name of the position; one table, one name")
    parser.add_argument("--subjects", default="stridelog.workout.>", help="which events: stridelog.workout.*.*.<user_id> is one person")
    parser.add_argument("--api-prefix", default="$JS.API", help="of JetStream, where it is another account's")
    parser.add_argument("--inbox-prefix", default="_INBOX", help="of replies, where a user may hear only their own")
    parser.add_argument("--once", action="store_true", help="end when everything that is there has been read, and print how far each person went in each week")
    asyncio.run(run(parser.parse_args()))
