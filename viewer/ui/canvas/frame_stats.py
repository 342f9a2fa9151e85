"""Figures about recent frames, for the debug HUD, the status line and the benchmarks."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from time import perf_counter


@dataclass(frozen=True, slots=True)
class FrameStats:
    """Figures of the engine at one frame. Times in milliseconds, memory in bytes."""

    fps: float = 0.0
    frame_ms_last: float = 0.0
    frame_ms_p50: float = 0.0
    frame_ms_p95: float = 0.0
    level: int = 0
    levels_count: int = 0
    visible_tiles: int = 0
    missing_tiles: int = 0
    queue_length: int = 0
    in_flight: int = 0
    cpu_cache_bytes: int = 0
    cpu_cache_tiles: int = 0
    gpu_tiles: int = 0
    gpu_capacity: int = 0
    uploads_last_frame: int = 0
    failed_tiles: int = 0
    compute_device: str = "–"
    """What the analysis allocates on; "–" before there was one."""


class FrameClock:
    """Durations of the last frames, and how many there were in the last second."""

    def __init__(self, length: int = 120) -> None:
        self._frames: deque[tuple[float, float]] = deque(maxlen=length)

    def add(self, started_s: float, ended_s: float) -> None:
        self._frames.append((ended_s, (ended_s - started_s) * 1e3))

    @property
    def last_ms(self) -> float:
        return self._frames[-1][1] if self._frames else 0.0

    @property
    def fps(self) -> float:
        now = perf_counter()
        return float(sum(1 for ended_s, _ in self._frames if now - ended_s < 1.0))

    def percentile_ms(self, share: float) -> float:
        """The duration that ``share`` (0 to 1) of the recent frames did not exceed."""
        durations = sorted(ms for _, ms in self._frames)
        return durations[min(int(share * len(durations)), len(durations) - 1)] if durations else 0.0
