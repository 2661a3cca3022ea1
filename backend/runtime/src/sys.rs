//! The system calls that have no safe wrapper in rustix: the only `unsafe` code of the workspace.
//!
//! Each function is one call (or one loop of the same call), takes and gives owned or borrowed descriptors, and turns
//! the result into an `io::Result`. What the calls are *for* is said where they are used.
#![allow(
    unsafe_code,
    reason = "the one module of the workspace that calls the kernel without a wrapper"
)]

use std::ffi::CStr;
use std::io;
use std::mem::size_of;
use std::os::fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd, RawFd};
use std::ptr;

/// From `linux/sched.h`; libc's constant is of a type that is too narrow for it.
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;

/// The kernel's `struct sigaction` with SIG_DFL, no flags and an empty mask.
static DEFAULT_ACTION: [u64; 4] = [0; 4];

/// The size of the kernel's set of 64 signals, in bytes.
const SIGSET_BYTES: usize = 8;

/// Which side of a [`clone_process`] this is.
#[derive(Debug)]
pub(crate) enum Cloned {
    /// The process that called.
    Parent {
        /// The new process's pid, as the caller sees it.
        pid: i32,
        /// And a descriptor of it, which can't come to mean another process.
        pidfd: OwnedFd,
    },
    /// The new process.
    Child,
}

/// Makes a new process with `namespaces` (`CLONE_NEW*`) of its own, in the v2 cgroup `cgroup` if one is given.
///
/// Only for the single-threaded programs of this crate: the child goes on with everything that the parent had.
pub(crate) fn clone_process(namespaces: u64, cgroup: Option<BorrowedFd<'_>>) -> io::Result<Cloned> {
    let mut pidfd: RawFd = -1;
    // SAFETY: clone_args is plain integers, for which zero means "not asked for".
    let mut arguments: libc::clone_args = unsafe { std::mem::zeroed() };
    arguments.flags = namespaces | libc::CLONE_PIDFD as u64;
    arguments.pidfd = ptr::from_mut(&mut pidfd) as u64;
    arguments.exit_signal = libc::SIGCHLD as u64;
    if let Some(cgroup) = cgroup {
        arguments.flags |= CLONE_INTO_CGROUP;
        arguments.cgroup = cgroup.as_raw_fd() as u64;
    }
    // SAFETY: the structure and its size belong together, and `pidfd` outlives the call. No stack is given, so that
    // the child continues on a copy of this one, as after fork; it needs no lock of another thread, for there is none.
    let pid = unsafe {
        libc::syscall(
            libc::SYS_clone3,
            &raw mut arguments,
            size_of::<libc::clone_args>(),
        )
    };
    match pid {
        0 => Ok(Cloned::Child),
        1.. => {
            // SAFETY: the call succeeded with CLONE_PIDFD, so the kernel has stored a new descriptor of ours.
            let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
            Ok(Cloned::Parent {
                pid: i32::try_from(pid).map_err(io::Error::other)?,
                pidfd,
            })
        }
        _ => Err(io::Error::last_os_error()),
    }
}

/// Ends the process at once, without running anything that the parent had registered for its own end.
pub(crate) fn exit_now(code: i32) -> ! {
    // SAFETY: no condition; it doesn't return.
    unsafe { libc::_exit(code) }
}

/// Closes what the caller's program left open for this one: every descriptor but the standard three.
///
/// Only as the first thing that a program does.
pub(crate) fn close_inherited() -> io::Result<()> {
    // SAFETY: three integers; nothing of this program has opened a descriptor yet, so that no owned one is closed.
    check(unsafe { libc::syscall(libc::SYS_close_range, 3, u32::MAX, 0) })
}

/// Marks every descriptor from `first` on to be closed by `exec`: what this process inherited, the programs that it
/// starts don't.
///
/// # Errors
/// If the kernel is older than 5.11.
pub fn close_on_exec_from(first: u32) -> io::Result<()> {
    // SAFETY: three integers; descriptors are marked, not closed, so that none of the owned ones becomes invalid.
    let result = unsafe {
        libc::syscall(
            libc::SYS_close_range,
            first,
            u32::MAX,
            libc::CLOSE_RANGE_CLOEXEC,
        )
    };
    check(result)
}

/// Gives every signal its default disposition and blocks none: `exec` keeps ignored signals ignored, and Rust's
/// standard library ignores SIGPIPE.
pub(crate) fn reset_signals() -> io::Result<()> {
    // The kernel's own call, because the C library keeps two signals from its callers, and an ignored one would stay.
    for signal in 1..=64 {
        // SAFETY: the kernel's sigaction is at most 32 bytes, of which zeros mean the default disposition; SIGKILL and
        // SIGSTOP are refused, harmlessly.
        unsafe {
            libc::syscall(
                libc::SYS_rt_sigaction,
                signal,
                &raw const DEFAULT_ACTION,
                ptr::null_mut::<u8>(),
                SIGSET_BYTES,
            )
        };
    }
    // SAFETY: sigset_t is plain integers, and sigemptyset fills it before it is read.
    unsafe {
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        check(libc::sigprocmask(libc::SIG_SETMASK, &raw const none, ptr::null_mut()).into())
    }
}

/// Ignores a signal.
pub(crate) fn ignore_signal(signal: i32) {
    // SAFETY: SIG_IGN is a valid disposition; a signal that can't be ignored is refused, harmlessly.
    unsafe { libc::signal(signal, libc::SIG_IGN) };
}

/// Sends a signal, by number, to the process that `pidfd` means.
pub(crate) fn send_signal(pidfd: BorrowedFd<'_>, signal: i32) -> io::Result<()> {
    // SAFETY: a borrowed descriptor and integers; no information structure is given.
    let result = unsafe {
        libc::syscall(
            libc::SYS_pidfd_send_signal,
            pidfd.as_raw_fd(),
            signal,
            ptr::null::<libc::siginfo_t>(),
            0,
        )
    };
    check(result)
}

/// Sets (`MOUNT_ATTR_*`) on the mount at `mount`; on all below it too if `recursive`.
pub(crate) fn set_mount_attributes(
    mount: BorrowedFd<'_>,
    set: u64,
    recursive: bool,
) -> io::Result<()> {
    change_mount_attributes(mount, set, 0, recursive)
}

/// Sets some attributes of a mount, and clears others.
pub(crate) fn change_mount_attributes(
    mount: BorrowedFd<'_>,
    set: u64,
    clear: u64,
    recursive: bool,
) -> io::Result<()> {
    let attributes = libc::mount_attr {
        attr_set: set,
        attr_clr: clear,
        propagation: 0,
        userns_fd: 0,
    };
    let flags = libc::AT_EMPTY_PATH | if recursive { libc::AT_RECURSIVE } else { 0 };
    // SAFETY: the path is an empty C string, the structure and its size belong together, and all outlive the call.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            mount.as_raw_fd(),
            c"".as_ptr(),
            flags,
            &raw const attributes,
            size_of::<libc::mount_attr>(),
        )
    };
    check(result)
}

/// Leaves the caller's cgroup namespace for a new one, rooted at the caller's cgroup.
pub(crate) fn unshare_cgroup_namespace() -> io::Result<()> {
    // SAFETY: of the flags, only the sharing of descriptors has conditions, and it is not among them.
    check(unsafe { libc::unshare(libc::CLONE_NEWCGROUP) }.into())
}

/// Leaves the caller's session keyring for a new, empty one.
pub(crate) fn join_new_session_keyring() -> io::Result<()> {
    /// From `linux/keyctl.h`.
    const KEYCTL_JOIN_SESSION_KEYRING: libc::c_int = 1;
    // SAFETY: a null name asks for a new anonymous keyring.
    let result = unsafe {
        libc::syscall(
            libc::SYS_keyctl,
            KEYCTL_JOIN_SESSION_KEYRING,
            ptr::null::<libc::c_char>(),
        )
    };
    check(if result > 0 { 0 } else { result })
}

/// Brings the network interface `lo` of the caller's network namespace up.
pub(crate) fn bring_up_loopback(socket: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: ifreq is plain integers and a union of such, for which zero is valid.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(b"lo") {
        *to = *from as libc::c_char;
    }
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    // SAFETY: SIOCSIFFLAGS reads an ifreq with name and flags, which this is.
    check(
        unsafe {
            libc::ioctl(
                socket.as_raw_fd(),
                libc::SIOCSIFFLAGS as _,
                &raw const request,
            )
        }
        .into(),
    )
}

/// One instruction of a classic BPF program, as the kernel takes it.
pub(crate) type Instruction = libc::sock_filter;

/// Loads a seccomp filter for this process and all that it will start.
pub(crate) fn load_seccomp_filter(program: &[Instruction]) -> io::Result<()> {
    let length = u16::try_from(program.len()).map_err(io::Error::other)?;
    let program = libc::sock_fprog {
        len: length,
        filter: program.as_ptr().cast_mut(),
    };
    // SAFETY: the kernel copies `len` instructions from `filter`, which is as long; it writes to neither.
    let result = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            0,
            &raw const program,
        )
    };
    check(result)
}

/// Becomes another program. Returns only if that fails.
pub(crate) fn execute(program: &CStr, arguments: &[&CStr], environment: &[&CStr]) -> io::Error {
    let terminated = |strings: &[&CStr]| {
        let mut pointers: Vec<_> = strings.iter().map(|string| string.as_ptr()).collect();
        pointers.push(ptr::null());
        pointers
    };
    let (arguments, environment) = (terminated(arguments), terminated(environment));
    // SAFETY: both arrays end with a null pointer and hold pointers to C strings that outlive the call.
    unsafe { libc::execve(program.as_ptr(), arguments.as_ptr(), environment.as_ptr()) };
    io::Error::last_os_error()
}

/// Gives memory that was freed back to the kernel.
pub(crate) fn release_free_memory() {
    // SAFETY: no condition.
    #[cfg(target_env = "gnu")]
    unsafe {
        libc::malloc_trim(0);
    }
}

fn check(result: libc::c_long) -> io::Result<()> {
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}
