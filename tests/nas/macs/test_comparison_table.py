import io

from rich.console import Console

from nas.cost.second_opinion import LayerMacs, TwoCounts
from nas.macs.comparison_table import print_comparison


def printed(counts: TwoCounts) -> str:
    out = io.StringIO()
    print_comparison(counts, Console(file=out, width=90))
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


def layer(name: str, macs: int, macs_thop: int, reason: str = "") -> LayerMacs:
    return LayerMacs(layer=name, macs=macs, macs_thop=macs_thop, reason=reason)


def test_each_layer_has_a_row_and_the_totals_stand_below() -> None:
    counts = TwoCounts(
        layers=(
            layer("stem[0]", 1_000_000, 1_000_000),
            layer("attention", 500_000, 0, "unseen"),
            layer("up", 1000, 4000, "transposed"),
            layer("", 0, 7, "a rule"),
        )
    )
    assert printed(counts) == (
        "layer                      MACs    by thop  difference\n"
        "stem[0]               1,000,000  1,000,000           0\n"
        "attention               500,000          0     -100.0%\n"
        "up                        1,000      4,000     +300.0%\n"
        "(the network itself)          0          7   thop only\n"
        "total                 1,501,000  1,004,007      -33.1%\n"
        "the layer counts differ by 33.511% of the MACs in total, more than 0.1%:\n"
        "- unseen: attention\n"
        "- transposed: up\n"
        "- a rule: the network itself"
    )


def test_counts_that_agree_say_so() -> None:
    assert printed(TwoCounts(layers=(layer("0", 48, 48),))).endswith(
        "the layer counts differ by 0.000% of the MACs in total"
    )


def test_where_thop_cannot_count_the_reason_stands_below() -> None:
    lines = printed(TwoCounts(layers=(layer("0", 48, 0),), thop_error="KeyError: x")).splitlines()
    assert lines[1].split() == ["0", "48", "-", "-"]
    assert lines[-1] == "thop cannot count the MACs of this network: KeyError: x"
