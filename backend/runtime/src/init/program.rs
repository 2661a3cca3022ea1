//! The last part of a start, the same for a container's first process and for an exec: becoming the program, as the
//! user and with the rights that it shall have.

use std::convert::Infallible;
use std::ffi::{CStr, CString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{Gid, Mode, OFlags, Uid, fchown, fstat, fstatfs};
use rustix::process::{
    Resource, Rlimit, Signal, getrlimit, set_parent_process_death_signal, setrlimit,
};
use rustix::stdio;
use rustix::thread::{
    set_keep_capabilities, set_no_new_privs, set_thread_groups, set_thread_res_gid,
    set_thread_res_uid,
};

use super::InitError;
use super::terminal::DEVPTS_MAGIC;
use crate::defaults::DEFAULT_PATH;
use crate::order::{Limit, Program};
use crate::sys::{self, Instruction};
use crate::user;

/// What `statfs` calls the file system of the pipes without a name; from `linux/magic.h`.
const PIPEFS_MAGIC: i64 = 0x5049_5045;

/// Who the program runs as.
#[derive(Debug)]
pub(crate) struct Identity {
    uid: u32,
    gid: u32,
    groups: Vec<u32>,
    home: String,
}

impl Identity {
    /// Looks the user up in the files of the root that this process has.
    pub(crate) fn of(program: &Program) -> Result<Self, InitError> {
        let root = rustix::fs::open("/", OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).map_err(
            |source| user::UserError::Read {
                path: "/",
                source: source.into(),
            },
        )?;
        let user::ResolvedUser {
            uid,
            gid,
            mut groups,
            home,
        } = user::resolve(root, &program.user)?;
        groups.extend(&program.further_groups);
        Ok(Self {
            uid,
            gid,
            groups,
            home,
        })
    }
}

/// Takes the rights away and becomes the program. Returns only if that fails.
///
/// `to_monitor` is the writing end of a pipe whose reading end the monitor alone has: the process ends with it.
pub(crate) fn become_program(
    program: &Program,
    identity: &Identity,
    to_monitor: &File,
) -> Result<Infallible, InitError> {
    let command = Command::of(program, identity)?;
    let instruction = |&(code, jt, jf, k)| Instruction { code, jt, jf, k };
    let filter: Option<Vec<_>> = program
        .seccomp
        .as_ref()
        .map(|filter| filter.iter().map(instruction).collect());

    lower_limits(&program.limits)?;
    // While this process may: it is not its pipes' owner afterwards.
    give_streams_to(identity)?;
    // Without no_new_privs a filter takes CAP_SYS_ADMIN to load, so it has to come before that is dropped.
    if let (Some(filter), false) = (&filter, program.no_new_privileges) {
        sys::load_seccomp_filter(filter).map_err(InitError::LoadSeccomp)?;
    }
    // While this process may: CAP_SETPCAP is not kept by all.
    program
        .capabilities
        .drop_bounding()
        .map_err(InitError::Capabilities)?;
    set_user(identity)?;
    program
        .capabilities
        .apply()
        .map_err(InitError::Capabilities)?;
    if program.no_new_privileges {
        set_no_new_privs(true).map_err(|source| InitError::NoNewPrivileges(source.into()))?;
    }
    // Not earlier: the kernel forgets it at a change of user.
    end_with_monitor(to_monitor)?;
    // Last, so that the filter need not allow what the steps before it do.
    if let (Some(filter), true) = (&filter, program.no_new_privileges) {
        sys::load_seccomp_filter(filter).map_err(InitError::LoadSeccomp)?;
    }
    Err(command.execute())
}

/// Sets limits, but never above what this process may: where its own hard limit is lower (CAP_SYS_RESOURCE is
/// missing on many hosts), that is what the container gets.
fn lower_limits(limits: &[Limit]) -> Result<(), InitError> {
    for limit in limits {
        let name = &limit.name;
        let failed = |source| InitError::Rlimit {
            name: name.clone(),
            source,
        };
        let resource = resource(name).ok_or_else(|| {
            failed(io::Error::new(
                io::ErrorKind::InvalidInput,
                "there is no such limit",
            ))
        })?;
        let highest = getrlimit(resource).maximum.unwrap_or(u64::MAX);
        let (soft, hard) = (limit.soft.min(highest), limit.hard.min(highest));
        let given = |value| if value == u64::MAX { None } else { Some(value) };
        let lowered = Rlimit {
            current: given(soft.min(hard)),
            maximum: given(hard),
        };
        setrlimit(resource, lowered).map_err(|error| failed(error.into()))?;
    }
    Ok(())
}

fn resource(name: &str) -> Option<Resource> {
    Some(match name {
        "RLIMIT_AS" => Resource::As,
        "RLIMIT_CORE" => Resource::Core,
        "RLIMIT_CPU" => Resource::Cpu,
        "RLIMIT_DATA" => Resource::Data,
        "RLIMIT_FSIZE" => Resource::Fsize,
        "RLIMIT_LOCKS" => Resource::Locks,
        "RLIMIT_MEMLOCK" => Resource::Memlock,
        "RLIMIT_MSGQUEUE" => Resource::Msgqueue,
        "RLIMIT_NICE" => Resource::Nice,
        "RLIMIT_NOFILE" => Resource::Nofile,
        "RLIMIT_NPROC" => Resource::Nproc,
        "RLIMIT_RSS" => Resource::Rss,
        "RLIMIT_RTPRIO" => Resource::Rtprio,
        "RLIMIT_RTTIME" => Resource::Rttime,
        "RLIMIT_SIGPENDING" => Resource::Sigpending,
        "RLIMIT_STACK" => Resource::Stack,
        _ => return None,
    })
}

/// Makes the user the owner of the pipes or the terminal that are its standard descriptors. They are root's and 0600: it
/// could write to them, but not open `/dev/stdout`. Pipes that have a name, files and other devices are somebody's, and
/// stay so. The terminal's group stays too: `tty`, who may write to it by `mesg y`.
fn give_streams_to(identity: &Identity) -> Result<(), InitError> {
    let give = |descriptor: BorrowedFd<'_>| -> rustix::io::Result<()> {
        let is_owner = fstat(descriptor)?.st_uid == identity.uid;
        let is_ours = [PIPEFS_MAGIC, DEVPTS_MAGIC].contains(&fstatfs(descriptor)?.f_type);
        if is_owner || !is_ours {
            return Ok(());
        }
        fchown(descriptor, Some(Uid::from_raw(identity.uid)), None)
    };
    let all = [stdio::stdin(), stdio::stdout(), stdio::stderr()];
    all.into_iter()
        .try_for_each(give)
        .map_err(|source| InitError::Stdio(source.into()))
}

fn set_user(identity: &Identity) -> Result<(), InitError> {
    let set = || -> rustix::io::Result<()> {
        // So that the permitted set outlives the change of user, and is then set to exactly what the spec says.
        set_keep_capabilities(true)?;
        let groups: Vec<_> = identity
            .groups
            .iter()
            .map(|gid| Gid::from_raw(*gid))
            .collect();
        // Groups first: an ordinary user may no longer set them.
        set_thread_groups(&groups)?;
        let (gid, uid) = (Gid::from_raw(identity.gid), Uid::from_raw(identity.uid));
        set_thread_res_gid(gid, gid, gid)?;
        set_thread_res_uid(uid, uid, uid)?;
        set_keep_capabilities(false)
    };
    let (uid, gid) = (identity.uid, identity.gid);
    set().map_err(|source| InitError::SetUser {
        uid,
        gid,
        source: source.into(),
    })
}

/// Asks the kernel for SIGKILL when the monitor dies, and makes sure that it has not died before.
fn end_with_monitor(to_monitor: &File) -> Result<(), InitError> {
    set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(|source| InitError::ParentDeathSignal(source.into()))?;
    let mut pipe = [PollFd::from_borrowed_fd(to_monitor.as_fd(), PollFlags::OUT)];
    let now = rustix::time::Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    poll(&mut pipe, Some(&now)).map_err(|source| InitError::ParentDeathSignal(source.into()))?;
    if pipe[0].revents().contains(PollFlags::ERR) {
        Err(InitError::MonitorGone)
    } else {
        Ok(())
    }
}

/// A program with its arguments and environment, as the kernel takes them.
struct Command {
    program: String,
    candidates: Vec<CString>,
    arguments: Vec<CString>,
    environment: Vec<CString>,
}

impl Command {
    fn of(order: &Program, identity: &Identity) -> Result<Self, InitError> {
        let arguments = &order.args;
        let program = arguments
            .first()
            .filter(|program| !program.is_empty())
            .ok_or(InitError::NoProgram)?;
        let mut environment = order.env.clone();
        let value = |name: &str| {
            environment
                .iter()
                .rev()
                .find_map(|entry| entry.strip_prefix(name)?.strip_prefix('='))
        };
        let path = value("PATH").unwrap_or(DEFAULT_PATH);
        let candidates = if program.contains('/') {
            vec![program.clone()]
        } else {
            let folders = path
                .split(':')
                .map(|folder| if folder.is_empty() { "." } else { folder });
            folders
                .map(|folder| format!("{folder}/{program}"))
                .collect()
        };
        if value("HOME").is_none() {
            environment.push(format!("HOME={}", identity.home));
        }
        Ok(Self {
            program: program.clone(),
            candidates: c_strings(&candidates, "the program's path")?,
            arguments: c_strings(arguments, "the program's arguments")?,
            environment: c_strings(&environment, "the environment")?,
        })
    }

    /// Tries each candidate, as `execvp` does: what is missing leads on, what is refused is remembered.
    fn execute(self) -> InitError {
        let arguments: Vec<&CStr> = self.arguments.iter().map(CString::as_c_str).collect();
        let environment: Vec<&CStr> = self.environment.iter().map(CString::as_c_str).collect();
        let program = self.program;
        let mut refused = None;
        for candidate in &self.candidates {
            let error = sys::execute(candidate, &arguments, &environment);
            match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
                    if rustix::fs::stat(candidate).is_ok() {
                        return InitError::NoInterpreter { program };
                    }
                }
                io::ErrorKind::PermissionDenied => refused = Some(error),
                _ => {
                    return InitError::Execute {
                        program,
                        source: error,
                    };
                }
            }
        }
        match refused {
            Some(source) => InitError::Execute { program, source },
            None if program.contains('/') => InitError::NoSuchFile { program },
            None => InitError::NotInPath { program },
        }
    }
}

fn c_strings(texts: &[String], what: &'static str) -> Result<Vec<CString>, InitError> {
    texts
        .iter()
        .map(|text| CString::new(text.as_bytes()).map_err(|_| InitError::NulByte(what)))
        .collect()
}
