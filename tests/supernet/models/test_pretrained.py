import argparse
import copy
import fractions
import random
import re
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.optim.swa_utils import AveragedModel

from supernet.checkpoint import write_tensors
from supernet.errors import CheckpointError
from supernet.models import build_model, mobilenet_v2
from supernet.models.pretrained import load_weights
from supernet.weights import weights_of


def network(num_classes: int = 4) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 8, 1), nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(32, num_classes)
    )


@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
def test_weights_carry_over_bit_for_bit(tmp_path: Path, suffix: str) -> None:
    source, path = network(), tmp_path / f"weights{suffix}"
    if suffix == ".pt":
        torch.save(source.state_dict(), path)
    else:
        save_file(source.state_dict(), path)
    model = network()
    assert load_weights(model, path) == []
    for name, tensor in source.state_dict().items():
        assert torch.equal(model.state_dict()[name], tensor)


@pytest.mark.parametrize("key", ["state_dict", "model"])
def test_what_training_scripts_put_around_a_state_dict_is_taken_off(
    key: str, tmp_path: Path
) -> None:
    source, model, path = network(), network(), tmp_path / "weights.pt"
    wrapped = {f"module.{name}": tensor for name, tensor in source.state_dict().items()}
    torch.save({key: wrapped, "epoch": 3}, path)
    assert load_weights(model, path) == []
    assert torch.equal(model.state_dict()["0.weight"], source.state_dict()["0.weight"])


def test_another_number_of_classes_keeps_the_fresh_last_layer(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    save_file(network(1000).state_dict(), path)
    assert load_weights(network(4), path) == ["3.bias", "3.weight"]


class TwoHeads(nn.Module):
    """A network with an auxiliary classifier, before the last one or after it."""

    def __init__(self, num_classes: int, num_channels: int = 8, *, last: str = "head") -> None:
        super().__init__()
        layers = {
            "body": nn.Sequential(nn.Conv2d(3, num_channels, 1), nn.BatchNorm2d(num_channels)),
            "side": nn.Sequential(nn.Linear(num_channels, 6), nn.Linear(6, num_classes)),
            "head": nn.Linear(num_channels, num_classes),
        }
        for name in sorted(layers, key=lambda name: (name == last, name)):
            self.add_module(name, layers[name])


@pytest.mark.parametrize("last", ["head", "side", "body"])
def test_all_heads_for_another_number_of_classes_stay_fresh_and_are_named(
    last: str, tmp_path: Path
) -> None:
    path, source, model = tmp_path / "weights.pt", TwoHeads(1000, last=last), TwoHeads(4, last=last)
    torch.save(source.state_dict(), path)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    fresh = load_weights(model, path)
    assert sorted(fresh) == ["head.bias", "head.weight", "side.1.bias", "side.1.weight"]
    for name, parameter in model.named_parameters():
        expected = before[name] if name in fresh else source.get_parameter(name)
        assert torch.equal(parameter, expected), name


def test_other_sizes_than_those_of_heads_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    torch.save(TwoHeads(1000, num_channels=16).state_dict(), path)
    with pytest.raises(
        CheckpointError, match=r"but body\.0\.weight is \(16, 3, 1, 1\) and must be"
    ):
        load_weights(TwoHeads(4), path)
    uneven: Any = TwoHeads(1000)
    uneven.side[1] = nn.Linear(6, 500)
    torch.save(uneven.state_dict(), path)
    with pytest.raises(CheckpointError, match=r"but side\.1\.weight is"):
        load_weights(TwoHeads(4), path)


@pytest.mark.parametrize("name", ["googlenet", "inception_v3"])
def test_networks_with_auxiliary_heads_take_weights_for_other_classes(
    name: str, tmp_path: Path
) -> None:
    path, options = tmp_path / "weights.pt", {"init_weights": False}
    torch.save(build_model(name, 1000, options).state_dict(), path)
    fresh = load_weights(build_model(name, 4, options), path)
    heads = {"googlenet": {"aux1.fc2", "aux2.fc2", "fc"}, "inception_v3": {"AuxLogits.fc", "fc"}}
    assert {each.rpartition(".")[0] for each in fresh} == heads[name]


def test_a_densenet_loads_by_its_published_names(tmp_path: Path) -> None:
    path, source, model = tmp_path / "weights.pt", *(build_model("densenet121", 4) for _ in "12")
    layer = re.compile(r"(denselayer\d+\.(?:norm|conv))([12]\.)")
    state = {layer.sub(r"\1.\2", name): value for name, value in source.state_dict().items()}
    state = {name: value for name, value in state.items() if "num_batches_tracked" not in name}
    assert "features.denseblock1.denselayer1.norm.1.running_mean" in state
    torch.save(state, path)
    assert load_weights(model, path) == []
    assert all(map(torch.equal, model.parameters(), source.parameters()))


def test_a_network_that_asks_for_its_version_gets_that_of_the_file_or_its_own(
    tmp_path: Path,
) -> None:
    source, model = build_model("mnasnet0_5", 4), build_model("mnasnet0_5", 4)
    torch.save(source.state_dict(), tmp_path / "weights.pt")
    save_file(source.state_dict(), tmp_path / "weights.safetensors")
    for path in tmp_path.iterdir():
        assert load_weights(model, path) == []
        assert torch.equal(model.state_dict()["classifier.1.bias"], source.classifier[1].bias)  # type: ignore[index, union-attr]


def test_a_file_may_hold_a_shared_tensor_under_one_of_its_names(tmp_path: Path) -> None:
    source, model, path = network(), network(), tmp_path / "weights.safetensors"
    for each in (source, model):
        each.add_module("again", each[3])  # type: ignore[index]
    state = source.state_dict()
    save_file({name: t for name, t in state.items() if not name.startswith("3.")}, path)
    assert load_weights(model, path) == []
    assert all(map(torch.equal, model.parameters(), source.parameters()))


def test_extra_state_in_a_file_is_loaded_and_need_not_be_there(tmp_path: Path) -> None:
    class Noted(nn.Linear):
        note = "fresh"

        def get_extra_state(self) -> str:
            return self.note

        def set_extra_state(self, state: str) -> None:
            self.note = state

    source, model, path = Noted(2, 2), Noted(2, 2), tmp_path / "weights.pt"
    source.note = "of the file"
    state = source.state_dict()
    torch.save({name: state[name] for name in ("weight", "bias")}, path)
    assert load_weights(model, path) == []
    assert model.note == "fresh"
    torch.save(state, path)
    assert load_weights(model, path) == []
    assert model.note == "of the file"


def test_weights_of_a_run_are_a_file_of_weights(tmp_path: Path) -> None:
    class Noted(nn.Linear):
        note: Any = None

        def get_extra_state(self) -> Any:
            return self.note

        def set_extra_state(self, state: Any) -> None:
            self.note = state

    source, model, path = Noted(2, 2), Noted(2, 2), tmp_path / "weights.safetensors"
    source.note = {"sizes": (1, 2), "means": torch.ones(2)}
    weights = weights_of(source)
    write_tensors(path, weights.tensors, {"extra_state": weights.extra_state})
    assert load_weights(model, path) == []
    assert torch.equal(model.weight, source.weight)
    assert model.note["sizes"] == (1, 2)
    assert model.note["means"].tolist() == [1, 1]


def test_another_networks_weights_are_refused(tmp_path: Path) -> None:
    path, model = tmp_path / "weights.safetensors", network()
    save_file(mobilenet_v2(4).state_dict(), path)
    with pytest.raises(CheckpointError, match="are missing") as caught:
        load_weights(model, path)
    assert "\n" not in str(caught.value)


def refusal(path: Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        load_weights(network(), path)
    return str(caught.value)


def test_a_pickle_of_objects_is_refused_and_what_it_holds_is_named(tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    torch.save(network(), path)
    assert refusal(path) == (
        f"{path} must be a safetensors file or a state dict saved by torch, but holds other objects"
        " (torch.nn.modules.batchnorm.BatchNorm2d, torch.nn.modules.container.Sequential, "
        "torch.nn.modules.conv.Conv2d, ...), which are never unpickled: save model.state_dict()"
    )


@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
def test_a_file_of_something_else_is_one_clear_line(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"weights{suffix}"
    path.write_text("hello")
    assert "is damaged or holds other objects" in refusal(path)
    torch.save([1, 2], tmp_path / "list.pt")
    assert "must hold the weights of this model, but has none of its tensors" in refusal(
        tmp_path / "list.pt"
    )


@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
def test_a_file_that_is_not_there_is_one_clear_line(suffix: str, tmp_path: Path) -> None:
    assert "No such file" in refusal(tmp_path / f"no{suffix}")


@pytest.mark.parametrize("path", ["", ".", "/", "#", "a\0b"])
def test_a_path_without_a_file_name_is_one_clear_line(path: str) -> None:
    assert "must be a readable file" in refusal(Path(path))


def test_the_state_of_a_training_is_refused_and_what_to_use_is_named(tmp_path: Path) -> None:
    run = tmp_path / "run"
    state = run / "supernet" / "last" / "state.safetensors"
    tensors = {f"model.{name}": tensor for name, tensor in network().state_dict().items()}
    write_tensors(state, tensors, {"step": 3, "about": {}})
    text = refusal(state)
    assert f"pass {run / 'supernet' / 'weights.safetensors'}" in text
    assert f"add --resume with --out {run}" in text
    copy = tmp_path / "state.safetensors"
    copy.write_bytes(state.read_bytes())
    assert f"pass {Path('RUN') / 'supernet' / 'weights.safetensors'}" in refusal(copy)


class Wrapped(nn.Module):
    """A network whose own names begin with what wrappers put before others'."""

    def __init__(self, prefix: str) -> None:
        super().__init__()
        self.add_module(prefix, network())


@pytest.mark.parametrize("prefix", ["model", "module", "net", "backbone"])
@pytest.mark.parametrize("around", ["", "module.", "_orig_mod.", "model.", "net."])
def test_a_prefix_that_is_the_networks_own_stays(prefix: str, around: str, tmp_path: Path) -> None:
    source, model, path = Wrapped(prefix), Wrapped(prefix), tmp_path / "weights.pt"
    torch.save({f"{around}{name}": value for name, value in source.state_dict().items()}, path)
    assert load_weights(model, path) == []
    assert same(model, source)


def same(one: nn.Module, other: nn.Module, *, apart_from: str = " ") -> bool:
    pairs = zip(one.state_dict().items(), other.state_dict().items(), strict=True)
    return all(
        torch.equal(mine, theirs)
        for (name, mine), (_, theirs) in pairs
        if not name.startswith(apart_from)
    )


def test_wrappers_within_a_network_are_taken_off(tmp_path: Path) -> None:
    source, model, path = Wrapped("body"), Wrapped("body"), tmp_path / "weights.pt"
    state = {n.replace("body.", "body._orig_mod."): v for n, v in source.state_dict().items()}
    torch.save(state, path)
    assert load_weights(model, path) == []
    assert same(model, source)


def ema_file(path: Path, **more: Any) -> tuple[nn.Module, nn.Module]:
    """What torchvision's reference scripts write; the networks that it holds."""
    plain, average = network(), network()
    averages = {f"module.{name}": value for name, value in average.state_dict().items()}
    content = {
        "model": plain.state_dict(),
        "model_ema": OrderedDict(n_averaged=torch.tensor(7), **averages),
        "optimizer": {"state": {0: {"momentum_buffer": torch.ones(3)}}, "param_groups": [{}]},
        "lr_scheduler": {"last_epoch": 3},
        "epoch": 3,
        "args": argparse.Namespace(lr=0.1, output_dir=Path("runs")),
    }
    torch.save(content | more, path)
    return plain, average


def test_moving_averages_are_chosen_and_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, model = tmp_path / "weights.pth", network()
    _, average = ema_file(path)
    assert load_weights(model, path) == []
    assert same(model, average)
    assert capsys.readouterr().err == (
        f"moving averages (EMA) from {path}: model_ema.module; not used: model "
        f"(to choose: --weights {path}#NAME)\n"
    )


@pytest.mark.parametrize(
    ("name", "is_average"), [("model", False), ("model_ema", True), ("model_ema.module", True)]
)
def test_weights_are_chosen_by_name(name: str, is_average: bool, tmp_path: Path) -> None:
    path, model = tmp_path / "weights.pth", network()
    plain, average = ema_file(path)
    assert load_weights(model, path.with_name(f"{path.name}#{name}")) == []
    assert same(model, average if is_average else plain)


def test_a_file_in_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    plain, _ = ema_file(tmp_path / "weights.pth")
    model = network()
    assert load_weights(model, Path("~/weights.pth#model")) == []
    assert same(model, plain)


def test_a_name_that_is_not_there_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    ema_file(path)
    assert refusal(path.with_name(f"{path.name}#best")) == (
        f"{path} must hold weights of this model under 'best', but has them under "
        "model, model_ema.module"
    )


def test_a_file_may_have_a_name_with_the_mark(tmp_path: Path) -> None:
    model, path = network(), tmp_path / "weights#2.pt"
    plain, average = ema_file(path)
    for name, expected in (("", average), ("#model", plain)):
        assert load_weights(model, path.with_name(f"{path.name}{name}")) == []
        assert same(model, expected)
    assert refusal(tmp_path / "other#2.pt").startswith(f"{tmp_path / 'other#2.pt'} must be a read")


def test_averages_without_all_tensors_are_not_taken_and_one_line_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, model = tmp_path / "weights.pth", network()
    parameters = dict(network().named_parameters())
    plain, _ = ema_file(path, model_ema={n: p.detach() for n, p in parameters.items()})
    assert load_weights(model, path) == []
    assert same(model, plain)
    (line,) = capsys.readouterr().err.splitlines()
    assert "not used: model_ema (of which 2 are missing (1.running_mean, 1.running_var)" in line


def test_two_that_fit_alike_are_refused_with_their_names(tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    students, teachers = network().state_dict(), network().state_dict()
    torch.save({"student": students, "teacher": teachers}, path)
    assert refusal(path) == (
        f"{path} must hold one set of weights for this model, but has 2: student, teacher; choose "
        f"one, as in {path}#student"
    )


def test_what_lies_beside_the_network_in_the_same_dict_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, model, path = network(), network(), tmp_path / "last.ckpt"
    state = {f"net.{name}": value for name, value in source.state_dict().items()}
    torch.save({"state_dict": state | {"criterion.weight": torch.ones(4)}}, path)
    assert load_weights(model, path) == []
    assert same(model, source)
    (line,) = capsys.readouterr().err.splitlines()
    assert line == f"weights from {path}: state_dict.net; not used: criterion.weight"


def test_a_backbone_without_a_head_loads_and_the_head_is_fresh(tmp_path: Path) -> None:
    source, model, path = network(), network(), tmp_path / "weights.pt"
    fresh = model.get_parameter("3.weight").detach().clone()
    state = {n: v for n, v in source.state_dict().items() if not n.startswith("3.")}
    torch.save(state, path)
    assert load_weights(model, path) == ["3.weight", "3.bias"]
    assert same(model, source, apart_from="3.")
    assert torch.equal(model.get_parameter("3.weight"), fresh)


@pytest.mark.parametrize("names", [["fc"], ["head.fc"], ["fc.0", "fc.2"]])
def test_another_heads_names_are_left_out_and_said(
    names: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, model, path = (
        build_model("resnet18", 4),
        build_model("resnet18", 4),
        tmp_path / "weights.pt",
    )
    state = source.state_dict()
    head = {f"{n}.{p}": state.pop(f"fc.{p}") for n in names[:1] for p in ("weight", "bias")}
    for name in names[1:]:
        head |= {f"{name}.weight": torch.ones(9, 4), f"{name}.bias": torch.ones(9)}
    if names == ["fc"]:
        head = {name.replace("fc", "classifier"): value for name, value in head.items()}
    torch.save(state | head, path)
    assert load_weights(model, path) == ["fc.weight", "fc.bias"]
    assert same(model, source, apart_from="fc.")
    (line,) = capsys.readouterr().err.splitlines()
    assert f"not used: {next(iter(head))}" in line


class Finetuned(nn.Module):
    """A published network as the body of somebody's own, with a head of their own."""

    def __init__(self, name: str = "resnet18") -> None:
        super().__init__()
        self.body = build_model(name, 4)
        self.body.fc = nn.Identity()
        self.head = nn.Linear(512, 4)


@pytest.mark.parametrize("has_head", [True, False])
def test_the_weights_of_a_networks_body_load_into_it(has_head: bool, tmp_path: Path) -> None:
    source, model, path = build_model("resnet18", 1000), Finetuned(), tmp_path / "weights.pt"
    state = {n: v for n, v in source.state_dict().items() if has_head or "fc" not in n}
    torch.save({"state_dict": state}, path)
    assert load_weights(model, path) == ["head.weight", "head.bias"]
    assert torch.equal(model.body.get_parameter("conv1.weight"), state["conv1.weight"])
    torch.save(build_model("resnet34", 4).state_dict(), path)
    with pytest.raises(CheckpointError, match="are missing"):
        load_weights(model, path)


def test_a_deeper_networks_weights_are_no_backbone(tmp_path: Path) -> None:
    path, state = tmp_path / "weights.pt", build_model("resnet34", 4).state_dict()
    for _ in range(2):  # with its head, and without
        torch.save(state, path)
        with pytest.raises(CheckpointError, match="are unexpected"):
            load_weights(build_model("resnet18", 4), path)
        state = {name: value for name, value in state.items() if not name.startswith("fc.")}


@pytest.mark.parametrize("left_out", ["0.weight", "1.running_mean", "3.bias"])
def test_only_a_whole_head_may_be_missing(left_out: str, tmp_path: Path) -> None:
    path, state = tmp_path / "weights.pt", network().state_dict()
    del state[left_out]
    torch.save(state, path)
    assert f"1 are missing ({left_out})" in refusal(path)


def test_a_head_that_is_not_the_last_layer_is_known_by_another_number_of_classes(
    tmp_path: Path,
) -> None:
    source, model, path = TwoHeads(4, last="body"), TwoHeads(4, last="body"), tmp_path / "w.pt"
    state = {n: v for n, v in source.state_dict().items() if not n.startswith("head.")}
    torch.save(state, path)
    with pytest.raises(CheckpointError, match=r"2 are missing \(head\.weight, head\.bias\)"):
        load_weights(model, path)

    def build(num_classes: int) -> nn.Module:
        return TwoHeads(num_classes, last="body")

    assert load_weights(model, path, build=build) == ["head.weight", "head.bias"]
    assert same(model, source, apart_from="head.")
    state = {name: value for name, value in state.items() if not name.startswith("body.1.")}
    torch.save(state, path)
    with pytest.raises(CheckpointError, match=r"are missing .*body\.1\.weight"):
        load_weights(model, path, build=build)


class Windowed(nn.Module):
    """A network with a table whose length follows from a size that is no number of classes."""

    def __init__(self, num_classes: int, size: int = 7) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.ones(size, 3))
        self.head = nn.Linear(3, num_classes)


def test_a_table_of_another_size_is_no_head_of_other_classes(tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    torch.save(Windowed(4, size=9).state_dict(), path)
    with pytest.raises(CheckpointError, match=r"table is \(9, 3\) and must be \(7, 3\)"):
        load_weights(Windowed(4), path, build=Windowed)
    torch.save(Windowed(9).state_dict(), path)
    assert load_weights(Windowed(4), path, build=Windowed) == ["head.weight", "head.bias"]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_floating_point_numbers_become_the_networks(
    dtype: torch.dtype, tmp_path: Path
) -> None:
    source, model, path = network().to(dtype), network(), tmp_path / "weights.safetensors"
    save_file(source.state_dict(), path)
    assert load_weights(model, path) == []
    assert model.get_parameter("0.weight").dtype == torch.float32
    assert torch.equal(model.get_parameter("0.weight"), source.get_parameter("0.weight").float())


def test_integers_are_no_weights(tmp_path: Path) -> None:
    path, state = tmp_path / "weights.pt", network().state_dict()
    state["0.weight"] = (100 * state["0.weight"]).to(torch.int8)
    torch.save(state, path)
    assert "0.weight is int8 and must be float32" in refusal(path)


def compiled(network: nn.Module) -> nn.Module:
    return torch.compile(network)  # type: ignore[return-value]


@pytest.mark.parametrize(
    "wrap",
    [
        nn.DataParallel,
        compiled,
        lambda network: nn.DataParallel(compiled(network)),
        lambda network: AveragedModel(network, use_buffers=True),
    ],
    ids=["parallel", "compiled", "compiled and parallel", "averaged"],
)
def test_a_wrapped_networks_own_state_loads_with_the_versions_of_its_modules(
    wrap: Callable[[nn.Module], nn.Module], tmp_path: Path
) -> None:
    source, model = build_model("mnasnet0_5", 4), build_model("mnasnet0_5", 4)
    torch.save({"model": wrap(source).state_dict()}, tmp_path / "weights.pt")
    assert load_weights(model, tmp_path / "weights.pt") == []
    assert same(model, source)


PREFIXES = ["", "module.", "_orig_mod.", "module._orig_mod.", "model.", "model.backbone.", "net."]
WRAPPINGS = [
    (),
    ("state_dict",),
    ("model",),
    ("model_state_dict",),
    ("checkpoint", "net"),
    ("ema", "state_dict"),
]
HEADS = ["same", "classes", "none", "other", "part", "deeper"]
BESIDES = ["nothing", "script", "average", "objects"]


@pytest.mark.parametrize("seed", range(100))
def test_any_wrapping_loads_exactly_the_right_values_or_is_refused_in_one_line(
    seed: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Files as scripts write them, drawn at random."""
    draw = random.Random(seed)
    prefix, keys = draw.choice(PREFIXES), draw.choice(WRAPPINGS)
    head, beside = draw.choice(HEADS), draw.choice(BESIDES)
    kinds: list[Callable[[], nn.Module]] = [
        network,
        lambda: Wrapped("model"),
        lambda: Wrapped("module"),
    ]
    make = draw.choice(kinds)
    dtype = draw.choice([torch.float32, torch.float16, torch.bfloat16])
    source, average, model = make().to(dtype), make().to(dtype), make()
    initial = copy.deepcopy(model)
    layer = list(source.state_dict())[-1].rpartition(".")[0]

    def content_of(network: nn.Module) -> Any:
        state = network.state_dict()
        own = {f"{layer}.weight", f"{layer}.bias"}
        changed: OrderedDict[str, Any] = OrderedDict()
        changed._metadata = state._metadata  # type: ignore[attr-defined]
        for name, value in state.items():
            if name in own and head == "classes":
                value = torch.ones(7, *value.shape[1:])
            if name in own and head == "other":
                name = f"top.{name.rpartition('.')[2]}"
            left_out = own if head == "none" else {f"{layer}.bias"} if head == "part" else set()
            if name not in left_out:
                changed[f"{prefix}{name}"] = value
        if head == "deeper":
            changed[f"{prefix}later.weight"] = torch.ones(4, 4, 3, 3)
        content: Any = changed
        for key in reversed(keys):
            content = {key: content}
        return content

    content, expected, is_clear = content_of(source), source, beside != "objects"
    if beside in ("script", "objects"):
        content = dict(content) | {"epoch": 3, "args": argparse.Namespace(out=Path("x"))}
        if beside == "objects":
            content["config"] = fractions.Fraction(1, 2)
    if beside == "average":
        content, expected = {"raw": content, "model_ema": content_of(average)}, average
        if keys[:1] == ("ema",):
            is_clear = False  # both are averages
    path = tmp_path / "weights.pt"
    torch.save(content, path)
    fits = is_clear and head in ("same", "classes", "none", "other")
    if not fits:
        with pytest.raises(CheckpointError) as caught:
            load_weights(model, path)
        assert "\n" not in str(caught.value)
        assert same(model, initial)
        return
    fresh = load_weights(model, path)
    assert set(fresh) == (set() if head == "same" else {f"{layer}.weight", f"{layer}.bias"})
    for name, value in model.state_dict().items():
        stored = (initial if name in fresh else expected).state_dict()[name]
        assert torch.equal(value, stored.to(value.dtype))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == (beside == "average" or head == "other" or keys[:1] == ("ema",))
