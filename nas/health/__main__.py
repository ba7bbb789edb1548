"""The command `python -m nas.health`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from nas.errors import NasError
from nas.evaluate.trained import add_data_arguments, load_trained
from nas.health.checkup import examine, write_health
from nas.health.class_table import print_classes
from supernet.device import choose_device
from supernet.errors import SupernetError

EXAMPLE = "example:\n  python -m nas.health runs/default\n"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m nas.health",
        description="Check a trained supernet before a search: top-1 over a grid of widths and "
        "resolutions,\nwhere a larger config is worse, how many calibration images are needed, and "
        "which classes are\nconfused.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="run with a trained supernet")
    add_data_arguments(parser)
    parser.add_argument("--num-widths", type=int, default=7, help="widths in the grid; default: 7")
    parser.add_argument("--device", help="cpu, cuda, cuda:1; default: cuda if available")
    args = parser.parse_args(argv)
    try:
        if args.num_widths < 1:
            raise NasError(f"--num-widths must be 1 or more, but got {args.num_widths}")
        device = choose_device(args.device)
        trained = load_trained(args.run, data=args.data, data_root=args.data_root)
        report = examine(trained.supernet, trained.data, device=device, num_widths=args.num_widths)
        written = write_health(args.run, report)
    except (SupernetError, NasError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted; nothing was written", file=sys.stderr)
        return 130
    for drop in report["not_monotone"]:
        significance = "significant" if drop["significant"] else "within the noise"
        print(
            f"top-1 of {drop['larger']} is {100 * drop['top1_lost']:.2f} percentage points below "
            f"{drop['smaller']} ({significance})"
        )
    print(f"sufficient calibration images: {report['calibration_images_that_suffice']}")
    print_classes(report["classes"], Console())
    print(f"written: {', '.join(map(str, written))}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
