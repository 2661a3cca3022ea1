//! What `estiva-runtime` is told: a spec, read and checked by its spawner, and reduced to what there is to do.
//!
//! The program that stays beside every container must be small, and the reading of OCI's documents is not: so the
//! spawner does it, and refuses there what this runtime doesn't do; and it compiles the seccomp filter. An order is
//! JSON between two programs that were built together.

use std::collections::HashMap;
use std::path::PathBuf;

use oci_spec::runtime::{
    LinuxDeviceCgroup, LinuxDeviceType, LinuxNamespace, LinuxNamespaceType, LinuxResources,
    LinuxSeccomp, Process, Spec,
};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::capabilities::Capabilities;
use crate::seccomp::{self, SeccompError};
use crate::spec::{CgroupPath, ExecSpec, Mode, MonitorSpec, Rootfs, TerminalSize};

/// Why a spec can't be carried out.
#[derive(Debug, Error)]
pub(crate) enum OrderError {
    #[error("expected a spec with {0}")]
    Incomplete(&'static str),
    #[error("expected a spec without {0}, which this runtime doesn't do")]
    NotDone(&'static str),
    #[error(transparent)]
    Seccomp(#[from] SeccompError),
}

/// Start a container or step, and stay with it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct MonitorOrder {
    pub(crate) container: Container,
    pub(crate) program: Program,
    pub(crate) rootfs: Rootfs,
    pub(crate) cgroup: CgroupPath,
    pub(crate) state_dir: PathBuf,
    pub(crate) mode: Mode,
    /// A client that holds the container is on its way: no output may be lost before it comes.
    pub(crate) awaits_client: bool,
    /// Standard input stays open for clients to write to.
    pub(crate) interactive: bool,
}

/// Start a program in a running container.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ExecOrder {
    pub(crate) id: String,
    pub(crate) init_pid: i32,
    pub(crate) init_start_ticks: u64,
    pub(crate) program: Program,
    pub(crate) cgroup: CgroupPath,
    /// Standard input stays open for clients to write to.
    pub(crate) interactive: bool,
    /// Where its monitor keeps its files, where it has one: it then outlives its spawner.
    pub(crate) state_dir: Option<PathBuf>,
}

/// What a container is, beside its program.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Container {
    pub(crate) hostname: Option<String>,
    /// `CLONE_NEW*`: those that are made for it.
    pub(crate) namespaces: u64,
    /// The network namespace that it joins instead of a new one: a file of nsfs, such as `/proc/PID/fd/N`.
    pub(crate) joined_network: Option<PathBuf>,
    /// Settings of its own network namespace: their path below `/proc/sys`, and their value.
    pub(crate) network_settings: Vec<(PathBuf, String)>,
    pub(crate) mounts: Vec<Mount>,
    pub(crate) masked_paths: Vec<PathBuf>,
    pub(crate) readonly_paths: Vec<PathBuf>,
    pub(crate) readonly_root: bool,
    pub(crate) oom_score: Option<i32>,
    pub(crate) resources: Resources,
}

/// One mount, with OCI's words.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Mount {
    pub(crate) destination: PathBuf,
    pub(crate) kind: String,
    pub(crate) source: Option<PathBuf>,
    pub(crate) options: Vec<String>,
}

/// What a container may use, in OCI's units: bytes, microseconds.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Resources {
    pub(crate) memory: Option<i64>,
    pub(crate) memory_and_swap: Option<i64>,
    pub(crate) cpu_shares: Option<u64>,
    pub(crate) cpu_quota: Option<i64>,
    pub(crate) cpu_period: Option<u64>,
    pub(crate) pids: Option<i64>,
    /// In the words of the v1 controller; whether to allow, and what.
    pub(crate) devices: Vec<(bool, String)>,
}

/// What is executed, as whom, with which rights.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Program {
    pub(crate) args: Vec<String>,
    pub(crate) env: Vec<String>,
    pub(crate) cwd: PathBuf,
    /// `USER[:GROUP]`, to be looked up inside.
    pub(crate) user: String,
    pub(crate) further_groups: Vec<u32>,
    pub(crate) capabilities: Capabilities,
    pub(crate) no_new_privileges: bool,
    pub(crate) limits: Vec<Limit>,
    /// The size at first of the terminal that its standard streams are, where they are one.
    pub(crate) terminal: Option<TerminalSize>,
    /// Instructions as code, two jumps, and operand.
    pub(crate) seccomp: Option<Vec<(u16, u8, u8, u32)>>,
}

/// One `RLIMIT_*`.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Limit {
    pub(crate) name: String,
    pub(crate) soft: u64,
    pub(crate) hard: u64,
}

impl MonitorOrder {
    /// Reads a spec. Refuses what it asks for and this runtime doesn't do: a container must not run with less than
    /// was asked for.
    pub(crate) fn read(asked: &MonitorSpec) -> Result<Self, OrderError> {
        let spec = &asked.spec;
        let process = spec
            .process()
            .as_ref()
            .ok_or(OrderError::Incomplete("a process"))?;
        let seccomp = spec
            .linux()
            .as_ref()
            .and_then(|linux| linux.seccomp().as_ref());
        if asked.mode == Mode::Step {
            // It has no monitor's socket to be typed into.
            refuse(process.terminal() == Some(true), "a step's terminal")?;
            refuse(asked.interactive, "a step's standard input")?;
        }
        Ok(Self {
            container: Container::read(spec, process)?,
            program: Program::read(process, seccomp)?,
            rootfs: asked.rootfs.clone(),
            cgroup: asked.cgroup.clone(),
            state_dir: asked.state_dir.clone(),
            mode: asked.mode,
            awaits_client: false,
            interactive: asked.interactive,
        })
    }
}

impl ExecOrder {
    /// Reads what an exec asks for, with the same care.
    pub(crate) fn read(asked: &ExecSpec, state_dir: Option<PathBuf>) -> Result<Self, OrderError> {
        if state_dir.is_none() {
            refuse(
                asked.process.terminal() == Some(true),
                "a terminal without a monitor",
            )?;
            refuse(asked.interactive, "a standard input without a monitor")?;
        }
        Ok(Self {
            id: asked.id.clone(),
            init_pid: asked.init_pid,
            init_start_ticks: asked.init_start_ticks,
            program: Program::read(&asked.process, asked.seccomp.as_ref())?,
            cgroup: asked.cgroup.clone(),
            interactive: asked.interactive,
            state_dir,
        })
    }
}

impl Container {
    fn read(spec: &Spec, process: &Process) -> Result<Self, OrderError> {
        let linux = spec
            .linux()
            .as_ref()
            .ok_or(OrderError::Incomplete("a linux section"))?;
        let namespaces = linux.namespaces().as_deref().unwrap_or_default();
        refuse(spec.hooks().is_some(), "hooks")?;
        refuse(linux.uid_mappings().is_some(), "a user namespace")?;
        refuse(
            linux
                .devices()
                .as_ref()
                .is_some_and(|devices| !devices.is_empty()),
            "further devices",
        )?;
        refuse(linux.intel_rdt().is_some(), "Intel RDT")?;
        let joined_network = joined_network(namespaces)?;
        let namespaces = namespaces
            .iter()
            .filter(|namespace| namespace.path().is_none())
            .fold(0, |flags, namespace| flags | namespace.typ() as u64);
        let has = |typ| namespaces & typ as u64 != 0;
        let own_network = has(LinuxNamespaceType::Network) || joined_network.is_some();
        refuse(has(LinuxNamespaceType::User), "a user namespace")?;
        refuse(has(LinuxNamespaceType::Time), "a time namespace")?;
        // Without them, pivoting would change the host, and the end of the first process would not end the rest.
        for (typ, name) in [
            (LinuxNamespaceType::Mount, "a mount namespace"),
            (LinuxNamespaceType::Pid, "a pid namespace"),
        ] {
            if !has(typ) {
                return Err(OrderError::Incomplete(name));
            }
        }
        let paths =
            |paths: &Option<Vec<String>>| paths.iter().flatten().map(PathBuf::from).collect();
        Ok(Self {
            hostname: spec.hostname().clone(),
            namespaces,
            joined_network,
            network_settings: network_settings(linux.sysctl().as_ref(), own_network)?,
            mounts: spec.mounts().iter().flatten().map(Mount::read).collect(),
            masked_paths: paths(linux.masked_paths()),
            readonly_paths: paths(linux.readonly_paths()),
            readonly_root: spec
                .root()
                .as_ref()
                .and_then(oci_spec::runtime::Root::readonly)
                == Some(true),
            oom_score: process.oom_score_adj(),
            resources: linux
                .resources()
                .as_ref()
                .map(Resources::read)
                .unwrap_or_default(),
        })
    }

    /// Whether a namespace of this kind (`CLONE_NEW*`) is made for it.
    pub(crate) fn has(&self, namespace: i32) -> bool {
        self.namespaces & u64::from(namespace.cast_unsigned()) != 0
    }

    /// Whether its network is not the host's.
    pub(crate) fn has_own_network(&self) -> bool {
        self.has(libc::CLONE_NEWNET) || self.joined_network.is_some()
    }
}

/// The network namespace to join, where one is named. Those of other kinds are made with the container or not at all.
fn joined_network(namespaces: &[LinuxNamespace]) -> Result<Option<PathBuf>, OrderError> {
    let mut joined = None;
    for namespace in namespaces {
        match (namespace.typ(), namespace.path()) {
            (_, None) => {}
            (LinuxNamespaceType::Network, Some(path)) => joined = Some(path.clone()),
            (_, Some(_)) => {
                return Err(OrderError::NotDone("namespaces to join, but a network's"));
            }
        }
    }
    Ok(joined)
}

/// The settings that belong to a network namespace. Any other would be the host's, and so would these without one.
fn network_settings(
    settings: Option<&HashMap<String, String>>,
    own_network: bool,
) -> Result<Vec<(PathBuf, String)>, OrderError> {
    let mut read = Vec::new();
    for (name, value) in settings.into_iter().flatten() {
        let parts: Vec<&str> = name.split('.').collect();
        let plain = |part: &&str| {
            let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
            !part.is_empty() && part.bytes().all(letter)
        };
        if parts.first() != Some(&"net") || !parts.iter().all(plain) {
            return Err(OrderError::NotDone("sysctl settings, but the network's"));
        }
        refuse(
            !own_network,
            "sysctl settings of a network that is the host's",
        )?;
        read.push((parts.iter().collect(), value.clone()));
    }
    read.sort();
    Ok(read)
}

impl Mount {
    fn read(mount: &oci_spec::runtime::Mount) -> Self {
        Self {
            destination: mount.destination().clone(),
            kind: mount.typ().clone().unwrap_or_default(),
            source: mount.source().clone(),
            options: mount.options().clone().unwrap_or_default(),
        }
    }
}

impl Resources {
    fn read(resources: &LinuxResources) -> Self {
        let (memory, cpu) = (resources.memory().as_ref(), resources.cpu().as_ref());
        Self {
            memory: memory
                .and_then(|memory| memory.limit())
                .filter(|limit| *limit > 0),
            memory_and_swap: memory.and_then(|memory| memory.swap()),
            cpu_shares: cpu
                .and_then(|cpu| cpu.shares())
                .filter(|shares| *shares > 0),
            cpu_quota: cpu.and_then(|cpu| cpu.quota()),
            cpu_period: cpu.and_then(|cpu| cpu.period()),
            pids: resources.pids().as_ref().map(|pids| pids.limit()),
            devices: resources
                .devices()
                .iter()
                .flatten()
                .map(device_rule)
                .collect(),
        }
    }
}

impl Program {
    fn read(process: &Process, seccomp: Option<&LinuxSeccomp>) -> Result<Self, OrderError> {
        refuse(process.apparmor_profile().is_some(), "an AppArmor profile")?;
        refuse(process.selinux_label().is_some(), "an SELinux label")?;
        let user = process.user();
        let filter = seccomp.map(seccomp::compile).transpose()?;
        let limits = process.rlimits().iter().flatten();
        Ok(Self {
            args: process.args().clone().unwrap_or_default(),
            env: process.env().clone().unwrap_or_default(),
            cwd: process.cwd().clone(),
            user: match user.username() {
                Some(name) => name.clone(),
                None if user.gid() == 0 => user.uid().to_string(),
                None => format!("{}:{}", user.uid(), user.gid()),
            },
            further_groups: user.additional_gids().clone().unwrap_or_default(),
            capabilities: Capabilities::from_spec(process.capabilities().as_ref()),
            no_new_privileges: process.no_new_privileges() == Some(true),
            terminal: (process.terminal() == Some(true)).then(|| terminal_size(process)),
            limits: limits
                .map(|limit| Limit {
                    name: limit.typ().to_string(),
                    soft: limit.soft(),
                    hard: limit.hard(),
                })
                .collect(),
            seccomp: filter.map(|filter| {
                filter
                    .iter()
                    .map(|step| (step.code, step.jt, step.jf, step.k))
                    .collect()
            }),
        })
    }
}

/// The size that the spec asks for; a number that no terminal has is taken for none.
fn terminal_size(process: &Process) -> TerminalSize {
    let asked = process.console_size().as_ref().and_then(|size| {
        Some(TerminalSize {
            rows: u16::try_from(size.height()).ok()?,
            columns: u16::try_from(size.width()).ok()?,
        })
    });
    asked.unwrap_or_default()
}

fn refuse(asked: bool, what: &'static str) -> Result<(), OrderError> {
    if asked {
        Err(OrderError::NotDone(what))
    } else {
        Ok(())
    }
}

fn device_rule(rule: &LinuxDeviceCgroup) -> (bool, String) {
    let number =
        |number: Option<i64>| number.map_or_else(|| "*".to_owned(), |number| number.to_string());
    let access = rule.access().as_deref().unwrap_or("rwm");
    let kind = match rule.typ().unwrap_or_default() {
        // The kernel takes the one letter for "every device", and reads nothing after it.
        LinuxDeviceType::A | LinuxDeviceType::P => return (rule.allow(), "a".to_owned()),
        LinuxDeviceType::B => "b",
        LinuxDeviceType::C | LinuxDeviceType::U => "c",
    };
    (
        rule.allow(),
        format!(
            "{kind} {}:{} {access}",
            number(rule.major()),
            number(rule.minor())
        ),
    )
}
