//! The file systems of a container that don't come from its image, and what of them is hidden or read-only.

use std::fs;
use std::path::Path;

use oci_spec::runtime::{Mount, MountBuilder};

/// Where the kernel shows the processors.
const PROCESSORS: &str = "/sys/devices/system/cpu";

/// What tells too much about the host, or would let a container disturb it. Docker's list: `/proc/interrupts`, the
/// power meters and the processors' thermal throttle counters tell keystrokes and neighbours' work by their timing.
#[must_use]
pub fn masked_paths() -> Vec<String> {
    let mut paths = [
        "/proc/acpi",
        "/proc/asound",
        "/proc/interrupts",
        "/proc/kcore",
        "/proc/keys",
        "/proc/latency_stats",
        "/proc/sched_debug",
        "/proc/scsi",
        "/proc/timer_list",
        "/proc/timer_stats",
        "/sys/devices/virtual/powercap",
        "/sys/firmware",
    ]
    .map(str::to_owned)
    .to_vec();
    paths.extend(throttle_counters(Path::new(PROCESSORS)));
    paths
}

/// `cpu0/thermal_throttle` and its like, as this host has them. A virtual machine has none, and no mount is made for one.
fn throttle_counters(processors: &Path) -> Vec<String> {
    let Ok(folders) = fs::read_dir(processors) else {
        return Vec::new();
    };
    let names = folders.filter_map(|folder| folder.ok()?.file_name().into_string().ok());
    let is_processor = |name: &String| {
        name.strip_prefix("cpu")
            .is_some_and(|number| number.parse::<u32>().is_ok())
    };
    names
        .filter(is_processor)
        .map(|name| processors.join(name).join("thermal_throttle"))
        .filter(|path| path.is_dir())
        .map(|path| path.display().to_string())
        .collect()
}

/// What a container may look at but not change: kernel settings that are the whole host's.
#[must_use]
pub fn readonly_paths() -> Vec<String> {
    [
        "/proc/bus",
        "/proc/fs",
        "/proc/irq",
        "/proc/sys",
        "/proc/sysrq-trigger",
    ]
    .map(str::to_owned)
    .to_vec()
}

/// The kernel's file systems. The nodes in `/dev` are not listed: every `/dev` gets them.
pub(super) fn mounts() -> Vec<Mount> {
    vec![
        mount("/proc", "proc", &["nosuid", "noexec", "nodev"]),
        // nodev, because the six device nodes are mounts of their own: what a container makes here with mknod can't
        // be opened, whether or not the kernel has a device controller.
        mount(
            "/dev",
            "tmpfs",
            &["nosuid", "nodev", "strictatime", "mode=755", "size=65536k"],
        ),
        mount(
            "/dev/pts",
            "devpts",
            &[
                "nosuid",
                "noexec",
                "newinstance",
                "ptmxmode=0666",
                "mode=0620",
                "gid=5",
            ],
        ),
        mount(
            "/dev/shm",
            "tmpfs",
            &["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"],
        ),
        mount("/dev/mqueue", "mqueue", &["nosuid", "noexec", "nodev"]),
        mount("/sys", "sysfs", &["nosuid", "noexec", "nodev", "ro"]),
        // Whichever version the host has; in the specification's words.
        mount(
            "/sys/fs/cgroup",
            "cgroup",
            &["nosuid", "noexec", "nodev", "ro"],
        ),
    ]
}

fn mount(destination: &str, typ: &str, options: &[&str]) -> Mount {
    MountBuilder::default()
        .destination(destination)
        .source(typ)
        .typ(typ)
        .options(
            options
                .iter()
                .map(|option| (*option).to_owned())
                .collect::<Vec<_>>(),
        )
        .build()
        .expect("a destination is all that a mount must have")
}

#[cfg(test)]
mod tests {
    use super::throttle_counters;

    #[test]
    fn finds_the_throttle_counters_of_every_processor_that_has_them() {
        let folder = tempfile::TempDir::new().unwrap();
        for path in [
            "cpu0/thermal_throttle",
            "cpu11/thermal_throttle",
            "cpu2",
            "cpufreq/thermal_throttle",
        ] {
            std::fs::create_dir_all(folder.path().join(path)).unwrap();
        }
        let mut found = throttle_counters(folder.path());
        found.sort();
        let expected = ["cpu0", "cpu11"].map(|cpu| {
            let path = folder.path().join(cpu).join("thermal_throttle");
            path.display().to_string()
        });
        assert_eq!(found, expected);
        assert!(throttle_counters(&folder.path().join("none")).is_empty());
    }
}
