//! What a server and its containers would otherwise take over from the shell that happened to start it: the mask for new
//! files, and the limits on what a process may use.

use rustix::fs::Mode;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit, umask};

/// How many files the server may have open: a few for each container, connection and layer. Some hosts allow more, and
/// then that is kept.
const OPEN_FILES: u64 = 1 << 20;

/// The stack of a first thread, as Linux gives it.
const STACK_BYTES: u64 = 8 << 20;

/// What a server needs without limit: one that ends after so much CPU time, or at so large a file, ends in the middle of
/// its work. Containers get limits of their own, by their cgroups.
const UNLIMITED: [Resource; 6] = [
    Resource::Cpu,
    Resource::Fsize,
    Resource::Data,
    Resource::As,
    Resource::Rss,
    Resource::Nproc,
];

/// Sets them to what a service of the system gets. What the host refuses stays as it is.
pub(crate) fn set() {
    // With a shell's 077 the files of images would be for root alone, inside containers too.
    umask(Mode::WGRP | Mode::WOTH);
    for resource in UNLIMITED {
        raise(resource, None);
    }
    let stack = Rlimit {
        current: Some(STACK_BYTES),
        ..getrlimit(Resource::Stack)
    };
    let _ = setrlimit(Resource::Stack, stack);
    let highest = getrlimit(Resource::Nofile).maximum;
    raise(
        Resource::Nofile,
        highest.map(|highest| highest.max(OPEN_FILES)),
    );
}

/// Raises both limits to `wanted`, or, where that is not allowed (without CAP_SYS_RESOURCE, or above fs.nr_open), the
/// soft one to the hard.
fn raise(resource: Resource, wanted: Option<u64>) {
    for limit in [wanted, getrlimit(resource).maximum] {
        let both = Rlimit {
            current: limit,
            maximum: limit,
        };
        if setrlimit(resource, both).is_ok() {
            return;
        }
    }
}
