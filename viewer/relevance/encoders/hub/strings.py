"""What this room says to the reader; ``{name}`` stands for a value."""

from __future__ import annotations

# Asking the hub.
EXTRA_NEEDED = "fetching models needs the extra 'models': pip install 'foveola[models]'"
OFFLINE = "HF_HUB_OFFLINE is set, so nothing is fetched; unset it, or add a folder: foveola models add FOLDER"
NO_CONNECTION = "{host} cannot be reached ({error}); what has arrived is kept, and the same command continues"
NO_ACCESS = "no access: ask for it at {page}, then give your own token in HF_TOKEN or by `hf auth login`"
NO_REPOSITORY = "there is no repository {repository} on the hub, or it is not open to this account"
NOT_THERE = "{repository}: the hub no longer has this commit or file"
NOT_A_HUB = "{host} does not answer as a hub of models does"
STATUS = "{host} answers with status {status}; try again later"
OTHER_HOST = "{host} sends on to another host, {other}; it was not followed"
OTHER_COMMIT = "{repository}: commit {revision} was asked for and the hub gives {commit}"
OTHER_RANGE = "{name}: the hub continues at another place than asked for; run the command again"

# What the hub states of files.
UNSAFE_NAME = "{repository}: the name {name!r} leads out of its folder; nothing of it is fetched"
NO_WEIGHTS = "{repository} has no file of weights beside its model card"
SEVERAL_WEIGHTS = "{repository} has several files of weights ({names}); fetch one by hand and add its folder"
NO_DIGEST = "{repository}: the hub does not state size and digest of {name}"
NOT_THE_KNOWN_FILE = (
    "{repository}: {name} is not the file that is known here (SHA-256 or size differs); nothing was fetched"
)

# Fetching.
CHANGED = "{folder}: other content than at the first fetch; to begin anew: foveola models remove {name}"
NO_ROOM = "{folder}: {needed_mb:,.0f} MB are to come and {free_mb:,.0f} MB are free"
DISK_FULL = "{path}: the disk is full; free some space, and the same command continues"
TOO_LONG = "{name}: more bytes came than the {size_bytes:,} that the hub stated; they were thrown away"
TOO_SHORT = "{name}: the connection ends early; run the command again, it continues"
WRONG_CONTENT = "{name}: its content is not what the hub stated (digest differs); it was thrown away"
PIN_UNREADABLE = "{path}: it cannot be read; delete this file, and the same command begins anew"

# What a folder or file is.
NO_SUCH_MODEL = "{path}: there is no such folder or file, and it is no repository like owner/name"
NOT_FOR_PATCHES = "{path}: it is {kind}, which answers no questions about patches here"
UNKNOWN_WEIGHTS = (
    "{path}: its weights are of no model that is known here: CLIP, KEEP, CONCH, HIPT or a DINO ViT"
)
OTHER_STATISTICS = "{path}: it was trained with colours of mean {mean}, which are not known here"
STATISTICS_NEEDED = "{path}: its files do not state the colours of its training; give --statistics: {known}"
NOT_KNOWN = "{name} is not known by name; there are {known}"
ON_NO_HUB = (
    "{title} is published on no hub: get it from its publishers, then foveola models add FOLDER --name {name}"
)
TAKEN = "[{name}] in models.toml is another model, in {folder}; foveola models remove {name} takes it out"
KNOWN = (
    "{name} is known by name; foveola models get {name} fetches it, and --name gives another model its own"
)
NO_WEIGHTS_FILE = "{path}: it is no file of weights, which end in {endings}"
NOT_DELETED = "{folder}: it cannot be deleted; delete it by hand"
NOT_REGISTERED = "models.toml names no [{name}]"
OWN_FILE = "your own file"
