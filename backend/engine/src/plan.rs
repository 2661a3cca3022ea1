//! A request and an image become a record; a record becomes what the runtime is told. Both are pure: what they say can
//! be tested without a container, and a container found again is told the same as on its first day.

use std::{
    os::fd::{AsRawFd as _, OwnedFd},
    path::PathBuf,
};

use estiva_runtime::{
    MonitorSpec, Rootfs,
    defaults::{self, Bind, Network, ProcessOptions},
    oci::{BoxBuilder, Process, Spec},
    spec::{Mode, OverlayRootfs},
};
use estiva_shared::{
    image::Digest,
    protocol::{NetworkMode, RunRequest},
};
use estiva_store::LowerDirs;
use oci_spec::image::ImageConfiguration;

use crate::{
    ContainerId, EngineError,
    attachment::Networked,
    cgroups,
    command::merge_command,
    engine::Shared,
    environment::merge_environment,
    folder::ContainerFolder,
    mounts,
    name::ContainerName,
    parse_signal,
    record::{ContainerRecord, RECORD_VERSION},
    signal::TERM,
    volumes::Volumes,
};

/// The longest path that the kernel takes, with its NUL (limits.h, PATH_MAX).
const PATH_BYTES_MAX: usize = 4096;

/// The longest `user[:group]`: two names of 256 bytes, useradd(8)'s limit being 32.
const USER_BYTES_MAX: usize = 513;

/// What is known of a container before it is made.
pub(crate) struct Made {
    /// Its id.
    pub(crate) id: ContainerId,
    /// Its name.
    pub(crate) name: ContainerName,
    /// Its host name.
    pub(crate) hostname: String,
    /// Now, milliseconds since 1970.
    pub(crate) created_ms: u64,
}

/// The record of a container of this image, as asked for.
///
/// # Errors
/// [`EngineError::NoCommand`], [`EngineError::BadRequest`].
pub(crate) fn record(
    request: RunRequest,
    image_id: Digest,
    config: &ImageConfiguration,
    made: Made,
) -> Result<ContainerRecord, EngineError> {
    let config = config.config().clone().unwrap_or_default();
    let command = merge_command(
        config.entrypoint().as_deref().unwrap_or_default(),
        config.cmd().as_deref().unwrap_or_default(),
        request.entrypoint.as_deref(),
        &request.args,
    );
    if command.first().is_none_or(String::is_empty) {
        return Err(EngineError::NoCommand {
            image: request.image,
        });
    }
    check_words("COMMAND", &command)?;
    let image_env = config.env().as_deref().unwrap_or_default();
    let mut env = merge_environment(image_env, &made.hostname, &request.env)?;
    if request.terminal {
        name_terminal(&mut env);
    }
    let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let volumes = config.volumes().as_deref().unwrap_or_default();
    let merged = mounts::merge(request.mounts, volumes)?;
    let host_ca = match request.trust_host_ca {
        true => Some(defaults::host_ca_bind()?.source),
        false => None,
    };
    if host_ca.is_some() {
        env.extend(defaults::host_ca_variables(&env));
    }
    Ok(ContainerRecord {
        version: RECORD_VERSION,
        id: made.id,
        name: made.name,
        image: request.image,
        image_id,
        command,
        env,
        workdir: check_workdir(
            request
                .workdir
                .unwrap_or_else(|| image_workdir(given(config.working_dir()))),
        )?,
        user: check_user(request.user.or_else(|| given(config.user())))?,
        hostname: made.hostname,
        // A name that this kernel has no signal for stops nothing; the image is still good.
        stop_signal: config
            .stop_signal()
            .as_deref()
            .and_then(|name| parse_signal(name).ok())
            .unwrap_or(TERM),
        limits: request.limits,
        network: request.network,
        remove: request.remove,
        no_new_privileges: request.no_new_privileges,
        interactive: request.interactive,
        terminal: request.terminal,
        terminal_size: request.terminal_size,
        mounts: merged.mounts,
        anonymous: merged.anonymous,
        read_only: request.read_only,
        host_ca,
        created_ms: made.created_ms,
        failure: None,
    })
}

/// Says which kind of terminal it is, to programs that ask the environment, where nobody has said it: Docker's word,
/// which every program's list has.
pub(crate) fn name_terminal(env: &mut Vec<String>) {
    if !env.iter().any(|variable| variable.starts_with("TERM=")) {
        env.push("TERM=xterm".to_owned());
    }
}

/// The words of a command: execve(2) ends each at a NUL.
///
/// # Errors
/// [`EngineError::BadRequest`].
pub(crate) fn check_words(what: &'static str, words: &[String]) -> Result<(), EngineError> {
    match words.iter().find(|word| word.contains('\0')) {
        Some(word) => Err(EngineError::BadRequest {
            what,
            expected: "words without a NUL",
            found: word.chars().take(64).collect(),
        }),
        None => Ok(()),
    }
}

/// Where a process starts. Absolute, as Docker wants it: what a relative one counts from, no one could say.
///
/// # Errors
/// [`EngineError::BadRequest`] for one that is not, or that the kernel can't take.
pub(crate) fn check_workdir(workdir: String) -> Result<String, EngineError> {
    if workdir.starts_with('/') && !workdir.contains('\0') && workdir.len() < PATH_BYTES_MAX {
        return Ok(workdir);
    }
    Err(EngineError::BadRequest {
        what: "--workdir",
        expected: "an absolute path of less than 4096 bytes, without a NUL",
        found: workdir.chars().take(64).collect(),
    })
}

/// An image's working folder: `/` where it has none. A relative one counts from `/`, as its instructions did.
fn image_workdir(workdir: Option<String>) -> String {
    let workdir = workdir.unwrap_or_default();
    if workdir.starts_with('/') {
        workdir
    } else {
        format!("/{workdir}")
    }
}

/// The user's form; who it is, only the container's own files know.
///
/// # Errors
/// [`EngineError::BadRequest`].
pub(crate) fn check_user(user: Option<String>) -> Result<Option<String>, EngineError> {
    let Some(user) = user.filter(|user| !user.is_empty()) else {
        return Ok(None);
    };
    let is_odd = |letter: char| letter.is_control() || letter.is_whitespace() || letter == '/';
    if user.len() > USER_BYTES_MAX
        || user.contains(is_odd)
        || user.starts_with(':')
        || user.matches(':').count() > 1
    {
        let found = user.chars().take(64).collect();
        return Err(EngineError::BadRequest {
            what: "--user",
            expected: "user[:group]",
            found,
        });
    }
    Ok(Some(user))
}

/// The OCI spec of the container that the record describes.
///
/// `network` is that of a container that starts. One that runs has it, and what is executed in it joins that.
pub(crate) fn spec(
    record: &ContainerRecord,
    folder: &ContainerFolder,
    volumes: &Volumes,
    network: Option<&Networked>,
) -> Spec {
    let bind = |source: PathBuf, destination: &str| Bind {
        source,
        destination: destination.into(),
        read_only: true,
    };
    let mut own = vec![
        bind(folder.hosts(), "/etc/hosts"),
        bind(folder.hostname(), "/etc/hostname"),
        bind(folder.resolv_conf(), "/etc/resolv.conf"),
    ];
    let host_ca = record.host_ca.clone();
    own.extend(host_ca.map(|source| bind(source, defaults::HOST_CA_PATH)));
    let (binds, tmpfs) = mounts::for_runtime(own, &record.mounts, volumes);
    let mut spec = defaults::default_spec(&ProcessOptions {
        args: record.command.clone(),
        env: record.env.clone(),
        cwd: record.workdir.clone().into(),
        user: record.user.clone(),
        hostname: record.hostname.clone(),
        network: match (record.network, network) {
            (NetworkMode::Host, _) => Network::Host,
            (NetworkMode::Bridge, Some(network)) => Network::Joined(named(&network.namespace)),
            (NetworkMode::None | NetworkMode::Bridge, _) => Network::None,
        },
        limits: defaults::Limits {
            memory_bytes: record.limits.memory_bytes,
            // Checked to be within 0.01 and the host's count, so that no digit that counts is lost.
            cpu_milli: record
                .limits
                .cpus
                .map(|cpus| (cpus * 1000.0).round() as u64),
            pids: record.limits.pids,
        },
        binds,
        tmpfs,
        read_only_root: record.read_only,
        no_new_privileges: record.no_new_privileges,
    });
    if let Some(process) = spec.process_mut() {
        give_terminal(process, record);
    }
    spec
}

/// The terminal that the record asks for, in the OCI's words.
fn give_terminal(process: &mut Process, record: &ContainerRecord) {
    let size = record.terminal_size.filter(|_| record.terminal);
    process.set_terminal(Some(record.terminal));
    process.set_console_size(size.and_then(|size| {
        let size = BoxBuilder::default()
            .height(u64::from(size.rows))
            .width(u64::from(size.columns));
        // Both of its fields are there, which is all that can be missing.
        size.build().ok()
    }));
}

/// A descriptor of this process, as another of the host's processes opens it.
fn named(descriptor: &OwnedFd) -> PathBuf {
    let number = descriptor.as_raw_fd();
    format!("/proc/{}/fd/{number}", std::process::id()).into()
}

/// What the monitor is told.
pub(crate) fn monitor_spec(
    record: &ContainerRecord,
    folder: &ContainerFolder,
    network: Option<&Networked>,
    shared: &Shared,
    lowers: LowerDirs,
) -> MonitorSpec {
    let rootfs = if lowers.names.is_empty() {
        // An overlay needs a layer below; an image without one is an empty folder.
        Rootfs::Folder(folder.upper())
    } else {
        Rootfs::Overlay(OverlayRootfs {
            base: lowers.base,
            lowers: lowers.names,
            upper: folder.upper(),
            work: folder.work(),
            mountpoint: folder.rootfs(),
            // A container's files are to survive a loss of power as well as any program's.
            volatile: false,
        })
    };
    MonitorSpec {
        id: record.id.to_string(),
        spec: spec(record, folder, &shared.volumes, network),
        rootfs,
        cgroup: cgroups::path(&shared.world, &record.id),
        state_dir: folder.path().to_owned(),
        mode: Mode::Container,
        interactive: record.interactive,
    }
}

#[cfg(test)]
mod tests {
    use oci_spec::image::{ConfigBuilder, ImageConfigurationBuilder};

    use super::*;
    use estiva_shared::protocol::TerminalSize;

    fn made() -> Made {
        Made {
            id: ContainerId::random().unwrap(),
            name: "web".parse().unwrap(),
            hostname: "porto".to_owned(),
            created_ms: 1,
        }
    }

    fn image(config: ConfigBuilder) -> ImageConfiguration {
        ImageConfigurationBuilder::default()
            .os("linux")
            .architecture("amd64")
            .config(config.build().unwrap())
            .build()
            .unwrap()
    }

    #[test]
    fn a_request_wins_over_its_image() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let image = image(
            ConfigBuilder::default()
                .entrypoint(words("node"))
                .cmd(words("index.js"))
                .env(words("A=image B=image"))
                .user("node")
                .working_dir("/app")
                .stop_signal("SIGQUIT"),
        );
        let plain = record(RunRequest::default(), Digest::of(b""), &image, made()).unwrap();
        assert_eq!(plain.command, ["node", "index.js"]);
        assert_eq!(
            (
                plain.user.as_deref(),
                plain.workdir.as_str(),
                plain.stop_signal
            ),
            (Some("node"), "/app", 3)
        );
        let request = RunRequest {
            args: words("other.js"),
            env: vec![("A".to_owned(), "request".to_owned())],
            user: Some("0".to_owned()),
            workdir: Some("/tmp".to_owned()),
            ..RunRequest::default()
        };
        let asked = record(request, Digest::of(b""), &image, made()).unwrap();
        assert_eq!(asked.command, ["node", "other.js"]);
        assert_eq!(asked.env[2..], ["A=request", "B=image"]);
        assert_eq!(
            (asked.user.as_deref(), asked.workdir.as_str()),
            (Some("0"), "/tmp")
        );
    }

    // A build's steps could use sudo and the container that was built could not: it is as asked, and off if not.
    #[test]
    fn privileges_can_be_gained_unless_the_request_says_no() {
        let image = image(ConfigBuilder::default().cmd(vec!["true".to_owned()]));
        for asked in [false, true] {
            let request = RunRequest {
                no_new_privileges: asked,
                ..RunRequest::default()
            };
            let record = record(request, Digest::of(b""), &image, made()).unwrap();
            let folder = ContainerFolder::of(std::path::Path::new("/containers"), &record.id);
            let volumes = Volumes::new("/volumes".into());
            let spec = spec(&record, &folder, &volumes, None);
            let process = spec.process().as_ref().unwrap();
            assert_eq!(process.no_new_privileges(), Some(asked));
        }
    }

    #[test]
    fn a_terminal_is_asked_for_named_and_sized() {
        let image = image(ConfigBuilder::default().cmd(vec!["sh".to_owned()]));
        let request = |env: &[(&str, &str)]| RunRequest {
            terminal: true,
            interactive: true,
            terminal_size: Some(TerminalSize {
                rows: 30,
                columns: 100,
            }),
            env: env
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            ..RunRequest::default()
        };
        let named = record(request(&[]), Digest::of(b""), &image, made()).unwrap();
        assert_eq!(named.env.last().unwrap(), "TERM=xterm");
        let asked = request(&[("TERM", "vt100")]);
        let other = record(asked, Digest::of(b""), &image, made()).unwrap();
        assert_eq!(other.env.last().unwrap(), "TERM=vt100");
        let folder = ContainerFolder::of(std::path::Path::new("/containers"), &named.id);
        let spec = spec(&named, &folder, &Volumes::new("/volumes".into()), None);
        let process = spec.process().as_ref().unwrap();
        let size = process.console_size().unwrap();
        assert_eq!((size.height(), size.width()), (30, 100));
        assert_eq!(process.terminal(), Some(true));
    }

    #[test]
    fn an_image_that_says_nothing_needs_a_command_and_gets_the_rest() {
        let image = image(
            ConfigBuilder::default()
                .stop_signal("SIGNONSENSE")
                .user("")
                .working_dir(""),
        );
        let nothing = record(RunRequest::default(), Digest::of(b""), &image, made()).unwrap_err();
        assert_eq!(nothing.code(), "no-command");
        let request = |args: &[&str]| RunRequest {
            args: args.iter().map(ToString::to_string).collect(),
            ..RunRequest::default()
        };
        let record_of = |args: &[&str]| record(request(args), Digest::of(b""), &image, made());
        let given = record_of(&["sh"]).unwrap();
        assert_eq!(
            (given.user, given.workdir.as_str(), given.stop_signal),
            (None, "/", TERM)
        );
        assert_eq!(record_of(&[""]).unwrap_err().code(), "no-command");
        assert_eq!(
            record_of(&["sh", "a\0b"]).unwrap_err().code(),
            "bad-request"
        );
    }

    #[test]
    fn workdirs_are_absolute_and_an_images_is_made_so() {
        assert_eq!(image_workdir(None), "/");
        assert_eq!(image_workdir(Some("app".into())), "/app");
        assert_eq!(image_workdir(Some("/app".into())), "/app");
        assert_eq!(check_workdir("/app".into()).unwrap(), "/app");
        let long = format!("/{}", "x".repeat(PATH_BYTES_MAX));
        for bad in ["", "app", "/a\0b", &long] {
            assert_eq!(
                check_workdir(bad.to_owned()).unwrap_err().code(),
                "bad-request"
            );
        }
    }

    #[test]
    fn users_have_their_form() {
        for good in ["root", "1000", "1000:1000", "www-data:adm"] {
            assert_eq!(
                check_user(Some(good.into())).unwrap().as_deref(),
                Some(good)
            );
        }
        assert_eq!(check_user(Some(String::new())).unwrap(), None);
        for bad in ["a b", "a:b:c", ":adm", "a\n", "../x"] {
            assert_eq!(
                check_user(Some(bad.into())).unwrap_err().code(),
                "bad-request",
                "{bad:?}"
            );
        }
    }
}
