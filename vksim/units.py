"""Numbers as people read them: durations, counts, the values of measured series."""


def duration(seconds: float) -> str:
    """``350ms``, ``2.5s``, ``1m30s``, ``2h05m``."""
    if seconds < 1:
        return f"{seconds * 1000:.0f}ms" if seconds else "0s"
    if round(seconds, 1) < 60:
        return f"{seconds:.1f}".removesuffix(".0") + "s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02}s" if whole % 60 else f"{whole // 60}m"
    return f"{whole // 3600}h{whole % 3600 // 60:02}m"


def clock(seconds: float) -> str:
    """``0:05``, ``12:30``, ``1:02:03``: a time on a time line."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def measured(series: str, value: float | None) -> str:
    """A value of a series of ``vksim.expect``, with its unit; a dash where there is none."""
    if value is None:
        return "-"
    if series.startswith("pod.startup."):
        return duration(value)
    return f"{value:,.0f}" if value == int(value) else f"{value:,.2f}"
