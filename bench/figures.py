def percentile(taken: list[float], share: int) -> float:
    """The value that this share of the others (in per cent) does not exceed."""
    return sorted(taken)[max(0, -(-len(taken) * share // 100) - 1)]
