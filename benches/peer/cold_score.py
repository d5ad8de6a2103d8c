"""Compares the time to score one clip in a new process with PyTorch.

    cargo build --release -p avff
    cargo bench -p avff --bench released_size -- --save stage-3.pth
    avff convert stage-3.pth stage-3.safetensors
    pip install torch==2.9.1 torchaudio==2.9.1 decord==0.6.0 pillow av numpy
    python benches/peer/cold_score.py TARGET/release/avff stage-3.safetensors CLIP [--rounds 5]

The two programs alternate within one run. The PyTorch peer is a typical script: it imports the modules,
builds the network, loads its own weights of the same size, reads the clip and runs a forward pass. The page
cache holds the files of both programs.
"""
import argparse, os, statistics, subprocess, sys, tempfile, time


def worker(weights, clip, save):
    import torch

    sys.path.insert(0, os.path.dirname(__file__))
    import network

    _, classifier, _ = network.networks("sdpa")
    net = classifier().eval()
    if save:
        torch.save(net.state_dict(), weights)
        return
    import data_path

    net.load_state_dict(torch.load(weights))
    fbank, video = data_path.load(clip, 0)
    with torch.inference_mode():
        print(net(fbank.T[None, None], video[None]))


def run(command):
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0, command
    return time.perf_counter() - start, usage.ru_maxrss / 1024


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("files", nargs="+")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--worker", choices=["save", "score"])
    args = parser.parse_args()
    if args.worker:
        return worker(*args.files, args.worker == "save")
    avff, checkpoint, clip = args.files
    with tempfile.TemporaryDirectory() as folder:
        weights = os.path.join(folder, "peer.pth")
        peer = [sys.executable, __file__, weights, clip, "--worker"]
        subprocess.run(peer + ["save"], check=True)
        command = [avff, "score", "--device", "cpu", "--checkpoint", checkpoint, clip]
        avff_runs, peer_runs = [], []
        for _ in range(args.rounds):
            avff_runs.append(run(command))
            peer_runs.append(run(peer + ["score"]))
    ratios = [a[0] / b[0] for a, b in zip(avff_runs, peer_runs)]
    (seconds, memory), (peer_seconds, peer_memory) = (
        [statistics.median(column) for column in zip(*runs)] for runs in (avff_runs, peer_runs)
    )
    print(
        f"cold score: {seconds:.2f} s, {memory:.0f} MB; PyTorch {peer_seconds:.2f} s, {peer_memory:.0f} MB; ratio min "
        f"{min(ratios):.2f} median {statistics.median(ratios):.2f} max {max(ratios):.2f}, memory "
        f"{memory / peer_memory:.2f}"
    )


if __name__ == "__main__":
    sys.exit(main())
