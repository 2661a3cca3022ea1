//! The `estiva-proxy` program. It is not for people to call: it takes its order from the socket that is its standard input.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use estiva_proxy::{Ends, order, serve};
use estiva_runtime::cgroup::MonitorsGroup;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit, setsid};

fn main() -> ExitCode {
    // What it inherited is closed, and its name in lists of threads is its own.
    let Ok(socket) = estiva_runtime::entry::take_stdin(c"estiva-proxy") else {
        return ExitCode::FAILURE;
    };
    let Ok((order, mut descriptors)) = order::receive(&socket) else {
        // Its server has gone, or speaks another language.
        return ExitCode::FAILURE;
    };
    drop(socket);
    // Away from the server's terminal and process group, whose signals are not meant for it.
    let _ = setsid();
    raise_open_files();
    // Where that is refused, it stays in its server's group, and works as well as long as nobody stops that as a whole.
    let group = MonitorsGroup::enter(&order.world);
    let listeners = descriptors.split_off(order::ENDS);
    let ends = Ends {
        descriptors,
        target: order.target,
    };
    let served = serve(&ends, &order.listeners, listeners);
    if let Ok(group) = group {
        group.leave();
    }
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Two descriptors a connection, and up to four more while a slow reader holds it up: the usual 1024 are not many.
fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    // Where it can't be raised, fewer connections are served at once.
    let _ = setrlimit(
        Resource::Nofile,
        Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        },
    );
}
