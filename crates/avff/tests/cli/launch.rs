//! `avff train` under a launcher of several processes, in a build without MPI.

use crate::setup::{Scene, root};

#[test]
fn several_processes_are_refused_without_mpi() {
    let scene = Scene::new();
    let recipe = root().join("data/recipes/avff-tiny-stage1.toml");
    let arguments = ["train", recipe.to_str().unwrap(), "--run", "run", "--device", "cpu"];
    for launcher in ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"] {
        let output = scene.command(&arguments).env(launcher, "2").output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        let start = format!("error: {launcher} reports 2 processes, but");
        assert!(stderr.starts_with(&start) && stderr.contains("--features mpi"), "{stderr}");
        assert!(!scene.path("run").exists());
    }
}
