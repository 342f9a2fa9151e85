"""What this room says to the reader; ``{name}`` stands for a value.

``{where}`` is the record's file or address.
"""

from __future__ import annotations

# Why the record cannot be opened, read or written.
BUSY = "{where}: another program keeps the record locked; nothing was written, try again in a moment"
DISK_FULL = "{where}: nothing was recorded, the disk is full; free some space and try again"
READ_ONLY = "{where}: nothing was recorded, it cannot be written to; see to its permissions and open it again"
DISK_ERROR = (
    "{where}: nothing was recorded, the disk reports an error ({error}); see to the disk and try again"
)
READ_ONLY_BECAUSE = "{where}: nothing was recorded. {notice}"
DAMAGED = "{where}: the record is damaged ({error}); `foveola review verify` says where"
DAMAGED_EVENT = "{where}: event {number} of the record is damaged; `foveola review verify` says where"
NOT_OPENED = (
    "{where}: the record cannot be opened: {error}; check that the folder exists and can be written to"
)
NOT_A_RECORD = "{where}: this is a database, but not a record of readings; choose another file"
FOLDER = "{where}: this is a folder; name a file for the record"
FAILED = "{where}: the record refuses this: {error}"
UNREACHABLE = (
    "{where}: the database does not answer ({error}); check that it runs and that the address is right"
)
NOT_AN_ADDRESS = "{where}: this is no address of a database; give a file or postgresql://USER@HOST/NAME"
OTHER_DATABASE = "{where}: a record is kept in SQLite or PostgreSQL, not in {kind}; give a file or postgresql://USER@HOST/NAME"
DRIVER_NEEDED = '{where}: PostgreSQL needs a driver; run: pip install "foveola[postgresql]"'
NEWER = (
    "{where}: this record was made by a newer Foveola (layout {found}, this one reads up to {known}); "
    "update Foveola"
)

NOT_MADE = "{where}: no record can be made here: {reason}"
NOT_RESTORED = "{where}: the record is damaged ({error}) and could not be restored from its backup: {reason}"
NONE_YET = "{where}: there is no record yet"
DAMAGED_WITHOUT_BACKUP = (
    "{where}: the record is damaged ({error}) and has no good backup; `foveola review verify` says where. "
    "Move the file away to begin a new record"
)
WAL_UNREADABLE = (
    "{where}: its folder cannot be written to, and the last events wait in {wal}; "
    "copy both files to a folder of yours and open the record there"
)
NOT_BACKED_UP = "{where}: no backup was made: {error}"
BACKUPS_OF_SERVER = "{where}: a PostgreSQL is backed up by its own tools; run: pg_dump"
BACKUP_DAMAGED = "the copy is damaged ({error})"

# What an entry lacks.
NO_KIND = "an event needs a kind"
NOT_TEXT = "{name} {value!r} holds characters that cannot be kept"
NOT_JSON = "event {kind!r} of case {case!r} cannot be kept: {error}"

# Notices of a record that was opened all the same.
NOTICE_READ_ONLY = "{where} cannot be written to: the record is open for reading only."
NOTICE_NEWER = (
    "{where} was made by a newer Foveola (layout {found}): the record is open for reading only. "
    "Update Foveola to write to it."
)
NOTICE_DAMAGED = (
    "{where} is damaged ({error}) and has no good backup: the record is open for reading only. "
    "`foveola review verify` says where it is damaged."
)
NOTICE_RESTORED = (
    "{where} was damaged ({error}) and was restored from {backup} with {kept:,} events. {lost} "
    "The damaged file is kept as {damaged}."
)
NOTICE_GONE = (
    "{where} was gone and was restored from {backup} with {kept:,} events. "
    "Move the backups away, too, to begin a new record."
)
LOST_NONE = "No event was lost."
LOST_SOME = {
    True: "{count:,} event that was recorded later is only in the damaged file.",
    False: "{count:,} events that were recorded later are only in the damaged file.",
}
"""By whether it is one."""
LOST_UNKNOWN = "How many events were recorded later cannot be read from the damaged file."
NOTICE_NOT_BACKED_UP = "No backup of {where} was made: {error}."

# What an examination of the record finds. ``{events}``: one of EVENTS.
EVENTS = {True: "event {first:,}", False: "events {first:,} to {last:,}"}
"""By whether it is one."""
CHANGED = "{events}: {field} was changed after it was recorded"
CHANGED_SOMEWHERE = (
    "{events}: a field was changed after it was recorded (one of case, kind, reader, utc, monotonic_ns, "
    "session, program, origin)"
)
CHANGED_ORIGIN = "{events}: not what its origin says was recorded there"
CHANGED_RECORD_ID = (
    "event 1 is not the first of this record: the record's id was changed, or what came before"
)
UNREADABLE_EVENTS = "{events}: cannot be read, the file is damaged there"
MISSING = "{events}: missing"
MISSING_END = "{events}: missing, the end was cut off"
ADDED_END = "{events}: beyond the recorded end, not appended by the record"
ADDED_COPY = "{events}: a copy of event {original:,}, not appended by the record"
ADDED_PLACE = "{events}: no number that the record gives, not appended by it"
MOVED = "{events}: was recorded as event {original:,}"
MOVED_RUN = "{events}: were recorded as events {original:,} to {last_original:,}"
REPLACED = "{events}: the second does not follow the first, one of them was replaced"
END_DIGEST = "the last event is not the one recorded as the last: the end of the chain was changed"
END_UNREADABLE = "how many events there should be cannot be read: the end of the chain is damaged"
NOT_ERASED_BY_ANYONE = "{events}: the payload is gone, and no later event says that it was erased"
STILL_THERE = "{events}: the payload is still there although event {tombstone:,} says that it was erased"
FACTS_DAMAGED = "the record's own facts (table meta: id, layout) are damaged"
GUARD_GONE = "the guard {name!r} that refuses changes of events is missing or changed"
GUARD_UNKNOWN = "something that Foveola did not make is in the database: {name!r}"
HEADER_DAMAGED = (
    "the file is damaged on its first page, where its header and its tables are described: {error}"
)
INDEX_DAMAGED = "the index of events by case (events_case) is damaged: {error}"
FILE_DAMAGED = "the file is damaged: {error}"
CLOCK_SET_BACK = (
    "{events}: recorded with the clock set back by {seconds:,.0f} s; the order is that of the numbers"
)

# Cases in files.
NO_CASE = "there is no case {case} in {where}; `foveola review list` names them"
FILE_UNREADABLE = "{file} cannot be read: {reason}"
FILE_TOO_LARGE = "{file} has more than {most_mb} MB, and is no exported case"
NO_TRAIL = "{file} is no exported case, or is damaged; `foveola review export` makes such a file"
TRAIL_INCOMPLETE = "{file}: events are missing, moved or there twice; nothing was imported"
NOT_WIPED = (
    "{case} is erased, but another program is reading {where}, whose log still holds what was erased. "
    "Close it, and run `foveola review erase {case}` again"
)
TRAIL_CHANGED = "{file}: event {number} of {case} is not what was recorded; nothing was imported"
