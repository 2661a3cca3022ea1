//! What a container gets when nobody asks for anything else: Docker's defaults, as data.
//!
//! One place for builds and for `run`, so that a program that works in a RUN works in the container too.

mod host_ca;
mod mounts;
mod paths;
mod seccomp;

use std::collections::HashMap;
use std::path::PathBuf;

use oci_spec::runtime::{
    Capability, LinuxBuilder, LinuxCapabilitiesBuilder, LinuxCpuBuilder, LinuxDeviceCgroup,
    LinuxDeviceCgroupBuilder, LinuxDeviceType, LinuxMemoryBuilder, LinuxNamespace,
    LinuxNamespaceBuilder, LinuxNamespaceType, LinuxPidsBuilder, LinuxResources,
    LinuxResourcesBuilder, PosixRlimit, PosixRlimitBuilder, PosixRlimitType, Process,
    ProcessBuilder, RootBuilder, Spec, SpecBuilder, UserBuilder,
};

pub use host_ca::{HOST_CA_PATH, HOST_CA_VARIABLES, NoHostCa, host_ca_bind, host_ca_variables};
pub use mounts::{Bind, Tmpfs};
pub use paths::{masked_paths, readonly_paths};
pub use seccomp::seccomp_profile;

/// The `PATH` of a container whose image sets none.
pub const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The length of the period that a share of the CPU is measured in, in microseconds: the kernel's default.
const CPU_PERIOD_US: u64 = 100_000;

/// The least quota that the kernel takes, in microseconds a period.
const CPU_QUOTA_US_MIN: i64 = 1000;

/// The capabilities that Docker leaves to a container's root.
pub const CAPABILITIES: [Capability; 14] = [
    Capability::Chown,
    Capability::DacOverride,
    Capability::Fsetid,
    Capability::Fowner,
    Capability::Mknod,
    Capability::NetRaw,
    Capability::Setgid,
    Capability::Setuid,
    Capability::Setfcap,
    Capability::Setpcap,
    Capability::NetBindService,
    Capability::SysChroot,
    Capability::Kill,
    Capability::AuditWrite,
];

/// What a caller chooses; [`default_spec`] adds the rest.
#[derive(Clone, Debug)]
pub struct ProcessOptions {
    /// The program and its arguments.
    pub args: Vec<String>,
    /// `NAME=value` each. `PATH`, `HOSTNAME` and `HOME` are added where missing.
    pub env: Vec<String>,
    /// Absolute; made in the container if missing.
    pub cwd: PathBuf,
    /// `USER[:GROUP]` in Docker's form, looked up inside the container; root if absent.
    pub user: Option<String>,
    /// The container's host name.
    pub hostname: String,
    /// Its network.
    pub network: Network,
    /// What it may use.
    pub limits: Limits,
    /// Host files and folders shown inside.
    pub binds: Vec<Bind>,
    /// Folders in memory.
    pub tmpfs: Vec<Tmpfs>,
    /// Whether the root file system is read-only.
    pub read_only_root: bool,
    /// Whether set-user-ID programs inside gain nothing (`sudo` and `su` then don't work for ordinary users).
    pub no_new_privileges: bool,
}

impl Default for ProcessOptions {
    fn default() -> Self {
        Self {
            args: Vec::new(),
            env: Vec::new(),
            cwd: PathBuf::from("/"),
            user: None,
            hostname: "localhost".to_owned(),
            network: Network::None,
            limits: Limits::default(),
            binds: Vec::new(),
            tmpfs: Vec::new(),
            read_only_root: false,
            // As in Docker: a program that uses sudo or su works, in a RUN and in the container.
            no_new_privileges: false,
        }
    }
}

/// A container's network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Network {
    /// A namespace of its own with only the loopback interface.
    #[default]
    None,
    /// The namespace that this file of nsfs means, such as `/proc/PID/fd/N`. Somebody else has put interfaces into it.
    Joined(PathBuf),
    /// The host's.
    Host,
}

/// What a container may use; absent means as much as there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Memory, in bytes. Swap is not given on top.
    pub memory_bytes: Option<u64>,
    /// CPU time, in thousandths of a core.
    pub cpu_milli: Option<u64>,
    /// Processes and threads.
    pub pids: Option<u64>,
}

/// The OCI spec of a container.
///
/// The resolver's files (`/etc/hosts`, `/etc/hostname`, `/etc/resolv.conf`) are the caller's to add as binds.
#[must_use]
pub fn default_spec(options: &ProcessOptions) -> Spec {
    let mut mounts = paths::mounts();
    mounts.extend(mounts::in_order(&options.binds, &options.tmpfs));
    let linux = LinuxBuilder::default()
        .namespaces(namespaces(&options.network))
        .sysctl(network_settings(&options.network))
        .resources(resources(&options.limits))
        .masked_paths(masked_paths())
        .readonly_paths(readonly_paths())
        .seccomp(seccomp_profile())
        .build();
    let root = RootBuilder::default()
        .readonly(options.read_only_root)
        .build();
    let spec = SpecBuilder::default()
        .version("1.2.0")
        .hostname(options.hostname.clone())
        .process(process(options))
        .mounts(mounts);
    spec.linux(linux.expect("every field of the builder has a default"))
        .root(root.expect("every field of the builder has a default"))
        .build()
        .expect("every field of the builder has a default")
}

fn process(options: &ProcessOptions) -> Process {
    let mut env = options.env.clone();
    for (name, value) in [("PATH", DEFAULT_PATH), ("HOSTNAME", &options.hostname)] {
        if !env
            .iter()
            .any(|entry| entry.split('=').next() == Some(name))
        {
            env.push(format!("{name}={value}"));
        }
    }
    let kept = CAPABILITIES
        .into_iter()
        .collect::<std::collections::HashSet<_>>();
    let none = std::collections::HashSet::new();
    // Inheritable stays empty: with it, programs that carry file capabilities would gain what root dropped
    // (CVE-2022-24769). So does ambient. Said outright, because the builder's defaults are not empty.
    let capabilities = LinuxCapabilitiesBuilder::default()
        .bounding(kept.clone())
        .permitted(kept.clone())
        .effective(kept)
        .inheritable(none.clone())
        .ambient(none)
        .build();
    let user = UserBuilder::default();
    let user = match &options.user {
        Some(name) => user.username(name.clone()),
        None => user,
    };
    let mut process = ProcessBuilder::default()
        .args(options.args.clone())
        .env(env)
        .cwd(options.cwd.clone())
        .no_new_privileges(options.no_new_privileges)
        .user(
            user.build()
                .expect("every field of the builder has a default"),
        )
        .capabilities(capabilities.expect("every field of the builder has a default"))
        .build()
        .expect("every field of the builder has a default");
    process.set_rlimits(Some(vec![open_files()]));
    process
}

/// What a service of systemd's gets, and so Docker's containers, whatever the limits of who started this. Programs that
/// use `select` fail beyond 1024, others waste time on closing a million descriptors that aren't open; who needs more
/// raises the soft limit.
fn open_files() -> PosixRlimit {
    PosixRlimitBuilder::default()
        .typ(PosixRlimitType::RlimitNofile)
        .soft(1024_u64)
        .hard(524_288_u64)
        .build()
        .expect("every field of the builder is given")
}

fn namespaces(network: &Network) -> Vec<LinuxNamespace> {
    let named = |typ, path: Option<&PathBuf>| {
        let mut namespace = LinuxNamespaceBuilder::default().typ(typ);
        if let Some(path) = path {
            namespace = namespace.path(path);
        }
        let namespace = namespace.build();
        namespace.expect("every field of the builder has a default")
    };
    let mut namespaces: Vec<_> = [
        LinuxNamespaceType::Mount,
        LinuxNamespaceType::Pid,
        LinuxNamespaceType::Ipc,
        LinuxNamespaceType::Uts,
        LinuxNamespaceType::Cgroup,
    ]
    .into_iter()
    .map(|typ| named(typ, None))
    .collect();
    match network {
        Network::None => namespaces.push(named(LinuxNamespaceType::Network, None)),
        Network::Joined(path) => namespaces.push(named(LinuxNamespaceType::Network, Some(path))),
        Network::Host => {}
    }
    namespaces
}

/// In a network of its own a container may listen on every port and send pings, whoever it runs as: its ports are nobody
/// else's. Docker's, since 20.10.
fn network_settings(network: &Network) -> HashMap<String, String> {
    let settings: &[(&str, &str)] = match network {
        Network::Host => &[],
        Network::None | Network::Joined(_) => &[
            ("net.ipv4.ip_unprivileged_port_start", "0"),
            // Every group that there is: the kernel's largest is 2^31 - 1 here.
            ("net.ipv4.ping_group_range", "0 2147483647"),
        ],
    };
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    settings.iter().map(owned).collect()
}

fn resources(limits: &Limits) -> LinuxResources {
    let mut resources = LinuxResourcesBuilder::default().devices(device_rules());
    if let Some(bytes) = limits.memory_bytes {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        let memory = LinuxMemoryBuilder::default()
            .limit(bytes)
            .swap(bytes)
            .build();
        resources = resources.memory(memory.expect("every field of the builder has a default"));
    }
    if let Some(milli) = limits.cpu_milli {
        let quota = i64::try_from(milli.saturating_mul(CPU_PERIOD_US) / 1000).unwrap_or(i64::MAX);
        let cpu = LinuxCpuBuilder::default()
            .period(CPU_PERIOD_US)
            .quota(quota.max(CPU_QUOTA_US_MIN))
            .build();
        resources = resources.cpu(cpu.expect("every field of the builder has a default"));
    }
    if let Some(pids) = limits.pids {
        let limit = i64::try_from(pids).unwrap_or(i64::MAX);
        let pids = LinuxPidsBuilder::default().limit(limit).build();
        resources = resources.pids(pids.expect("every field of the builder has a default"));
    }
    resources
        .build()
        .expect("every field of the builder has a default")
}

/// Nothing may be opened but the nodes that [`paths::mounts`] puts into `/dev`, and pseudo terminals; nodes of any
/// number may be made, as package managers do, because making one opens nothing.
fn device_rules() -> Vec<LinuxDeviceCgroup> {
    let rule = |allow, typ, major: Option<i64>, minor: Option<i64>, access: &str| {
        let mut rule = LinuxDeviceCgroupBuilder::default()
            .allow(allow)
            .access(access);
        if let Some(typ) = typ {
            rule = rule.typ(typ);
        }
        if let Some(major) = major {
            rule = rule.major(major);
        }
        if let Some(minor) = minor {
            rule = rule.minor(minor);
        }
        rule.build()
            .expect("every field of the builder has a default")
    };
    let char = Some(LinuxDeviceType::C);
    let mut rules = vec![
        rule(false, None, None, None, "rwm"),
        rule(true, char, None, None, "m"),
        rule(true, Some(LinuxDeviceType::B), None, None, "m"),
    ];
    // null, zero, full, random, urandom, tty; then ptmx and the pseudo terminals behind it.
    for (major, minor) in [(1, 3), (1, 5), (1, 7), (1, 8), (1, 9), (5, 0), (5, 2)] {
        rules.push(rule(true, char, Some(major), Some(minor), "rwm"));
    }
    rules.push(rule(true, char, Some(136), None, "rwm"));
    rules
}
