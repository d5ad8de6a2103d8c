//! Detects how this process was launched.
//!
//! The detection only reads environment variables, so a run of one process needs no MPI library. A
//! build without MPI can then refuse a parallel launch, which would repeat the whole work in every
//! process.

use std::env;

/// A launch of this process together with others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Launch {
    /// The environment variable that indicated the launch.
    pub variable: &'static str,
    /// Number of processes in the run.
    pub processes: usize,
    /// Index of this process on its machine, from 0, if the launcher sets it.
    pub local_rank: Option<usize>,
}

/// Variables with the number of processes and with the local rank. Open MPI comes first: under
/// Slurm it starts its own processes through job steps that count machines. Slurm's own variables
/// are those of a step; a batch script, which is one process, sees only the variables of the job.
const KNOWN: [(&str, &str); 4] = [
    ("OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK"),
    ("MV2_COMM_WORLD_SIZE", "MV2_COMM_WORLD_LOCAL_RANK"),
    ("PMI_SIZE", "MPI_LOCALRANKID"),
    ("SLURM_STEP_NUM_TASKS", "SLURM_LOCALID"),
];

impl Launch {
    /// Detects the launch of this process; `None` for a process launched alone.
    #[must_use]
    pub fn detect() -> Option<Self> {
        Self::of(|name| env::var(name).ok())
    }

    fn of(variable: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let number = |name: &str| variable(name)?.trim().parse::<usize>().ok();
        let (variable, local, processes) =
            KNOWN.iter().find_map(|&(size, local)| Some((size, local, number(size)?)))?;
        let local_rank = number(local).or_else(|| number("SLURM_LOCALID"));
        (processes > 1).then_some(Self { variable, processes, local_rank })
    }

    /// Returns the index of this process's CUDA device among the visible ones: its local rank. If
    /// only one device is visible, a scheduler has already assigned it.
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
            let variable = variables.iter().find(|(known, _)| *known == name);
            variable.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn launchers_are_detected_by_variables() {
        let ompi = [("OMPI_COMM_WORLD_SIZE", "8"), ("OMPI_COMM_WORLD_LOCAL_RANK", "3")];
        let slurm = [("SLURM_STEP_NUM_TASKS", "2"), ("SLURM_LOCALID", "1")];
        let launch = launched(&ompi).unwrap();
        assert_eq!((launch.processes, launch.local_rank), (8, Some(3)));
        let launch = launched(&slurm).unwrap();
        assert_eq!((launch.processes, launch.local_rank), (2, Some(1)));
        // mpirun within a Slurm job: its daemons are a step of two, but its processes are eight.
        let launch = launched(&[ompi, slurm].concat()).unwrap();
        assert_eq!((launch.variable, launch.processes), ("OMPI_COMM_WORLD_SIZE", 8));
        assert_eq!(launch.local_rank, Some(3));
    }

    #[test]
    fn single_process_is_not_a_launch() {
        assert_eq!(launched(&[]), None);
        assert_eq!(launched(&[("OMPI_COMM_WORLD_SIZE", "1")]), None);
        assert_eq!(launched(&[("PMI_SIZE", "many")]), None);
        // A batch script: the job has four tasks, but the script is none of them.
        assert_eq!(launched(&[("SLURM_NTASKS", "4"), ("SLURM_LOCALID", "0")]), None);
    }

    #[test]
    fn cuda_device_is_local_rank_unless_one_is_visible() {
        let launch = launched(&[("PMI_SIZE", "4"), ("MPI_LOCALRANKID", "2")]).unwrap();
        assert_eq!(launch.device_among(None), 2);
        assert_eq!(launch.device_among(Some("4,5,6,7")), 2);
        assert_eq!(launch.device_among(Some("6")), 0);
    }
}
