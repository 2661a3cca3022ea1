//! A build: its context is found, then it runs on a thread of its own, and its events go to the client.
//!
//! It ends with its connection: the session calls `cancel`, and waits until the builder has cleaned up.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use estiva_build::{CancelFlag, Context};
use estiva_shared::protocol::{
    BuildContext, BuildEvent, BuildFailure, BuildRequest, ErrorBody, ServerMessage,
};
use rustix::fs::{FileType, fstat};
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};

use crate::server::error::{ApiError, ApiResult};
use crate::server::guard::Door;
use crate::server::resources::context_root;
use crate::server::services::Services;
use crate::server::socket::session::{Outbox, Started};

/// A context, and what keeps it for as long as the build runs.
struct Opened {
    context: Context,
    _in_use: Option<Arc<()>>,
}

/// Starts a build.
pub(super) fn start(
    services: Arc<Services>,
    door: Door,
    id: u64,
    request: BuildRequest,
    outbox: Outbox,
) -> Started {
    let cancel = match CancelFlag::new() {
        Ok(cancel) => cancel,
        Err(error) => {
            let body =
                ApiError::internal(format_args!("no descriptor is left: {error}")).into_body();
            return Started {
                running: Box::pin(std::future::ready(Err(body))),
                cancel: None,
                listen: None,
            };
        }
    };
    let flag = cancel.clone();
    let running = Box::pin(async move {
        let done = tokio::task::spawn_blocking(move || {
            build(&services, door, id, &request, &outbox, &flag)
        });
        done.await
            .unwrap_or_else(|error| Err(ApiError::from(error).into_body()))
    });
    Started {
        running,
        cancel: Some(Box::new(move || cancel.cancel())),
        listen: None,
    }
}

fn build(
    services: &Services,
    door: Door,
    id: u64,
    request: &BuildRequest,
    outbox: &Outbox,
    flag: &CancelFlag,
) -> Result<(), ErrorBody> {
    let send = |event: BuildEvent| {
        outbox
            .blocking_send(ServerMessage::Build { id, event })
            .is_ok()
    };
    let opened = match open(services, door, &request.context) {
        Ok(opened) => opened,
        Err(error) => {
            let body = error.into_body();
            send(BuildEvent::Failed(context_failure(&body)));
            return Err(body);
        }
    };
    let mut events = |event: BuildEvent| {
        if !send(event) {
            // The client is gone, and the build with it.
            flag.cancel();
        }
    };
    let built = services
        .builder
        .build(request, opened.context, &mut events, flag);
    // Of a build that failed, a base may have come.
    services.tell_images_changed();
    match built {
        Ok(_) => Ok(()),
        Err(failure) => {
            if failure.code == "internal" {
                services
                    .log
                    .line(&format!("a build failed: {}", failure.message));
            }
            Err(ErrorBody {
                code: failure.code,
                message: failure.message,
                hint: failure.hint,
            })
        }
    }
}

fn context_failure(body: &ErrorBody) -> BuildFailure {
    BuildFailure {
        code: "context".to_owned(),
        message: body.message.clone(),
        hint: body.hint.clone(),
        diagnostics: Vec::new(),
        dockerfile: None,
        line: None,
        exit_code: None,
    }
}

fn open(services: &Services, door: Door, context: &BuildContext) -> ApiResult<Opened> {
    let mut in_use = None;
    let context = match context {
        BuildContext::Empty => Context::Empty,
        BuildContext::Descriptor { fd, name } => Context::Folder(take_descriptor(door, *fd, name)?),
        BuildContext::Uploaded { id } => {
            let opened = services.contexts.get(id)?;
            in_use = Some(opened.in_use);
            Context::Folder(opened.folder)
        }
        BuildContext::Rooted { path } => {
            let root = services
                .context_root
                .as_ref()
                .ok_or_else(context_root::no_root)?;
            Context::Folder(context_root::pick(root, path)?)
        }
    };
    Ok(Opened {
        context,
        _in_use: in_use,
    })
}

/// Takes a folder out of the hands of the process at the other end of the Unix socket. It opened the folder with its
/// own rights, so nothing is reached that it could not reach itself.
fn take_descriptor(door: Door, fd: i32, name: &str) -> ApiResult<OwnedFd> {
    let refused = |why: &str| {
        let name = estiva_shared::text::escape_name(name);
        ApiError::bad_request(
            "bad-context",
            format_args!("can't take the folder {name} from the client: {why}"),
        )
    };
    let Door::Owner { pid: Some(pid) } = door else {
        return Err(refused(
            "only a client on the Unix socket can hand one over",
        ));
    };
    if fd < 0 {
        return Err(refused("its number is below 0"));
    }
    let pid = Pid::from_raw(pid).ok_or_else(|| refused("its process is not known"))?;
    let process =
        pidfd_open(pid, PidfdFlags::empty()).map_err(|error| refused(&error.to_string()))?;
    let taken = pidfd_getfd(process, fd, PidfdGetfdFlags::empty())
        .map_err(|error| refused(&error.to_string()))?;
    let stat = fstat(&taken).map_err(|error| refused(&error.to_string()))?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
        return Err(refused("it is not a folder"));
    }
    Ok(taken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsRawFd as _;

    #[test]
    fn a_descriptor_comes_from_the_peer_of_the_unix_socket_only_and_is_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        let open = std::fs::File::open(folder.path()).unwrap();
        let own = Door::Owner {
            pid: i32::try_from(std::process::id()).ok(),
        };
        assert!(take_descriptor(own, open.as_raw_fd(), "here").is_ok());
        let page = Door::Page("127.0.0.1:1".parse().unwrap());
        for (door, fd) in [
            (page, open.as_raw_fd()),
            (Door::Owner { pid: None }, open.as_raw_fd()),
            (own, 9999),
            (own, -1),
        ] {
            assert!(take_descriptor(door, fd, "here").is_err(), "{door:?} {fd}");
        }
        let file = tempfile::tempfile().unwrap();
        assert!(take_descriptor(own, file.as_raw_fd(), "file").is_err());
    }
}
