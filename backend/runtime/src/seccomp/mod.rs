//! From a seccomp profile (OCI's, names and conditions) to a filter for this kernel and processor.
//!
//! Where several entries of a profile name the same system call, the first whose conditions hold decides. (libseccomp
//! leaves the order open; a profile whose entries don't contradict each other means the same to both.)
//!
//! The tables beside this file are the kernel's numbers, a call a line, up to Linux 6.17.

mod bpf;

use std::collections::BTreeMap;

use oci_spec::runtime::{LinuxSeccomp, LinuxSeccompAction};
use thiserror::Error;

use self::bpf::{Range, Rule, Verdict};
use crate::sys::Instruction;

/// The longest program that the kernel takes, in instructions (`BPF_MAXINSNS`).
const INSTRUCTIONS_MAX: usize = 4096;

/// How many arguments a system call has.
const ARGUMENTS: usize = 6;

/// How many conditions one entry may have: a range for each argument is 12, and the jumps over 32 are still short.
const CONDITIONS_MAX: usize = 32;

/// A program of another architecture (32-bit code on this processor) ends: its numbers mean other calls, so none of
/// the profile holds for it.
const FOREIGN: Verdict = libc::SECCOMP_RET_KILL_PROCESS;

/// What an unknown call gets: "not implemented", as on a kernel that is older than the program. With "not permitted",
/// the C library wouldn't try the call that it used before.
const UNKNOWN: Verdict = libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32;

/// From this number on, x86-64 has the x32 programs' calls, with numbers that are not the profile's.
const X32_FIRST: u32 = 0x4000_0000;

/// Why a profile can't be had.
#[derive(Debug, Error)]
pub(crate) enum SeccompError {
    /// It asks for something that needs a listener or a tracer.
    #[error("expected a seccomp action that allows, fails, traps, logs or kills, but found {0:?}")]
    Action(LinuxSeccompAction),
    /// A condition on an argument that no call has.
    #[error("expected an argument of a system call, 0 to 5, but found {0}")]
    Argument(usize),
    /// More conditions than could make sense.
    #[error("expected at most {CONDITIONS_MAX} conditions for a system call, but found {0}")]
    Conditions(usize),
    /// The program would be too long.
    #[error("expected a seccomp filter of at most {INSTRUCTIONS_MAX} instructions, but found {0}")]
    TooLong(usize),
    /// There is no table for this processor.
    #[error("expected a processor of x86_64 or aarch64 for a seccomp filter, but found another")]
    Architecture,
}

/// A processor architecture, as seccomp sees it.
struct Architecture {
    /// `AUDIT_ARCH_*`.
    audit: u32,
    /// `name number` lines.
    table: &'static str,
    has_x32: bool,
}

const X86_64: Architecture = Architecture {
    audit: 0xc000_003e,
    table: include_str!("x86_64.tbl"),
    has_x32: true,
};
const AARCH64: Architecture = Architecture {
    audit: 0xc000_00b7,
    table: include_str!("aarch64.tbl"),
    has_x32: false,
};

/// The filter that holds `profile` on this processor.
pub(crate) fn compile(profile: &LinuxSeccomp) -> Result<Vec<Instruction>, SeccompError> {
    let architecture = match std::env::consts::ARCH {
        "x86_64" => &X86_64,
        "aarch64" => &AARCH64,
        _ => return Err(SeccompError::Architecture),
    };
    compile_for(profile, architecture)
}

fn compile_for(
    profile: &LinuxSeccomp,
    architecture: &Architecture,
) -> Result<Vec<Instruction>, SeccompError> {
    let numbers = numbers(architecture.table);
    let default = verdict(profile.default_action(), profile.default_errno_ret())?;
    let mut calls = BTreeMap::<u32, Vec<Rule>>::new();
    for entry in profile.syscalls().iter().flatten() {
        let verdict = verdict(entry.action(), entry.errno_ret())?;
        let conditions = entry.args().clone().unwrap_or_default();
        if let Some(wrong) = conditions
            .iter()
            .find(|condition| condition.index() >= ARGUMENTS)
        {
            return Err(SeccompError::Argument(wrong.index()));
        }
        if conditions.len() > CONDITIONS_MAX {
            return Err(SeccompError::Conditions(conditions.len()));
        }
        // A name that this architecture doesn't have (many of aarch64's are missing) names nothing here.
        for number in entry
            .names()
            .iter()
            .filter_map(|name| numbers.get(name.as_str()))
        {
            calls.entry(*number).or_default().push(Rule {
                conditions: conditions.clone(),
                verdict,
            });
        }
    }
    let last = numbers.values().copied().max().unwrap_or(0);
    let ranges = ranges(&calls, default, last, architecture.has_x32);
    let program = bpf::program(architecture.audit, FOREIGN, &ranges);
    if program.len() > INSTRUCTIONS_MAX {
        return Err(SeccompError::TooLong(program.len()));
    }
    Ok(program)
}

/// The calls as ranges without gaps; neighbours that get the same answer share one.
fn ranges(
    calls: &BTreeMap<u32, Vec<Rule>>,
    default: Verdict,
    last: u32,
    has_x32: bool,
) -> Vec<Range> {
    let mut ranges = vec![Range {
        first: 0,
        rules: Vec::new(),
        otherwise: default,
    }];
    let mut next = 0;
    let mut add = |first, rules: Vec<Rule>, otherwise| {
        let same = ranges.last().is_some_and(|range: &Range| {
            range.rules.is_empty() && rules.is_empty() && range.otherwise == otherwise
        });
        match ranges.last_mut() {
            // Nothing lies between: what the earlier one would decide is never asked.
            Some(range) if range.first == first => {
                *range = Range {
                    first,
                    rules,
                    otherwise,
                }
            }
            _ if same => {}
            _ => ranges.push(Range {
                first,
                rules,
                otherwise,
            }),
        }
    };
    for (number, rules) in calls {
        if *number > next {
            add(next, Vec::new(), default);
        }
        // Rules after one without conditions are never asked.
        let decided = rules.iter().position(|rule| rule.conditions.is_empty());
        let (asked, otherwise) = match decided {
            Some(index) => (rules[..index].to_vec(), rules[index].verdict),
            None => (rules.clone(), default),
        };
        add(*number, asked, otherwise);
        next = number + 1;
    }
    add(next, Vec::new(), default);
    // A profile that allows what it doesn't name also allows what nobody knows yet.
    if default != libc::SECCOMP_RET_ALLOW {
        add(last + 1, Vec::new(), UNKNOWN);
    }
    if has_x32 {
        add(X32_FIRST, Vec::new(), UNKNOWN);
    }
    ranges
}

fn verdict(action: LinuxSeccompAction, errno: Option<u32>) -> Result<Verdict, SeccompError> {
    match action {
        // They need a program that listens or traces; without one the kernel would refuse the filter or the call.
        LinuxSeccompAction::ScmpActNotify | LinuxSeccompAction::ScmpActTrace => {
            Err(SeccompError::Action(action))
        }
        _ => Ok(action.as_u32(errno)),
    }
}

fn numbers(table: &'static str) -> BTreeMap<&'static str, u32> {
    table
        .lines()
        .filter_map(|line| line.split_once(' '))
        .filter_map(|(name, number)| Some((name, number.parse().ok()?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::bpf::tests::run;
    use super::{AARCH64, Architecture, FOREIGN, UNKNOWN, X86_64, compile_for, numbers};
    use crate::defaults::seccomp_profile;

    const ALLOW: u32 = libc::SECCOMP_RET_ALLOW;
    const REFUSE: u32 = libc::SECCOMP_RET_ERRNO | libc::EPERM as u32;

    fn verdict(architecture: &Architecture, name: &str, arguments: &[u64]) -> u32 {
        let program = compile_for(&seccomp_profile(), architecture).unwrap();
        let mut all = [0; 6];
        all[..arguments.len()].copy_from_slice(arguments);
        run(
            &program,
            architecture.audit,
            numbers(architecture.table)[name],
            all,
        )
    }

    #[test]
    fn the_default_profile_allows_what_programs_need_and_refuses_what_escapes() {
        for architecture in [&X86_64, &AARCH64] {
            for name in [
                "read",
                "execve",
                "openat",
                "mmap",
                "futex",
                "setuid",
                "chroot",
                "epoll_pwait2",
            ] {
                assert_eq!(verdict(architecture, name, &[]), ALLOW, "{name}");
            }
            for name in [
                "mount",
                "bpf",
                "setns",
                "unshare",
                "kexec_load",
                "open_by_handle_at",
                "keyctl",
                "io_uring_setup",
                "perf_event_open",
                "userfaultfd",
                "reboot",
                "init_module",
                "fsopen",
                "pivot_root",
                "pidfd_getfd",
                "process_madvise",
                "lsm_set_self_attr",
            ] {
                assert_eq!(verdict(architecture, name, &[]), REFUSE, "{name}");
            }
            assert_eq!(verdict(architecture, "clone3", &[]), UNKNOWN);
        }
    }

    #[test]
    fn the_default_profile_looks_at_arguments() {
        for architecture in [&X86_64, &AARCH64] {
            let clone = |flags: i32| verdict(architecture, "clone", &[flags as u64]);
            assert_eq!(clone(libc::CLONE_VM | libc::CLONE_THREAD), ALLOW);
            for flag in [
                libc::CLONE_NEWUSER,
                libc::CLONE_NEWNS,
                libc::CLONE_NEWCGROUP,
                libc::CLONE_NEWNET,
            ] {
                assert_eq!(clone(flag | libc::SIGCHLD), REFUSE, "{flag:#x}");
            }
            let socket = |family: u64| verdict(architecture, "socket", &[family]);
            for family in [
                libc::AF_UNIX,
                libc::AF_INET,
                libc::AF_INET6,
                libc::AF_NETLINK,
                libc::AF_PACKET,
                libc::AF_XDP,
            ] {
                assert_eq!(socket(family as u64), ALLOW, "{family}");
                // The kernel looks at the low half alone, so the filter must too.
                assert_eq!(socket(family as u64 | 1 << 32), ALLOW, "{family}");
            }
            for family in [libc::AF_ALG, libc::AF_VSOCK, libc::AF_DECnet, 46, -1] {
                assert_eq!(socket(family as u64), REFUSE, "{family}");
                assert_eq!(socket(family as u64 | 1 << 32), REFUSE, "{family}");
            }
            assert_eq!(verdict(architecture, "personality", &[0]), ALLOW);
            assert_eq!(verdict(architecture, "personality", &[0x0040_0000]), REFUSE);
            assert_eq!(verdict(architecture, "ioctl", &[0, 0x5413]), ALLOW);
            assert_eq!(verdict(architecture, "ioctl", &[0, 0x5412]), REFUSE);
        }
    }

    #[test]
    fn foreign_and_unknown_calls_get_nowhere() {
        let program = compile_for(&seccomp_profile(), &X86_64).unwrap();
        assert_eq!(run(&program, 0x4000_0003, 0, [0; 6]), FOREIGN, "32-bit");
        assert_eq!(
            run(&program, X86_64.audit, 0x4000_0000, [0; 6]),
            UNKNOWN,
            "x32 read"
        );
        assert_eq!(run(&program, X86_64.audit, 5000, [0; 6]), UNKNOWN);
    }

    #[test]
    fn every_name_of_the_default_profile_is_a_call_somewhere() {
        let (x86_64, aarch64) = (numbers(X86_64.table), numbers(AARCH64.table));
        for entry in seccomp_profile().syscalls().iter().flatten() {
            for name in entry.names() {
                assert!(
                    x86_64.contains_key(name.as_str()) || aarch64.contains_key(name.as_str()),
                    "{name}"
                );
            }
        }
    }
}
