//! The system calls that a container may make: an allow list after Docker's default policy, as data.
//!
//! What is not named fails with "operation not permitted"; what nobody knows yet, with "not implemented". Left out on
//! purpose: what needs capabilities that a container doesn't have (`mount`, `setns`, `reboot`, modules, the clock),
//! what reaches the kernel's less tried parts (`bpf`, `io_uring`, `userfaultfd`, `perf_event_open`), kernel keyrings
//! (they have no namespace), file handles (`open_by_handle_at` opens files of other containers: the "shocker"), what
//! reaches into other processes beyond `ptrace` (`pidfd_getfd`, `process_madvise`), and the security modules' own calls.
//! Of sockets, only the address families that containers have a use for are allowed.

use oci_spec::runtime::{
    Arch, LinuxSeccomp, LinuxSeccompAction, LinuxSeccompArg, LinuxSeccompArgBuilder,
    LinuxSeccompBuilder, LinuxSeccompOperator, LinuxSyscall, LinuxSyscallBuilder,
};

/// Files: opening, reading, names, attributes, locks, watches.
const FILES: &str = "
    access chdir chmod chown close close_range copy_file_range creat dup dup2 dup3 faccessat faccessat2 fadvise64
    fallocate fanotify_mark fchdir fchmod fchmodat fchmodat2 fchown fchownat fcntl fdatasync fgetxattr file_getattr
    file_setattr flistxattr flock fremovexattr fsetxattr fstat fstatfs fsync ftruncate futimesat getcwd getdents
    getdents64 getxattr getxattrat inotify_add_watch inotify_init inotify_init1 inotify_rm_watch lchown lgetxattr link
    linkat listmount listxattr listxattrat llistxattr lremovexattr lseek lsetxattr lstat mkdir mkdirat mknod mknodat
    name_to_handle_at newfstatat open openat openat2 pread64 preadv preadv2 pwrite64 pwritev pwritev2 read readahead
    readlink readlinkat readv removexattr removexattrat rename renameat renameat2 rmdir sendfile setxattr setxattrat
    splice stat statfs statmount statx symlink symlinkat sync sync_file_range syncfs tee truncate umask unlink unlinkat
    utime utimensat utimes vmsplice write writev";

/// Processes and threads: their life, ids, limits, scheduling, signals. `clone` is below, with its conditions.
const PROCESSES: &str = "
    alarm capget capset execve execveat exit exit_group fork futex futex_requeue futex_waitv futex_wait futex_wake
    get_robust_list getegid geteuid getgid getgroups getitimer getpgid getpgrp getpid getppid getpriority getresgid
    getresuid getrlimit getrusage getsid gettid getuid ioprio_get ioprio_set kill membarrier pause pidfd_open
    pidfd_send_signal prctl prlimit64 process_mrelease process_vm_readv process_vm_writev ptrace
    restart_syscall rseq rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend
    rt_sigtimedwait rt_tgsigqueueinfo sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr
    sched_getparam sched_getscheduler sched_rr_get_interval sched_setaffinity sched_setattr sched_setparam
    sched_setscheduler sched_yield seccomp set_robust_list set_tid_address setfsgid setfsuid setgid setgroups setitimer
    setpgid setpriority setregid setresgid setresuid setreuid setrlimit setsid setuid sigaltstack tgkill time times
    tkill uretprobe vfork wait4 waitid";

/// Memory, shared or not, and protection of it.
const MEMORY: &str = "
    brk cachestat madvise map_shadow_stack memfd_create memfd_secret mincore mlock mlock2 mlockall mmap mprotect mremap
    mseal msync munlock munlockall munmap pkey_alloc pkey_free pkey_mprotect remap_file_pages shmat
    shmctl shmdt shmget";

/// Pipes, sockets and queues. `socket` is below, with its conditions.
const COMMUNICATION: &str = "
    accept accept4 bind connect getpeername getsockname getsockopt listen mq_getsetattr mq_notify mq_open
    mq_timedreceive mq_timedsend mq_unlink msgctl msgget msgrcv msgsnd pipe pipe2 recvfrom recvmmsg recvmsg semctl
    semget semop semtimedop sendmmsg sendmsg sendto setsockopt shutdown socketpair";

/// Waiting: for events, for time.
const EVENTS: &str = "
    adjtimex clock_adjtime clock_getres clock_gettime clock_nanosleep epoll_create epoll_create1 epoll_ctl
    epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old eventfd eventfd2 gettimeofday io_cancel io_destroy
    io_getevents io_pgetevents io_setup io_submit nanosleep poll ppoll pselect6 select signalfd signalfd4 timer_create
    timer_delete timer_getoverrun timer_gettime timer_settime timerfd_create timerfd_gettime timerfd_settime";

/// The machine and the process's view of it. `chroot` because a container's root has CAP_SYS_CHROOT.
const SYSTEM: &str = "
    arch_prctl chroot getcpu getrandom landlock_add_rule landlock_create_ruleset landlock_restrict_self modify_ldt
    sysinfo uname";

/// The namespaces that `clone` could make (`CLONE_NEW*`, without the time namespace, whose bit `clone` can't take).
const CLONE_NAMESPACES: u64 = 0x7e02_0000;

/// The address families that `socket` may be asked for (`linux/socket.h`), first and last of each run: IP, Unix sockets,
/// netlink, packets, and what else keeps to the container's network. Missing are those of the kernel's cryptography
/// (ALG, 38: its users could write to the page cache, and so to files they may only read, CVE-2026-31431), of virtual
/// machines (VSOCK, 40: the machine's host, or the host's own guests, are no neighbours), and those that the kernel has
/// dropped or hardly anybody has tried (DECnet, Econet, IrDA, WANPIPE, ISDN, CAIF).
const SOCKET_FAMILIES: [(u64, u64); 8] = [
    (0, 11),
    (13, 18),
    (21, 22),
    (24, 24),
    (26, 33),
    (35, 36),
    (39, 39),
    (41, 45),
];

/// What `personality` may ask for: Linux, 32-bit Linux, each with UNAME26, and what it is now. Not
/// ADDR_NO_RANDOMIZE and its like, which weaken programs.
const PERSONALITIES: [u64; 5] = [0x0, 0x8, 0x2_0000, 0x2_0008, 0xffff_ffff];

/// Puts input into a terminal as if it were typed, and so into whoever shares the terminal (CVE-2017-5226).
const TIOCSTI: u64 = 0x5412;
/// The same by way of the console's selection (CVE-2023-28100).
const TIOCLINUX: u64 = 0x541c;

/// Where the kernel looks at 32 bits of an argument, a program could hide a value behind the others.
const LOW_HALF: u64 = 0xffff_ffff;

/// Docker's default policy.
#[must_use]
pub fn seccomp_profile() -> LinuxSeccomp {
    use LinuxSeccompAction::{ScmpActAllow as Allow, ScmpActErrno as Fail};
    use LinuxSeccompOperator::{ScmpCmpEq as Equal, ScmpCmpMaskedEq as Masked};
    let mut calls: Vec<_> = [FILES, PROCESSES, MEMORY, COMMUNICATION, EVENTS, SYSTEM]
        .into_iter()
        .map(|group| entry(group, Allow, None, &[]))
        .collect();
    let eperm = Some(libc::EPERM as u32);
    calls.extend([
        entry(
            "ioctl",
            Fail,
            eperm,
            &[argument(1, Masked, LOW_HALF, Some(TIOCSTI))],
        ),
        entry(
            "ioctl",
            Fail,
            eperm,
            &[argument(1, Masked, LOW_HALF, Some(TIOCLINUX))],
        ),
        entry("ioctl", Allow, None, &[]),
        // A user namespace would give capabilities back inside it.
        entry(
            "clone",
            Allow,
            None,
            &[argument(0, Masked, CLONE_NAMESPACES, Some(0))],
        ),
        // clone3 has its flags in memory, where a filter can't look. Told that it doesn't exist, every C library
        // takes clone.
        entry("clone3", Fail, Some(libc::ENOSYS as u32), &[]),
    ]);
    let families = SOCKET_FAMILIES.into_iter();
    calls.extend(
        families
            .flat_map(|(first, last)| first..=last)
            .map(|family| {
                entry(
                    "socket",
                    Allow,
                    None,
                    &[argument(0, Masked, LOW_HALF, Some(family))],
                )
            }),
    );
    calls.extend(PERSONALITIES.map(|value| {
        entry(
            "personality",
            Allow,
            None,
            &[argument(0, Equal, value, None)],
        )
    }));
    LinuxSeccompBuilder::default()
        .default_action(Fail)
        .default_errno_ret(libc::EPERM as u32)
        .architectures(vec![Arch::ScmpArchX86_64, Arch::ScmpArchAarch64])
        .syscalls(calls)
        .build()
        .expect("every field of the builder has a default")
}

fn entry(
    names: &str,
    action: LinuxSeccompAction,
    errno: Option<u32>,
    arguments: &[LinuxSeccompArg],
) -> LinuxSyscall {
    let names: Vec<_> = names.split_whitespace().map(str::to_owned).collect();
    let mut entry = LinuxSyscallBuilder::default().names(names).action(action);
    if let Some(errno) = errno {
        entry = entry.errno_ret(errno);
    }
    if !arguments.is_empty() {
        entry = entry.args(arguments.to_vec());
    }
    entry
        .build()
        .expect("every field of the builder has a default")
}

fn argument(
    index: usize,
    op: LinuxSeccompOperator,
    value: u64,
    value_two: Option<u64>,
) -> LinuxSeccompArg {
    let argument = LinuxSeccompArgBuilder::default()
        .index(index)
        .op(op)
        .value(value);
    let argument = match value_two {
        Some(two) => argument.value_two(two),
        None => argument,
    };
    argument
        .build()
        .expect("every field of the builder has a default")
}
