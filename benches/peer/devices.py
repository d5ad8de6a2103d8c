"""The network on a GPU beside PyTorch's, in turn, in one run.

    cargo build --release -p avff --features cuda --bench devices
    pip install torch numpy
    python benches/peer/devices.py TARGET/release/deps/devices-HASH [--rounds 3] [--runs 7]

PyTorch runs eagerly with its fused attention, in f32 (its default there: products in full f32, not TF32), TF32,
f16 and bf16; the parts are those of `benches/devices.rs`. Each round runs both, each in a process of its own.
"""
import argparse, re, statistics, subprocess, sys, time

from network import networks


def measure(name, run, runs):
    import torch

    for _ in range(3):
        run()
    times = []
    for _ in range(runs):
        torch.cuda.synchronize()
        start = time.perf_counter()
        run()
        torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    print(f"{name}: median {statistics.median(times) * 1e3:.2f} ms", flush=True)


def worker(runs):
    import torch

    torch.manual_seed(0)
    torch.set_default_device("cuda")
    _, classifier, pretrain = networks("sdpa")
    inputs = lambda batch, kind: (
        torch.randn(batch, 1, 128, 1024, dtype=kind),
        torch.randn(batch, 3, 16, 224, 224, dtype=kind),
    )
    kinds = {"f32": torch.float32, "tf32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}
    for name, kind in kinds.items():
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = name == "tf32"
        net = classifier().to(kind).eval()
        for batch in (1, 8, 32):
            a, v = inputs(batch, kind)
            with torch.no_grad():
                measure(f"classifier {name} x{batch}", lambda: net(a, v).cpu(), runs)
    del net
    released = dict(dim=768, depth=12, heads=12, own=384, decoder_depth=4, own_heads=6)
    for part, batch, sizes in (("small step", 4, {}), ("step", 2, released)):
        for name in ("f32", "tf32", "bf16"):
            torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = name == "tf32"
            net = pretrain(**sizes)
            adam = torch.optim.Adam(net.parameters(), lr=1e-4)
            a, v = inputs(batch, torch.float32)

            def run():
                hidden = torch.zeros(8, dtype=torch.bool)
                hidden[torch.randperm(8)[:4]] = True
                adam.zero_grad()
                with torch.autocast("cuda", torch.bfloat16, enabled=name == "bf16"):
                    loss = net(a, v, hidden)
                loss.backward()
                adam.step()
                loss.item()

            measure(f"{part} {name} x{batch}", run, runs)


def lines(command):
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return {name: float(median) for name, median in re.findall(r"^(.*?): .*median ([\d.]+)", text, re.M)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bench", nargs="?")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--worker", action="store_true")
    args = parser.parse_args()
    if args.worker:
        return worker(args.runs)
    runs = str(args.runs)
    mine, theirs = [], []
    for _ in range(args.rounds):
        mine.append(lines([args.bench, args.device, "--runs", runs]))
        theirs.append(lines([sys.executable, __file__, "--worker", "--runs", runs]))
    middle = lambda rounds, name: statistics.median(round[name] for round in rounds)
    for name in mine[0]:
        print(f"{name}: {middle(mine, name):.1f} ms")
        for other in dict.fromkeys((name, name.replace(" f32", " tf32"))):
            if other in theirs[0]:
                ratios = [own[name] / peer[other] for own, peer in zip(mine, theirs)]
                print(
                    f"  PyTorch {other}: {middle(theirs, other):.1f} ms; ratio min {min(ratios):.2f} "
                    f"median {statistics.median(ratios):.2f} max {max(ratios):.2f}"
                )


if __name__ == "__main__":
    sys.exit(main())
