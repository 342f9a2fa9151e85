"""A progress bar on stderr for long work at the command line; silent where stderr is no terminal."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from tqdm import tqdm

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def progress_bar(label: str) -> Iterator[Callable[[float, float], None]]:
    """A bar from 0 to 100 %; yields a function of (done, total) that moves it."""
    tqdm.monitor_interval = 0  # no thread for the bar alone
    layout = "{desc}: {percentage:3.0f}% |{bar}| {elapsed} / {remaining}"
    with tqdm(desc=label, total=1.0, disable=None, bar_format=layout) as bar:

        def show(done: float, total: float) -> None:
            bar.update(done / total - bar.n)

        yield show
