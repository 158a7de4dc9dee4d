from bench.desk import LENGTHS, summary, told


def test_the_table_has_both_articles_and_every_line():
    names = ("open", "tag", "tag_drawn", "tag_by_mouse", "tag_by_mouse_drawn")
    one = {key: value for name in names for key, value in summary(name, [12.34, 3.0, 99.9]).items()}
    assert (one["tag_ms"], one["tag_p95_ms"]) == (12.3, 99.9)
    lines = list(told({**{str(length): one for length in LENGTHS}, "fsync_ms": 0.4}))
    assert "500 tokens" in lines[1]
    assert "10,000 tokens" in lines[1]
    assert [line.split()[0] for line in lines[2:-1]] == list(names)
    assert all(line.count("12.3 / 99.9") == 2 for line in lines[2:-1])
