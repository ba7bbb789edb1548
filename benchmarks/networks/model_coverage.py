"""Which networks become supernets, and how much of each is elastic: torchvision's and timm's.

For each: the time to trace and the memory it takes; three configs with a random width for each
channel group, extracted and compared with the supernet's own output, which must be neither zero
nor constant; the last of them in ONNX Runtime; backward passes in eval and in training mode;
parameters and MACs with all groups at 0.5; what stays whole and why. Each network is measured in a
process of its own, on one thread; times are the processor's, which others on the machine hardly
change. What a network raises, and that it takes more than TIME_LIMIT_S, is its row. Results are
added to results/networks/model_coverage.json network by network, so that a run goes on where it was
stopped; docs/model_coverage.md is written from them. timm's are left out where it is not installed
(`uv pip install timm`).

example:
  python -m benchmarks.networks.model_coverage --models resnet50 vit_b_16 timm/resnest14d
"""

import argparse
import importlib
import importlib.util
import json
import math
import multiprocessing
import random
import resource
import signal
import sys
import time
import warnings
from collections import Counter
from types import FrameType
from typing import Any

import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves
from tqdm import tqdm

from benchmarks.environment import environment
from benchmarks.networks.coverage_page import write_page
from benchmarks.result_file import result_file
from nas.runtimes.onnxruntime import OnnxRuntime
from planner.atomic import write_atomically
from supernet import SearchSpace, SubnetConfig, Supernet, calibrate_bn
from supernet.elastic.describe import count_elastic
from supernet.errors import ModelError, reason_of
from supernet.models import build_model

RESULTS = result_file(__file__)
NUM_CONFIGS = 3
TIME_LIMIT_S = 900
"""CPU seconds of one network; the largest of torchvision's take a third of it."""
TIMM = """resnet26d resnetv2_50 seresnet33ts ecaresnet26t resnext26ts gcresnext26ts skresnet18
    res2net50_14w_8s resnest14d regnety_002 rexnet_100 mobilenetv3_large_100
    mobilenetv4_conv_small efficientnet_lite0 tf_efficientnetv2_b0 mixnet_s fbnetc_100
    ghostnet_100 hardcorenas_a lcnet_050 convnext_atto convnextv2_atto nf_resnet26 nfnet_l0
    repvgg_a0 dla34 hrnet_w18_small vovnet39a cspdarknet53 xception41 inception_resnet_v2 dpn68
    selecsls42b mobileone_s0 fastvit_t8 starnet_s1 poolformer_s12 tresnet_m efficientvit_b0
    hgnet_tiny beit_base_patch16_224 halonet26t gernet_s cait_xxs24_224 coat_lite_tiny
    convit_tiny convmixer_768_32 cpubone_nano crossvit_tiny_240 csatv2 cs3darknet_s cspnext_tiny
    davit_tiny deit_tiny_patch16_224 densenet121 edgenext_xx_small efficientformer_l1
    efficientformerv2_s0 tinynet_e efficientvim_m1 efficientvit_m0 eva02_tiny_patch14_224
    fasternet_t0 focalnet_tiny_srf gcvit_xxtiny ghostnetv2_100 hiera_tiny_224 iformer_t
    inception_next_atto inception_v3 inception_v4 lcnetv2_small levit_128s lowformer_b0
    mambaout_femto maxvit_pico_rw_256 coatnet_pico_rw_224 caformer_s18 mixer_s32_224
    gmlp_ti16_224 resmlp_12_224 mobilenetv3_small_050 mobilenetv5_base mobilevit_xxs
    mobilevitv2_050 mvitv2_tiny nasnetalarge nest_tiny nextvit_small pit_ti_224 pnasnet5large
    pvt_v2_b0 rdnet_tiny repghostnet_050 repvit_m0_9 legacy_seresnet18 legacy_xception
    sequencer2d_s shvit_s1 swiftformer_xs swin_tiny_patch4_window7_224 swinv2_tiny_window8_256
    swinv2_cr_tiny_224 tiny_vit_5m_224 tnt_s_patch16_224 twins_svt_small vgg11_bn visformer_tiny
    vit_tiny_patch16_224 vit_tiny_r_s16_p8_224 vit_relpos_small_patch16_224 vitamin_small_224
    volo_d1_224 xcit_nano_12_p16_224 lambda_resnet26t botnet26t_256 bat_resnext26ts
    convformer_s18 poolformerv2_s12 resnetblur50 res2next50 regnetz_b16 regnetx_002 mobileone_s1
    mobilenetv2_050 mnasnet_small spnasnet_100 semnasnet_050 efficientnet_b0 dm_nfnet_f0
    nf_regnet_b0 eca_nfnet_l0 ecaresnet50t darknet17 vovnet57a dla46_c dla60_res2net
    hrnet_w18_small_v2 resnest50d_1s4x24d skresnext50_32x4d efficientnet_cc_b0_4e"""
"""Networks of timm, one or more of each family that takes images and has a classifier."""


def build(name: str) -> tuple[nn.Module, int]:
    """A network with fresh weights in eval mode, and the side of its images."""
    torch.manual_seed(0)
    if name.startswith("timm/"):
        timm = importlib.import_module("timm")
        name, options = name.removeprefix("timm/"), {"pretrained": False}
        model: nn.Module = timm.create_model(name, **options)
        if getattr(model, "num_classes", None) == 0:  # published without a classifier
            model = timm.create_model(name, **options, num_classes=1000)
        return model.eval(), model.default_cfg["input_size"][-1]  # type: ignore[index, return-value]
    return build_model(name, 1000).eval(), 299 if name == "inception_v3" else 224


def row_of(name: str) -> tuple[str, dict[str, Any]]:
    """One network's row; `error` instead of figures where it does not convert."""
    warnings.simplefilter("ignore")  # torchvision's about the initialisation of two networks
    signal.signal(signal.SIGPROF, _too_long)
    signal.setitimer(signal.ITIMER_PROF, TIME_LIMIT_S)
    try:
        return name, measure(name)
    except ModelError as error:
        return name, {"error": str(error)}
    except Exception as error:  # what must not happen is to be seen in the table
        return name, {"error": f"{type(error).__name__}: {reason_of(error)}"}
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _too_long(_signal: int, _frame: FrameType | None) -> None:
    raise TimeoutError(f"a network must be measured in {TIME_LIMIT_S} s of CPU time")


def measure(name: str) -> dict[str, Any]:
    """One network's figures. Raises ModelError where it does not convert."""
    model, side = build(name)
    space = SearchSpace(resolutions=(side,), groups="layer")
    before_mib, started = _peak_mib(), time.process_time()
    supernet = Supernet(model, torch.empty(1, 3, side, side), space).eval()
    trace_cpu_s, after_mib = time.process_time() - started, _peak_mib()
    compared = compare(supernet, side)
    half = count_elastic(model, supernet.channels, supernet.kept_counts(space.uniform(0.5, side)))
    return {
        "num_groups": len(supernet.channels.groups),
        "trace_cpu_s": round(trace_cpu_s, 2),
        "before_trace_mib": before_mib,
        "after_trace_mib": after_mib,
        "elastic_macs": round(half["elastic_macs"] / half["macs"], 4),
        "macs_at_half": round(half["kept_macs"] / half["macs"], 4),
        "params_at_half": round(half["kept_params"] / half["params"], 4),
        "macs": half["macs"],
        "params": half["params"],
        "classifier_params": round(_classifier(model) / half["params"], 4),
        **compared,
        "peak_memory_mib": _peak_mib(),
        "kept": _kept(supernet),
    }


def compare(supernet: Supernet, side: int) -> dict[str, Any]:
    """Views against extracted networks, and whether every parameter gets a gradient.

    The network is woken first. `smallest_spread` is the standard deviation of a config's outputs
    relative to the largest, `smallest_change` by how much the largest changes with another image:
    were either 0, equal outputs would say nothing. The gradient is of all outputs in eval and in
    training mode: auxiliary heads run only in the latter, branches that are dropped at random
    surely in the former. Raises ValueError where outputs are zero or not finite.
    """
    torch.manual_seed(1)
    _wake(supernet.model, torch.randn(2, 3, side, side))
    images = torch.randn(1, 3, side, side)
    others = F.interpolate(torch.randn(1, 3, 4, 4), size=side)  # patches: not just other noise
    rng = random.Random(0)
    rows = []
    for _ in range(NUM_CONFIGS):
        widths = supernet.space.random_widths(rng)
        config = SubnetConfig(width_mults=widths, resolution=side)
        with torch.no_grad():
            extracted = supernet.extract(config)
            output, theirs, other = supernet(images, config), extracted(images), extracted(others)
        rows.append([_relative(output, theirs), _spread(theirs), _relative(other, theirs)])
    if not all(map(math.isfinite, (x for row in rows for x in row))):
        raise ValueError(f"outputs must be finite and not zero, but got {rows}")
    differences, spreads, changes = zip(*rows, strict=True)
    onnx = _onnx_difference(extracted, images)
    batch = torch.cat([images, others])
    for training in (False, True):
        outputs = tree_leaves(supernet.train(training).subnet(config)(batch))
        torch.stack([output.square().sum() for output in outputs]).sum().backward()
    gradients = [p.grad for p in supernet.model.parameters() if p.grad is not None]
    return {
        "largest_difference": max(differences),
        "onnx_difference": onnx,
        "smallest_spread": min(spreads),
        "smallest_change": min(changes),
        "num_parameters": len(list(supernet.model.parameters())),
        "with_gradient": sum(bool(g.isfinite().all()) and bool(g.any()) for g in gradients),
    }


def _onnx_difference(network: nn.Module, images: Tensor) -> float | str:
    """Between ONNX Runtime's logits and the network's, relative to the largest; or the error."""
    try:
        logits = OnnxRuntime("cpu", 1).compile(network, images).logits(images)
    except Exception as error:  # the exporter raises anything
        return f"{type(error).__name__}: {error}".splitlines()[0][:200]
    with torch.no_grad():
        return _relative(logits, network(images))


@torch.no_grad()
def _wake(model: nn.Module, images: Tensor) -> None:
    """Let all of a fresh network matter to its output.

    Some start with a classifier, branches or layer scales of (nearly) zero, and with the statistics
    that BN begins with others answer the same to every image: then nothing could differ.
    """
    for parameter in model.parameters():
        if parameter.abs().max() < 1e-3:
            parameter.normal_(0, 0.1)
    calibrate_bn(model, [images])


def _relative(one: Tensor, other: Tensor) -> float:
    return float((one - other).abs().max() / other.abs().max())


def _spread(outputs: Tensor) -> float:
    return float(outputs.std() / outputs.abs().max())


def _classifier(model: nn.Module) -> int:
    """Parameters of the last layer that has a weight of several dimensions."""
    *_, last = (m for m in model.modules() if isinstance(m, nn.Linear | nn.Conv2d))
    return sum(p.numel() for p in last.parameters())


def _kept(supernet: Supernet) -> dict[str, int]:
    """Channels that stay, by operation and reason, with the first module; most first."""
    numbers: Counter[tuple[str, str]] = Counter()
    paths: dict[tuple[str, str], str] = {}
    for kept in supernet.channels.kept:
        key = kept.operation, kept.why
        numbers[key] += kept.num_channels
        paths.setdefault(key, kept.path or "the network itself")
    return {f"{key[0]} in {paths[key]}: {key[1]}": n for key, n in numbers.most_common(3)}


def _peak_mib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def _is_complete(row: dict[str, Any]) -> bool:
    """Whether the benchmark as it is now has measured it."""
    return "error" in row or ("onnx_difference" in row and "earlier" not in row)


def main() -> int:
    """Measure what is missing, or the named networks."""
    names = torchvision.models.list_models(module=torchvision.models)
    if importlib.util.find_spec("timm"):
        names += [f"timm/{name}" for name in TIMM.split()]
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.networks.model_coverage",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--models", nargs="+", choices=names, metavar="NAME", help="default: all")
    args = parser.parse_args()
    document = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"models": {}}
    rows = document["models"]
    missing = [name for name in names if not _is_complete(rows.get(name, {}))]
    missing.sort(key=lambda name: name in rows)  # first what has no row at all
    wanted = args.models or missing
    torch.set_num_threads(1)  # a fork must not inherit threads
    with multiprocessing.get_context("fork").Pool(1, maxtasksperchild=1) as pool:
        for name, row in tqdm(pool.imap(row_of, wanted), total=len(wanted), unit="network"):
            rows[name] = row
            document |= {"n": len(rows), "environment": environment()}
            text = json.dumps(document, indent=1, sort_keys=True) + "\n"
            write_atomically(RESULTS, text.encode())
            write_page(document)
    return 0


if __name__ == "__main__":
    sys.exit(main())
