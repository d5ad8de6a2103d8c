"""Compares the network on a GPU with PyTorch.

    cargo build --release -p avff --features cuda --bench devices
    pip install torch numpy
    python benches/peer/devices.py TARGET/release/deps/devices-HASH [--rounds 3] [--runs 7]

PyTorch runs eagerly with its fused attention, in f32, TF32, f16 and bf16. In f32, its default, matrix products
do not use TF32. The parts are the parts of `benches/devices.rs`. Each round runs both programs in processes of
their own.
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
    inputs = lambda batch, dtype: (
        torch.randn(batch, 1, 128, 1024, dtype=dtype),
        torch.randn(batch, 3, 16, 224, 224, dtype=dtype),
    )
    dtypes = {"f32": torch.float32, "tf32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}
    for name, dtype in dtypes.items():
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = name == "tf32"
        net = classifier().to(dtype).eval()
        for batch in (1, 8, 32):
            a, v = inputs(batch, dtype)
            with torch.no_grad():
                measure(f"classifier {name} x{batch}", lambda: net(a, v).cpu(), runs)
    del net
    released = dict(dim=768, depth=12, heads=12, decoder_dim=384, decoder_depth=4, decoder_heads=6)
    for part, batch, sizes in (("small step", 4, {}), ("step", 2, released)):
        for name in ("f32", "tf32", "bf16"):
            torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = name == "tf32"
            net = pretrain(**sizes)
            adam = torch.optim.Adam(net.parameters(), lr=1e-4)
            a, v = inputs(batch, torch.float32)

            def run():
                masked = torch.zeros(8, dtype=torch.bool)
                masked[torch.randperm(8)[:4]] = True
                adam.zero_grad()
                with torch.autocast("cuda", torch.bfloat16, enabled=name == "bf16"):
                    loss = net(a, v, masked)
                loss.backward()
                adam.step()
                loss.item()

            measure(f"{part} {name} x{batch}", run, runs)


def medians(command):
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
    avff_rounds, peer_rounds = [], []
    for _ in range(args.rounds):
        avff_rounds.append(medians([args.bench, args.device, "--runs", runs]))
        peer_rounds.append(medians([sys.executable, __file__, "--worker", "--runs", runs]))
    median = lambda rounds, name: statistics.median(round[name] for round in rounds)
    for name in avff_rounds[0]:
        print(f"{name}: {median(avff_rounds, name):.1f} ms")
        for other in dict.fromkeys((name, name.replace(" f32", " tf32"))):
            if other in peer_rounds[0]:
                ratios = [avff[name] / peer[other] for avff, peer in zip(avff_rounds, peer_rounds)]
                print(
                    f"  PyTorch {other}: {median(peer_rounds, other):.1f} ms; ratio min {min(ratios):.2f} "
                    f"median {statistics.median(ratios):.2f} max {max(ratios):.2f}"
                )


if __name__ == "__main__":
    sys.exit(main())
