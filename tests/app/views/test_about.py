from app.opening import Source
from app.views.about import facts


def test_a_table_says_where_its_numbers_come_from(source: Source) -> None:
    told = " ".join(facts(source.table))
    for what in ("mobilenet_v2", "fashion-mnist-mini", "onnxruntime 1.32.0", "noise floor 2.0%"):
        assert what in told
    assert "1,000 images" in told
    assert "Instruction sets: not known; caches: not known; usable cores: not known" in told
