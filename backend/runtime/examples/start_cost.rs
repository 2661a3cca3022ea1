//! Measures what a start costs: `/bin/true` as a build step, back to back and after 100 ms of quiet, and the memory of
//! an idle container's monitor.
//!
//! `start_cost PROGRAM [STARTS]`, as root, where PROGRAM is `estiva-runtime` as it is shipped.
#![allow(clippy::print_stdout, reason = "its output is what it is for")]

use std::error::Error;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, Instant};

use estiva_runtime::defaults::{ProcessOptions, default_spec};
use estiva_runtime::monitor::client::MonitorClient;
use estiva_runtime::{
    CgroupPath, Mode, MonitorSpec, OverlayRootfs, Rootfs, RuntimeBinary, reap_monitors,
    spawn_container, spawn_step,
};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let program = arguments
        .next()
        .ok_or("expected the path of estiva-runtime")?;
    let starts = arguments.next().map_or(Ok(50), |text| text.parse())?;
    let runtime = RuntimeBinary::at(Path::new(&program))?;
    let folder = tempfile::TempDir::new()?;
    let image = folder.path().join("base/0/bin");
    fs::create_dir_all(&image)?;
    fs::copy("/bin/busybox", image.join("busybox"))?;
    for applet in ["true", "sleep"] {
        symlink("busybox", image.join(applet))?;
    }
    for (name, gap) in [
        ("back to back", Duration::ZERO),
        ("after 100 ms", Duration::from_millis(100)),
    ] {
        let mut times = Vec::new();
        for number in 0..starts {
            let spec = spec(
                folder.path(),
                &format!("{number}-{}", gap.as_millis()),
                Mode::Step,
                &["true"],
            )?;
            std::thread::sleep(gap);
            let began = Instant::now();
            let step = spawn_step(&runtime, &spec)?;
            let started = began.elapsed();
            step.wait()?;
            times.push((began.elapsed(), started));
        }
        times.sort();
        let (whole, started) = times[times.len() / 2];
        println!(
            "{name}: median {whole:?} from start to end, {started:?} of it to the program's exec; best {:?}",
            times[0].0
        );
    }
    idle_monitors(&runtime, folder.path())
}

/// Several, because what they share (the program's pages) would look private with one.
fn idle_monitors(runtime: &RuntimeBinary, folder: &Path) -> Result<(), Box<dyn Error>> {
    let specs = ["a", "b", "c", "d"].map(|id| spec(folder, id, Mode::Container, &["sleep", "100"]));
    let specs = specs.into_iter().collect::<Result<Vec<_>, _>>()?;
    let mut monitor = 0;
    for spec in &specs {
        monitor = spawn_container(runtime, spec)?.monitor_pid;
    }
    std::thread::sleep(Duration::from_millis(100));
    let rollup = fs::read_to_string(format!("/proc/{monitor}/smaps_rollup"))?;
    for line in rollup.lines().filter(|line| {
        ["Rss", "Pss:", "Private_D"]
            .iter()
            .any(|name| line.starts_with(name))
    }) {
        println!("monitor {line}");
    }
    for spec in &specs {
        MonitorClient::connect(&spec.state_dir)?.kill(9)?;
        while MonitorClient::connect(&spec.state_dir).is_ok() {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    reap_monitors();
    Ok(())
}

fn spec(folder: &Path, id: &str, mode: Mode, args: &[&str]) -> Result<MonitorSpec, Box<dyn Error>> {
    let place = folder.join(id);
    for name in ["upper", "work", "rootfs"] {
        fs::create_dir_all(place.join(name))?;
    }
    let args = args.iter().map(|arg| (*arg).to_owned()).collect();
    let world = format!("cost-{}", std::process::id());
    Ok(MonitorSpec {
        id: id.to_owned(),
        spec: default_spec(&ProcessOptions {
            args,
            ..ProcessOptions::default()
        }),
        rootfs: Rootfs::Overlay(OverlayRootfs {
            base: folder.join("base"),
            lowers: vec!["0".to_owned()],
            upper: place.join("upper"),
            work: place.join("work"),
            mountpoint: place.join("rootfs"),
            volatile: true,
        }),
        cgroup: CgroupPath {
            world,
            id: id.to_owned(),
        },
        state_dir: place,
        mode,
        interactive: false,
    })
}
