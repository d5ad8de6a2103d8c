//! What the launcher of a parallel run says to the processes that it starts.
//!
//! It is looked up in the environment, so that a run of one process needs no engine at all, and a build
//! without one can refuse instead of doing the same work many times over.

use std::env;

/// How this process was started: by a launcher, together with others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Launch {
    /// The variable that said so.
    pub said_by: &'static str,
    /// Processes of the run.
    pub processes: usize,
    /// This process among those of its machine, from 0, where the launcher tells.
    pub local_rank: Option<usize>,
}

/// Variables with the number of processes and with the place on the machine. Open MPI's come first: under
/// Slurm it starts its own processes by job steps whose count is that of machines. Slurm's own are those of
/// a step: a batch script, which is one process, sees those of the job alone.
const KNOWN: [(&str, &str); 4] = [
    ("OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK"),
    ("MV2_COMM_WORLD_SIZE", "MV2_COMM_WORLD_LOCAL_RANK"),
    ("PMI_SIZE", "MPI_LOCALRANKID"),
    ("SLURM_STEP_NUM_TASKS", "SLURM_LOCALID"),
];

impl Launch {
    /// Of this process; `None` for one that was started by itself.
    #[must_use]
    pub fn of_this_process() -> Option<Self> {
        Self::of(|name| env::var(name).ok())
    }

    fn of(variable: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let number = |name: &str| variable(name)?.trim().parse::<usize>().ok();
        let (said_by, local, processes) =
            KNOWN.iter().find_map(|&(size, local)| Some((size, local, number(size)?)))?;
        let local_rank = number(local).or_else(|| number("SLURM_LOCALID"));
        (processes > 1).then_some(Self { said_by, processes, local_rank })
    }

    /// Which of a machine's CUDA devices is this process's, among those that it may see: the one in its
    /// own place. Where it may see a single one, somebody has shared them out already.
    #[must_use]
    pub fn cuda_device(&self) -> usize {
        self.device_among(env::var("CUDA_VISIBLE_DEVICES").ok().as_deref())
    }

    fn device_among(&self, visible: Option<&str>) -> usize {
        match visible {
            Some(visible) if visible.split(',').count() == 1 => 0,
            _ => self.local_rank.unwrap_or(0),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn launched(variables: &[(&str, &str)]) -> Option<Launch> {
        Launch::of(|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn launchers_are_known_by_their_variables() {
        let ompi = [("OMPI_COMM_WORLD_SIZE", "8"), ("OMPI_COMM_WORLD_LOCAL_RANK", "3")];
        let slurm = [("SLURM_STEP_NUM_TASKS", "2"), ("SLURM_LOCALID", "1")];
        let launch = launched(&ompi).unwrap();
        assert_eq!((launch.processes, launch.local_rank), (8, Some(3)));
        let launch = launched(&slurm).unwrap();
        assert_eq!((launch.processes, launch.local_rank), (2, Some(1)));
        // mpirun within a Slurm job: its daemons are a step of two, its processes are eight.
        let launch = launched(&[ompi, slurm].concat()).unwrap();
        assert_eq!((launch.said_by, launch.processes), ("OMPI_COMM_WORLD_SIZE", 8));
        assert_eq!(launch.local_rank, Some(3));
    }

    #[test]
    fn one_process_is_no_parallel_run() {
        assert_eq!(launched(&[]), None);
        assert_eq!(launched(&[("OMPI_COMM_WORLD_SIZE", "1")]), None);
        assert_eq!(launched(&[("PMI_SIZE", "many")]), None);
        // A batch script: the job has four tasks, but it is none of them.
        assert_eq!(launched(&[("SLURM_NTASKS", "4"), ("SLURM_LOCALID", "0")]), None);
    }

    #[test]
    fn devices_are_those_of_the_place_unless_one_is_given() {
        let launch = launched(&[("PMI_SIZE", "4"), ("MPI_LOCALRANKID", "2")]).unwrap();
        assert_eq!(launch.device_among(None), 2);
        assert_eq!(launch.device_among(Some("4,5,6,7")), 2);
        assert_eq!(launch.device_among(Some("6")), 0);
    }
}
