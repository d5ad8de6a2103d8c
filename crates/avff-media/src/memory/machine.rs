//! How much memory the machine has.
//!
//! Linux says it in `/proc/meminfo`, and the limit of a container in the files of control groups.
//! Other systems say it only through their C libraries, which this crate does not call.

use std::path::{Path, PathBuf};

/// The memory of a machine that does not say it.
const UNKNOWN: u64 = 8 << 30;
/// The limit on bytes of a file of the system.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// Returns half of the memory of the machine, or of the control group where that has a lower limit.
pub(super) fn half() -> u64 {
    let read = |path: &Path| avff_files::read_text(path, MAX_FILE_BYTES).ok();
    memory(read).unwrap_or(UNKNOWN) / 2
}

/// Returns the memory in bytes; `None` where the system does not say it.
fn memory(read: impl Fn(&Path) -> Option<String>) -> Option<u64> {
    let machine = read(Path::new("/proc/meminfo")).and_then(|text| total(&text));
    let groups = read(Path::new("/proc/self/cgroup")).unwrap_or_default();
    let limits = group_files(&groups);
    let limits = limits.iter().filter_map(|path| read(path)?.trim().parse().ok());
    limits.chain(machine).min()
}

/// Reads `MemTotal`, which is in KiB.
fn total(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// Returns the files with the limits of the groups in `/proc/self/cgroup` and of the groups that hold
/// them. In a container, the group's own files are often at the root.
fn group_files(groups: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for line in groups.lines() {
        let mut fields = line.splitn(3, ':');
        let (Some(_), Some(controllers), Some(path)) =
            (fields.next(), fields.next(), fields.next())
        else {
            continue;
        };
        let (root, file) = match controllers {
            "" => ("/sys/fs/cgroup", "memory.max"),
            _ if controllers.split(',').any(|one| one == "memory") => {
                ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
            }
            _ => continue,
        };
        // No way up out of the root.
        let path = Path::new(path.trim_start_matches('/'));
        files.extend(path.ancestors().map(|group| Path::new(root).join(group).join(file)));
    }
    files
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    /// The memory of a machine with these files.
    fn of(files: &[(&str, &str)]) -> Option<u64> {
        memory(|path| {
            let file = files.iter().find(|(name, _)| path == Path::new(name))?;
            Some(file.1.to_owned())
        })
    }

    const MEMINFO: (&str, &str) =
        ("/proc/meminfo", "MemTotal:       16384 kB\nMemFree:         1000 kB\n");

    #[test]
    fn the_lowest_limit_counts() {
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[MEMINFO]), Some(16 << 20));
        let unlimited = ("/sys/fs/cgroup/memory.max", "max\n");
        let group = ("/proc/self/cgroup", "0::/jobs/one\n");
        assert_eq!(of(&[MEMINFO, group, unlimited]), Some(16 << 20));
        let outer = ("/sys/fs/cgroup/jobs/memory.max", "4096\n");
        let inner = ("/sys/fs/cgroup/jobs/one/memory.max", "8192\n");
        assert_eq!(of(&[MEMINFO, group, unlimited, inner]), Some(8192));
        assert_eq!(of(&[MEMINFO, group, unlimited, inner, outer]), Some(4096));
        let first = [
            MEMINFO,
            ("/proc/self/cgroup", "5:cpu,cpuacct:/a\n4:memory:/docker/b\n"),
            ("/sys/fs/cgroup/memory/docker/b/memory.limit_in_bytes", "1000\n"),
        ];
        assert_eq!(of(&first), Some(1000));
    }

    #[test]
    fn this_machine_has_memory() {
        assert!(half() >= 64 << 20, "{}", half());
    }
}
