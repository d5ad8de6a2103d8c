//! `avff train` started many times over by a launcher, in a build that trains in one process alone.

use crate::setup::{Scene, root};

#[test]
fn processes_that_cannot_train_together_do_not_train() {
    let scene = Scene::new();
    let recipe = root().join("data/recipes/avff-tiny-stage1.toml");
    let arguments = ["train", recipe.to_str().unwrap(), "--run", "run", "--device", "cpu"];
    for launcher in ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"] {
        let output = scene.command(&arguments).env(launcher, "2").output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{told}");
        let start = format!("error: 2 processes were started, as {launcher} says, but");
        assert!(told.starts_with(&start) && told.contains("--features mpi"), "{told}");
        assert!(!scene.path("run").exists());
    }
}
