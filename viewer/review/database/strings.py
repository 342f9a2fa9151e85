"""What this room says to the reader; ``{name}`` stands for a value.

``{where}`` is the record's file or address.
"""

from __future__ import annotations

# Why the record cannot be opened, read or written.
BUSY = "{where}: another program keeps the record locked; nothing was written, try again in a moment"
DISK_FULL = "{where}: nothing was recorded, the disk is full; free some space and try again"
READ_ONLY = "{where}: nothing was recorded, it cannot be written to; see to its permissions and open it again"
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
