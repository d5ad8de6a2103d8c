"""Compares the network on a CPU with PyTorch.

    cargo build --release -p avff --bench network
    pip install torch==2.9.1 numpy
    python benches/peer/network.py TARGET/release/deps/network-HASH [--part PART] [--mode MODE] [--rounds 5]

The parts are block, audio, visual, classifier (one clip), int8, bf16 and step. For int8 and bf16, avff runs its
classifier in that precision. A step is a pre-training step of a small network: forward pass, backward pass and Adam
update.

Each round runs avff and then PyTorch. The mode `math` uses plain attention, like the reference; `sdpa` uses fused
attention; `bf16`, on request only, uses fused attention in bfloat16. Each program runs in a process of its own, so
that caches and threads do not interfere. A ratio compares the medians of one round.

PyTorch's network has the sizes and operations of the reference, with random weights. It omits dropout, and it
simplifies the losses and the slices of tokens, which cost almost nothing.
"""
import argparse, os, re, resource, statistics, subprocess, sys, time

BATCH = 4


def networks(attention):
    import torch
    from torch import nn
    from torch.nn import functional as F

    class SelfAttention(nn.Module):
        def __init__(self, dim, heads):
            super().__init__()
            self.heads = heads
            self.qkv, self.proj = nn.Linear(dim, 3 * dim, bias=False), nn.Linear(dim, dim)

        def forward(self, x):
            b, n, d = x.shape
            q, k, v = self.qkv(x).view(b, n, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
            if attention == "math":
                scores = (q * (d // self.heads) ** -0.5) @ k.transpose(-2, -1)
                out = scores.softmax(-1) @ v
            else:
                out = F.scaled_dot_product_attention(q, k, v)
            return self.proj(out.transpose(1, 2).reshape(b, n, d))

    class Block(nn.Module):
        def __init__(self, dim, heads):
            super().__init__()
            self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
            self.attn = SelfAttention(dim, heads)
            self.mlp = nn.Sequential(nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim))

        def forward(self, x):
            x = x + self.attn(self.norm1(x))
            return x + self.mlp(self.norm2(x))

    class Encoder(nn.Module):
        """Embeds patches as tokens, adds positions, and runs the blocks and a final LayerNorm."""

        def __init__(self, patches, tokens, dim, depth, heads):
            super().__init__()
            self.patches, self.norm = patches, nn.LayerNorm(dim)
            self.position = nn.Parameter(torch.randn(1, tokens, dim) * 0.02)
            self.blocks = nn.Sequential(*[Block(dim, heads) for _ in range(depth)])

        def forward(self, x):
            return self.norm(self.blocks(self.patches(x).flatten(2).transpose(1, 2) + self.position))

    class Cross(nn.Module):
        def __init__(self, inputs, outputs, dim, heads):
            super().__init__()
            self.tokens = nn.Linear(inputs, outputs)
            self.attention = nn.MultiheadAttention(dim, heads)
            self.fc1, self.fc2 = nn.Linear(dim, dim), nn.Linear(dim, dim)
            self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)

        def forward(self, x):
            x = self.tokens(x.transpose(1, 2)).transpose(1, 2)
            # Attention runs over the batch axis, as in the reference.
            x = self.norm1(x + self.attention(x, x, x, need_weights=False)[0])
            return self.norm2(x + self.fc2(F.relu(self.fc1(x))))

    class Encoders(nn.Module):
        def __init__(self, dim, depth, heads, token_divisor):
            super().__init__()
            self.audio = Encoder(nn.Conv2d(1, dim, 16, 16), 512, dim, depth, heads)
            patches = nn.Conv3d(3, dim, (2, 16, 16), (2, 16, 16))
            self.visual = Encoder(patches, 1568, dim, depth, heads)
            self.a2v = Cross(512 // token_divisor, 1568 // token_divisor, dim, heads)
            self.v2a = Cross(1568 // token_divisor, 512 // token_divisor, dim, heads)

    class Classifier(Encoders):
        def __init__(self, dim=768, depth=12, heads=12):
            super().__init__(dim, depth, heads, 1)
            self.mlp_vision, self.mlp_audio = nn.Linear(1568, 1024), nn.Linear(512, 1024)
            self.head = nn.Sequential(
                nn.Linear(2048, 1024), nn.ReLU(), nn.Linear(1024, 1024), nn.ReLU(), nn.Linear(1024, 2)
            )

        def forward(self, a, v):
            a, v = self.audio(a), self.visual(v)
            visual = torch.cat((self.a2v(a), v), -1).mean(-1)
            audio = torch.cat((self.v2a(v), a), -1).mean(-1)
            return self.head(torch.cat((self.mlp_vision(visual), self.mlp_audio(audio)), -1))

    class Decoder(nn.Module):
        def __init__(self, encoder_dim, dim, depth, heads, patch):
            super().__init__()
            self.embed, self.norm, self.pred = nn.Linear(encoder_dim, dim), nn.LayerNorm(dim), nn.Linear(dim, patch)
            self.blocks = nn.Sequential(*[Block(dim, heads) for _ in range(depth)])

        def forward(self, x):
            return self.pred(self.norm(self.blocks(self.embed(x))))

    class Pretrain(Encoders):
        def __init__(self, dim=192, depth=4, heads=3, decoder_dim=96, decoder_depth=2, decoder_heads=3):
            super().__init__(dim, depth, heads, 2)
            self.audio_decoder = Decoder(dim, decoder_dim, decoder_depth, decoder_heads, 256)
            self.visual_decoder = Decoder(dim, decoder_dim, decoder_depth, decoder_heads, 1536)

        def forward(self, a, v, masked):
            def error(x, target):
                deviation = torch.sqrt(target.var(-1, keepdim=True) + 1e-6)
                return (x - (target - target.mean(-1, keepdim=True)) / deviation).pow(2).mean()

            x, y = self.audio(a), self.visual(v)
            b, _, d = x.shape
            logits = F.normalize(x.mean(1), dim=-1) @ F.normalize(y.mean(1), dim=-1).t() / 0.05
            targets = torch.arange(b)
            contrastive = (F.cross_entropy(logits, targets) + F.cross_entropy(logits.t(), targets)) / 2
            x, y = x.view(b, 8, -1, d), y.view(b, 8, -1, d)
            visible = x[:, ~masked].flatten(1, 2), y[:, masked].flatten(1, 2)
            x, y = x.clone(), y.clone()
            y[:, ~masked] = self.a2v(visible[0]).view(b, 4, -1, d)
            x[:, masked] = self.v2a(visible[1]).view(b, 4, -1, d)
            x = self.audio_decoder(x.flatten(1, 2)).view(b, 8, 64, 16, 16)
            y = self.visual_decoder(y.flatten(1, 2)).view(b, 8, 14, 14, 3, 2, 16, 16)
            x = x.permute(0, 1, 3, 2, 4).reshape(b, 1, 128, 1024)
            y = y.permute(0, 4, 1, 5, 2, 6, 3, 7).reshape(b, 3, 16, 224, 224)
            return error(x, a) + error(y, v) + 0.01 * contrastive

    return Block, Classifier, Pretrain


def worker(part, mode, runs):
    import torch

    torch.manual_seed(0)
    block, classifier, pretrain = networks("math" if mode == "math" else "sdpa")
    dtype = torch.bfloat16 if mode == "bf16" else torch.float32
    batch = BATCH if part == "step" else 1
    a, v = torch.randn(batch, 1, 128, 1024, dtype=dtype), torch.randn(batch, 3, 16, 224, 224, dtype=dtype)
    if part == "step":
        net = pretrain()
        adam = torch.optim.Adam(net.parameters(), lr=1e-4)

        def run():
            masked = torch.zeros(8, dtype=torch.bool)
            masked[torch.randperm(8)[:4]] = True
            adam.zero_grad()
            net(a, v, masked).backward()
            adam.step()

    else:
        torch.set_grad_enabled(False)
        if part == "block":
            net, arguments = block(768, 12), (torch.randn(1, 1568, 768, dtype=dtype),)
        else:
            model = classifier()
            net, arguments = {
                "audio": (model.audio, (a,)),
                "visual": (model.visual, (v,)),
                "classifier": (model, (a, v)),
            }[part]
        net = net.to(dtype).eval()

        def run():
            net(*arguments)

    run()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{statistics.median(times) * 1e3:.3f} {peak:.0f}")


def run_peer(part, mode, runs):
    command = [sys.executable, __file__, "--worker", part, mode, str(runs)]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    median, peak = text.split()
    return float(median), float(peak)


def run_avff(bench, part, runs):
    text = subprocess.run([bench, part, "--runs", str(runs)], check=True, capture_output=True, text=True).stdout
    line = next((line for line in text.splitlines() if line.startswith(part)), None)
    if line is None:
        sys.exit(f"{part}: the bench printed no result; this processor may lack the instructions")
    median, fraction, peak = re.search(r"median ([\d.]+) .* ([\d.]+) of the .* peak (\d+) MB", line).groups()
    return float(median), float(peak), float(fraction)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bench", nargs="?")
    parser.add_argument("--part", action="append")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--mode", action="append", choices=["math", "sdpa", "bf16"])
    parser.add_argument("--worker", nargs=3)
    args = parser.parse_args()
    if args.worker:
        part, mode, runs = args.worker
        return worker(part, mode, int(runs))
    modes = args.mode or ["math", "sdpa"]
    for part in args.part or ["block", "audio", "visual", "classifier", "step"]:
        avff_runs, peer_runs = [], {mode: [] for mode in modes}
        peer_part = "classifier" if part in ("int8", "bf16") else part
        for _ in range(args.rounds):
            avff_runs.append(run_avff(args.bench, part, args.runs))
            for mode in modes:
                peer_runs[mode].append(run_peer(peer_part, mode, args.runs))
        time_, peak, fraction = (statistics.median(column) for column in zip(*avff_runs))
        print(f"{part}: {time_:.1f} ms, {fraction:.2f} of the matrix product, {peak:.0f} MB", flush=True)
        for mode, results in peer_runs.items():
            ratios = [avff[0] / torch[0] for avff, torch in zip(avff_runs, results)]
            peer_time, memory = (statistics.median(column) for column in zip(*results))
            print(
                f"  PyTorch {mode}: {peer_time:.1f} ms, {memory:.0f} MB; ratio min {min(ratios):.2f} median "
                f"{statistics.median(ratios):.2f} max {max(ratios):.2f}, memory {peak / memory:.2f}",
                flush=True,
            )


if __name__ == "__main__":
    sys.exit(main())
