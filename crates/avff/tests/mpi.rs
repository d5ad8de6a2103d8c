//! Training by two processes, through the real binary and `mpirun`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test panics where it cannot continue")]
#![allow(clippy::print_stdout, missing_docs)]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
    thread::sleep,
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// The maximum difference of weights and metrics between two processes and one.
const TOLERANCE: f64 = 1e-5;

const NETWORK: &str = r#"
[model]
preset = "avff"
[model.config]
audio.frames = 128
audio.mels = 32
video.height = 32
video.width = 32
encoder = { dim = 24, depth = 1, heads = 3 }
decoder = { dim = 12, depth = 1, heads = 3 }
head.hidden = 16
head.dropout = 0.2
[data]
train = "train.csv"
batch = 4
workers = 1
augment.noise = { level = 0.1, roll = true }
augment.flip = { probability = 0.5 }
"#;

/// The bias of an attention's keys changes no output, so its gradient is rounding noise. A large `eps` keeps Adam
/// from amplifying it.
const OPTIMIZER: &str = "[optimizer]\nlr = 1e-3\neps = 1e-5\n";

/// Jobs are timed and get signals, so one runs at a time.
static ONE_JOB: Mutex<()> = Mutex::new(());

struct Scene {
    folder: TempDir,
    _turn: MutexGuard<'static, ()>,
}

impl Scene {
    fn new() -> Self {
        let _turn = ONE_JOB.lock().unwrap_or_else(PoisonError::into_inner);
        let scene = Self { folder: tempfile::tempdir().unwrap(), _turn };
        let clips = Path::new("tests/fixtures/clips").canonicalize().unwrap();
        let table = |rows: usize| {
            let names = ["match_a", "swapped_a", "match_b", "swapped_b"];
            let row = |row: usize| {
                let clip = clips.join(names[row % 4]).with_extension("mp4");
                format!("{},{}\n", clip.display(), row % 2)
            };
            "video_name,target\n".to_owned() + &(0..rows).map(row).collect::<String>()
        };
        scene.write("train.csv", &table(8));
        // Three clips: one process gets a clip more than the other.
        scene.write("validation.csv", &table(3));
        scene.recipe("pretrain", "pretrain", 2, "");
        scene.recipe("finetune", "finetune", 2, "");
        scene
    }

    fn recipe(&self, name: &str, stage: &str, epochs: usize, more: &str) {
        let head = format!("name = \"{name}\"\nstage = \"{stage}\"\nseed = 3\nepochs = {epochs}\n");
        self.write(&format!("{name}.toml"), &format!("{head}{NETWORK}{OPTIMIZER}{more}"));
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn command(&self, processes: usize, arguments: &[&str]) -> Command {
        let binary = env!("CARGO_BIN_EXE_avff");
        let mut command = if processes == 1 {
            Command::new(binary)
        } else {
            let mut command = Command::new("mpirun");
            command.args(["--allow-run-as-root", "--oversubscribe", "--bind-to", "none", "-n"]);
            command.arg(processes.to_string()).arg(binary);
            command
        };
        command.args(["train", "--device", "cpu"]).args(arguments).current_dir(self.folder.path());
        command.env("RAYON_NUM_THREADS", "1").env_remove("RUST_LOG");
        // A waiting process yields its core, because test machines have few.
        command.env("OMPI_MCA_mpi_yield_when_idle", "1");
        command
    }

    fn run(&self, processes: usize, arguments: &[&str]) -> Ran {
        Ran::new(self.command(processes, arguments).output().unwrap())
    }

    fn start(&self, processes: usize, arguments: &[&str]) -> Child {
        let mut command = self.command(processes, arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Steps of the training checkpoints that a run has saved.
    fn checkpoints(&self, run: &str) -> Vec<u64> {
        let Ok(files) = fs::read_dir(self.path(run).join("checkpoints")) else { return Vec::new() };
        let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        let step = |name: String| {
            let name = name.strip_prefix("state-")?.strip_suffix(".safetensors")?;
            name.parse().ok()
        };
        names.filter_map(step).collect()
    }

    fn wait_for_step(&self, run: &str, step: u64) {
        let start = Instant::now();
        while !self.checkpoints(run).iter().any(|&saved| saved >= step) {
            assert!(start.elapsed() < Duration::from_secs(120), "no step {step} in {run}");
            sleep(Duration::from_millis(2));
        }
    }

    fn weights(&self, run: &str) -> Vec<u8> {
        fs::read(self.path(run).join("checkpoints/last.safetensors")).unwrap()
    }

    fn results(&self, run: &str) -> Vec<BTreeMap<String, f64>> {
        let mut table = csv::Reader::from_path(self.path(run).join("result.csv")).unwrap();
        let names = table.headers().unwrap().clone();
        let number = |cell: &str| if cell.is_empty() { f64::NAN } else { cell.parse().unwrap() };
        let rows = table.records().map(|row| {
            let row = row.unwrap();
            names.iter().map(str::to_owned).zip(row.iter().map(number)).collect()
        });
        rows.collect()
    }
}

struct Ran {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Ran {
    fn new(Output { status, stdout, stderr }: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: status.code().unwrap_or(-1), stdout: text(stdout), stderr: text(stderr) }
    }

    fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        self
    }
}

/// The child processes of a process, here the ranks of `mpirun`.
fn children(parent: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let id: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        // After the name in brackets: the state and the parent.
        let parent_of: u32 = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
        (parent_of == parent).then_some(id)
    });
    processes.collect()
}

fn signal(name: &str, process: u32) {
    let sent = Command::new("kill").arg(name).arg(process.to_string()).status().unwrap();
    assert!(sent.success());
}

/// The numbers of a safetensors file by their names.
fn tensors(file: &[u8]) -> BTreeMap<String, Vec<f32>> {
    let (length, rest) = file.split_at(8);
    let length = u64::from_le_bytes(length.try_into().unwrap()) as usize;
    let (header, data) = rest.split_at(length);
    let header: BTreeMap<String, serde_json::Value> = serde_json::from_slice(header).unwrap();
    let tensors = header.into_iter().filter(|(name, _)| name != "__metadata__");
    let read = |(name, about): (String, serde_json::Value)| {
        assert_eq!(about["dtype"], "F32");
        let at = |end: usize| about["data_offsets"][end].as_u64().unwrap() as usize;
        (name, bytemuck::pod_collect_to_vec(&data[at(0)..at(1)]))
    };
    tensors.map(read).collect()
}

/// The largest difference between two files of weights, and its tensor.
fn difference(a: &[u8], b: &[u8]) -> (f64, String) {
    let (a, b) = (tensors(a), tensors(b));
    assert!(a.len() > 20 && a.keys().eq(b.keys()));
    let mut largest = (0.0, String::new());
    for (name, values) in &a {
        for (x, y) in values.iter().zip(&b[name]) {
            let difference = f64::from((x - y).abs());
            assert!(difference.is_finite(), "{name}");
            if difference > largest.0 {
                largest = (difference, name.clone());
            }
        }
    }
    largest
}

/// Trains with one process and with two, and compares weights and metrics.
fn compare(scene: &Scene, recipe: &str, more: &[&str], compared: &[&str]) {
    let file = format!("{recipe}.toml");
    let run = |processes, run: &str, epochs: &str| {
        let arguments = [&[&file, "--run", run, "--set", epochs], more].concat();
        scene.run(processes, &arguments).expect(0)
    };
    run(1, "one", "epochs=2");
    let ran = run(2, "two", "epochs=2");
    // Only one process prints.
    assert_eq!(ran.stdout.matches("done after 4 steps").count(), 1, "{}", ran.stdout);
    run(1, "short", "epochs=1");
    let (learned, _) = difference(&scene.weights("one"), &scene.weights("short"));
    let (error, name) = difference(&scene.weights("one"), &scene.weights("two"));
    println!(
        "{recipe}: weights differ by {error:e} in {name}; the last epoch moved them by {learned:e}"
    );
    assert!(error <= TOLERANCE, "{name}: {error:e}");
    assert!(learned > 100.0 * TOLERANCE, "nothing was learned: {learned:e}");
    let (one, two) = (scene.results("one"), scene.results("two"));
    assert_eq!((one.len(), two.len()), (2, 2));
    for (one, two) in one.iter().zip(&two) {
        assert!(one.keys().eq(two.keys()));
        for name in compared {
            let (one, two) = (one[*name], two[*name]);
            println!("{recipe}: {name} {one} and {two}");
            assert!((one - two).abs() <= TOLERANCE, "{name}: {one} and {two}");
        }
    }
}

#[test]
fn pretraining_with_two_processes_matches_one() {
    let compared = [
        "train/loss",
        "train/loss.audio",
        "train/loss.video",
        "train/loss.contrastive",
        "train/retrieval",
    ];
    let scene = Scene::new();
    compare(&scene, "pretrain", &[], &compared);
}

#[test]
fn finetuning_with_two_processes_matches_one() {
    let compared = ["train/loss", "val/loss", "val/auc", "val/map", "val/accuracy"];
    let scene = Scene::new();
    compare(&scene, "finetune", &["--set", "data.validation=validation.csv"], &compared);
}

#[test]
fn a_lost_process_ends_the_run_which_resumes_to_equal_weights() {
    let scene = Scene::new();
    scene.recipe("long", "finetune", 6, "[keep]\nevery_steps = 1\n");
    scene.run(2, &["long.toml", "--run", "whole"]).expect(0);
    for (run, victim) in [("first", 0), ("second", 1)] {
        let job = scene.start(2, &["long.toml", "--run", run]);
        scene.wait_for_step(run, 2);
        let mut ranks = children(job.id());
        ranks.sort_unstable();
        assert_eq!(ranks.len(), 2);
        let start = Instant::now();
        signal("-KILL", ranks[victim]);
        let ran = Ran::new(job.wait_with_output().unwrap());
        assert!(start.elapsed() < Duration::from_secs(30), "the others waited");
        assert_ne!(ran.code, 0);
        assert!(ran.stderr.contains("signal 9"), "{}", ran.stderr);
        assert!(scene.checkpoints(run).iter().all(|&step| step < 12), "it was over before");
        let ran = scene.run(1, &["--resume", run]).expect(2);
        assert!(
            ran.stderr.contains("the number of processes was 2, but now it is 1"),
            "{}",
            ran.stderr
        );
        scene.run(2, &["--resume", run]).expect(0);
        assert!(scene.weights(run) == scene.weights("whole"), "{run}");
    }
}

/// Replicas end with the same bits on one process and on four, from files and from shards, and a run
/// that lost one of four continues on two, and then on three, which divide the replicas unevenly.
#[test]
fn replicas_have_the_same_weights_on_any_number_of_processes() {
    let scene = Scene::new();
    let rows: Vec<String> =
        fs::read_to_string(scene.path("train.csv")).unwrap().lines().map(str::to_owned).collect();
    scene.write("train.csv", &[&rows[..], &rows[1..]].concat().join("\n"));
    let more = "[keep]\nevery_steps = 1\n[steps]\nreplicas = 8\nreplica_loss = \"sum\"\n";
    scene.recipe("replicas", "pretrain", 12, more);
    let mut pack = Command::new(env!("CARGO_BIN_EXE_avff"));
    pack.args(["pack", "--csv", "train.csv", "--output", "shards", "--frames", "png"]);
    pack.args(["--shard-size", "100K", "--recipe", "replicas.toml", "--set", "data.batch=16"]);
    Ran::new(pack.current_dir(scene.folder.path()).output().unwrap()).expect(0);
    let files = ["replicas.toml", "--set", "data.batch=16", "--run"];
    let recipe = [&files[..3], &["--set", "data.train=shards", "--run"]].concat();
    scene.run(1, &[&files[..], &["one"]].concat()).expect(0);
    let (one, four) = (scene.weights("one"), scene.run(4, &[&recipe[..], &["four"]].concat()));
    four.expect(0);
    // The metadata names the manifest.
    assert!(tensors(&one) == tensors(&scene.weights("four")));
    let job = scene.start(4, &[&recipe[..], &["lost"]].concat());
    scene.wait_for_step("lost", 3);
    signal("-KILL", *children(job.id()).iter().max().unwrap());
    assert_ne!(Ran::new(job.wait_with_output().unwrap()).code, 0);
    let job = scene.start(2, &["--resume", "lost"]);
    scene.wait_for_step("lost", 7);
    signal("-TERM", children(job.id())[0]);
    Ran::new(job.wait_with_output().unwrap()).expect(5);
    scene.run(3, &["--resume", "lost"]).expect(0);
    assert!(scene.weights("four") == scene.weights("lost"));
    let few = [&recipe[..], &["few", "--set", "steps.replicas=2"]].concat();
    let ran = scene.run(3, &few).expect(2);
    assert!(ran.stderr.contains("start at most 2"), "{}", ran.stderr);
}

#[test]
fn a_signal_to_one_process_stops_all() {
    let scene = Scene::new();
    scene.recipe("long", "finetune", 6, "[keep]\nevery_steps = 1\n");
    let job = scene.start(2, &["long.toml", "--run", "stopped"]);
    scene.wait_for_step("stopped", 2);
    let ranks = children(job.id());
    signal("-TERM", *ranks.iter().max().unwrap());
    let ran = Ran::new(job.wait_with_output().unwrap()).expect(5);
    assert!(ran.stdout.contains("resume with: avff train --resume stopped"), "{}", ran.stdout);
    let ran = scene.run(2, &["--resume", "stopped"]).expect(0);
    assert!(ran.stdout.contains("done after 12 steps"), "{}", ran.stdout);
}

#[test]
fn a_clip_that_one_process_cannot_read_stops_all() {
    let scene = Scene::new();
    let text = fs::read_to_string(scene.path("train.csv")).unwrap();
    scene.write("train.csv", &text.replacen("match_b", "absent", 1));
    let start = Instant::now();
    let ran = scene.run(2, &["finetune.toml", "--run", "run"]).expect(2);
    assert!(start.elapsed() < Duration::from_secs(60), "the others waited");
    let error = ran.stderr.lines().find(|line| line.starts_with("error: process ")).unwrap();
    assert!(error.contains(" of 2: ") && error.contains("absent.mp4"), "{error}");
}

/// Processes on CPUs train through MPI, and the first one says why.
#[cfg(feature = "nccl")]
#[test]
fn without_nvidia_gpus_gradients_go_through_mpi() {
    let scene = Scene::new();
    let ran = scene.run(2, &["finetune.toml", "--run", "run"]).expect(0);
    let lines: Vec<&str> = ran.stderr.lines().filter(|line| line.contains("NCCL")).collect();
    let [line] = lines[..] else { panic!("{}", ran.stderr) };
    assert!(line.ends_with("not NCCL: process 0 does not run on an NVIDIA GPU"), "{line}");
}

#[test]
fn an_error_is_reported_once() {
    let scene = Scene::new();
    for (arguments, part) in [
        (&["finetune.toml", "--set", "epohcs=2"][..], "epohcs"),
        (&["finetune.toml", "--set", "data.train=no.csv"][..], "no.csv"),
    ] {
        let ran = scene.run(2, arguments).expect(2);
        assert_eq!(ran.stderr.matches("error: ").count(), 1, "{}", ran.stderr);
        assert!(ran.stderr.contains(part), "{}", ran.stderr);
    }
    // Only the process that creates the folder sees this error.
    fs::create_dir(scene.path("full")).unwrap();
    scene.write("full/something", "");
    let ran = scene.run(2, &["finetune.toml", "--run", "full"]).expect(2);
    assert!(ran.stderr.contains("error: process 0 of 2: "), "{}", ran.stderr);
    let ran = scene.run(2, &["finetune.toml", "--set", "data.batch=3"]).expect(2);
    assert!(ran.stderr.contains("make it a multiple of 2"), "{}", ran.stderr);
}

#[test]
fn a_launcher_of_another_mpi_library_is_named() {
    let scene = Scene::new();
    let mut command = scene.command(1, &["finetune.toml", "--run", "run"]);
    // Hydra sets PMI_SIZE, and Open MPI ignores it.
    let ran = Ran::new(command.env("PMI_SIZE", "2").output().unwrap()).expect(2);
    assert!(ran.stderr.contains("PMI_SIZE reports 2 processes"), "{}", ran.stderr);
    assert!(ran.stderr.contains("MPI counts 1"), "{}", ran.stderr);
    assert!(!scene.path("run").exists());
}
