//! `estiva run`: a new container, in the foreground or the background.

use std::path::{Path, PathBuf};

use estiva_shared::protocol::{
    ContainerStatus, Limits, Mount, NetworkMode, PullPolicy, RunRequest, RunResponse,
};
use hyper::Method;

use super::attach::{folder_of, runs_on};
use super::completion::names;
use super::foreground::{self, Attached, Following, Signals};
use super::publish::{self, Published};
use super::typing::TypingArgs;
use super::{Outcome, mounts, options, pull};
use crate::client::{Client, segment};
use crate::failure::{EXIT_INTERRUPTED, EXIT_NOT_STARTED, Failure};
use crate::output::{complain, say_line};

/// The command's words.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The exit status is the program's; 125 where the container could not be started, 126 where the program can't be executed, 127 where it is not there. SIGINT and SIGTERM are passed on; at the third, a container with --rm is killed, and one without is left running. What is written to a slow reader waits for it, and so does the container. With -it, ctrl-p ctrl-q detaches, and `estiva attach` comes back.\n\nExamples:\n  estiva run --rm -it busybox sh\n  estiva run --rm hello\n  estiva run --rm hello echo \"other words\"\n  estiva run -d --name web -p 8080:80 site\n  estiva run -d --name counter -m 64m --cpus 0.5 --pids-limit 64 hello\n  estiva run -v ./data:/data -v cache:/var/cache --read-only hello"
)]
pub(crate) struct Args {
    /// Remove the container when it has ended
    #[arg(long)]
    rm: bool,
    /// Leave it running, and print its id
    #[arg(short, long)]
    detach: bool,
    #[command(flatten)]
    typing: TypingArgs,
    /// Name it
    #[arg(long)]
    name: Option<String>,
    /// Set a variable of its environment; KEY alone takes this shell's value
    #[arg(short, long, value_name = "KEY=VALUE")]
    env: Vec<String>,
    /// Set the variables of a file, a KEY=VALUE on each line; -e goes before
    #[arg(long, value_name = "FILE")]
    env_file: Vec<PathBuf>,
    /// The folder it begins in
    #[arg(short, long, value_name = "DIR")]
    workdir: Option<String>,
    /// Who it runs as
    #[arg(short, long, value_name = "USER[:GROUP]")]
    user: Option<String>,
    /// Replace the image's ENTRYPOINT
    #[arg(long, value_name = "PROGRAM")]
    entrypoint: Option<String>,
    /// The most memory, such as 64m, or 0 for no limit; the kernel kills what takes more
    #[arg(short, long, value_name = "BYTES", allow_negative_numbers = true, value_parser = options::bytes)]
    memory: Option<u64>,
    /// The most processor time, in cores, such as 0.5, or 0 for no limit
    #[arg(long, value_name = "CORES", allow_negative_numbers = true, value_parser = options::cores)]
    cpus: Option<f64>,
    /// The most processes and threads, or -1 for no limit
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true, value_parser = options::pids)]
    pids_limit: Option<u64>,
    /// Publish a port of the container at one of the host's: 8080:80, 127.0.0.1:8080:80, 53:53/udp, 80 for any free one
    #[arg(short, long, value_name = "[ADDRESS:][HOST:]CONTAINER[/tcp|udp]", value_parser = publish::publish)]
    publish: Vec<Published>,
    /// Publish every port that the image exposes, each at a free one of the host's
    #[arg(short = 'P', long)]
    publish_all: bool,
    /// bridge: an address of its own, and the way out through the host; none: a loopback interface and nothing else; host:
    /// the host's own
    #[arg(long, alias = "net", default_value = "bridge", value_parser = options::network)]
    network: NetworkMode,
    /// no-new-privileges: sudo, su and other set-user-ID programs gain nothing
    #[arg(long, value_name = "OPTION", value_parser = options::no_new_privileges)]
    security_opt: Vec<bool>,
    /// When the registry is asked for the image: missing, always or never
    #[arg(long, value_name = "WHEN", default_value = "missing", value_parser = options::pull)]
    pull: PullPolicy,
    /// Mount a folder of the host, made where there is none, or a volume by its name; TARGET alone makes a volume
    #[arg(short, long, value_name = "[SOURCE:]TARGET[:ro]", value_parser = mounts::volume)]
    volume: Vec<Mount>,
    /// The same in Docker's longer words: type=bind|volume|tmpfs,source=…,target=…,readonly; a bind's source must exist
    #[arg(long, value_name = "WORDS", value_parser = mounts::mount)]
    mount: Vec<Mount>,
    /// Mount a folder in memory; its options are size, mode, uid, gid, ro and exec
    #[arg(long, value_name = "TARGET[:OPTIONS]", value_parser = mounts::tmpfs)]
    tmpfs: Vec<Mount>,
    /// Its own file system can't be written; what is mounted can
    #[arg(long)]
    read_only: bool,
    /// It trusts the certificates that this host trusts
    #[arg(long)]
    trust_host_ca: bool,
    /// The image's name or id
    #[arg(add = names::images())]
    image: String,
    /// A program and its arguments, in place of the image's CMD
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<String>,
}

impl Args {
    /// The image, and the words of its program.
    #[cfg(test)]
    pub(super) fn words(&self) -> (&str, Vec<&str>) {
        (&self.image, self.args.iter().map(String::as_str).collect())
    }

    fn request(&self) -> Result<RunRequest, Failure> {
        let mut env = mounts::env_files(&self.env_file)?;
        env.extend(options::variables(&self.env));
        let mounts = [&self.volume, &self.mount, &self.tmpfs];
        Ok(RunRequest {
            image: self.image.clone(),
            args: self.args.clone(),
            name: self.name.clone(),
            env,
            workdir: self.workdir.clone(),
            user: self.user.clone(),
            entrypoint: self.entrypoint.clone(),
            // Docker's words for "no limit" are numbers; here it is that there is none.
            limits: Limits {
                memory_bytes: self.memory.filter(|bytes| *bytes > 0),
                cpus: self.cpus.filter(|cores| *cores > 0.0),
                pids: self.pids_limit.filter(|pids| *pids > 0),
            },
            network: self.network,
            remove: self.rm,
            // Of several, the last holds.
            no_new_privileges: self.security_opt.last() == Some(&true),
            ports: self
                .publish
                .iter()
                .flat_map(|each| each.0.clone())
                .collect(),
            publish_all: self.publish_all,
            mounts: mounts.into_iter().flatten().cloned().collect(),
            read_only: self.read_only,
            trust_host_ca: self.trust_host_ca,
            interactive: self.typing.interactive,
            terminal: self.typing.tty,
            terminal_size: self.typing.size(),
            // What is to be pulled is pulled before, with the caller's credentials.
            pull: PullPolicy::Never,
        })
    }
}

/// Runs it.
pub(crate) async fn run(args: Args, root: &Path) -> Outcome {
    if !args.detach {
        args.typing.check()?;
    }
    let request = args.request()?;
    let mut client = Client::connect(root).await?;
    if args.detach {
        let response = start(&mut client, &args, &request, root, None).await?;
        say_line(&response.id)?;
        return Ok(0);
    }
    // Signals are caught from before the start, so that none finds a container that nobody passes it to.
    let mut signals = Signals::catch()?;
    let response = start(&mut client, &args, &request, root, Some(&mut signals)).await?;
    let state_dir = folder_of(response.monitor_socket.as_deref())?;
    let following = Following::anew(state_dir, args.typing.typing(), args.rm);
    let attached = foreground::follow(following, &mut signals).await;
    let path = format!("/api/v1/containers/{}", segment(&response.id));
    let outcome = match attached {
        Attached::Exited { exit, whole } => {
            if exit.oom_killed {
                complain(
                    "estiva: the kernel killed a process of the container: it reached its memory limit\n",
                );
            }
            let code = u8::try_from(exit.code).unwrap_or(EXIT_NOT_STARTED);
            if !whole {
                complain("estiva: a part of the container's output was lost\n");
            }
            Ok(if whole || code != 0 {
                code
            } else {
                EXIT_NOT_STARTED
            })
        }
        Attached::Left => {
            if !args.rm {
                complain(&format!(
                    "estiva: {name} runs on; see it with `estiva logs -f {name}`, end it with `estiva stop {name}`\n",
                    name = response.name
                ));
            }
            Ok(EXIT_INTERRUPTED)
        }
        Attached::Detached => {
            complain(&runs_on(&response.name));
            // The server removes it at its end, if it is to be.
            return Ok(0);
        }
        Attached::Unwritable(failure) => Err(failure),
        Attached::Lost => lost(&mut client, &path).await,
    };
    if args.rm
        && let Err(failure) = remove(&mut client, root, &path).await
    {
        return outcome.and(Err(failure));
    }
    outcome
}

/// Starts the container, for the foreground where there are signals. That its image is missing is found out by that: who
/// has it, pays for no question.
async fn start(
    client: &mut Client,
    args: &Args,
    request: &RunRequest,
    root: &Path,
    mut signals: Option<&mut Signals>,
) -> Result<RunResponse, Failure> {
    let path = match signals {
        Some(_) => "/api/v1/containers?attach=true",
        None => "/api/v1/containers",
    };
    if args.pull == PullPolicy::Always {
        let client = Client::connect(root).await?;
        pull::for_run(client, &args.image, false, signals.as_deref_mut()).await?;
    }
    match client.post(path, request).await {
        Err(failure)
            if args.pull == PullPolicy::Missing
                && failure.code.as_deref() == Some("unknown-image") =>
        {
            let puller = Client::connect(root).await?;
            pull::for_run(puller, &args.image, true, signals).await?;
            client.post(path, request).await
        }
        other => other,
    }
}

/// Removes the container. Its server may have been killed and replaced while it ran, and then the next one is asked.
async fn remove(client: &mut Client, root: &Path, path: &str) -> Result<(), Failure> {
    let path = format!("{path}?force=true");
    let mut removed = client.order(Method::DELETE, &path).await;
    if removed
        .as_ref()
        .is_err_and(|failure| failure.code.is_none())
    {
        removed = Client::connect(root)
            .await?
            .order(Method::DELETE, &path)
            .await;
    }
    match removed {
        // Where this command is slow, the server has done it.
        Err(failure) if failure.code.as_deref() == Some("unknown-container") => Ok(()),
        other => other,
    }
}

/// What the server knows of a container whose monitor can't be asked.
async fn lost(client: &mut Client, path: &str) -> Outcome {
    match client
        .ask_json(Method::POST, &format!("{path}/wait"))
        .await?
    {
        ContainerStatus::Exited { code, .. } => Ok(u8::try_from(code).unwrap_or(EXIT_NOT_STARTED)),
        ContainerStatus::Failed { message } => Err(Failure::new(message)),
        status => Err(Failure::new(format_args!(
            "expected the container's end, but found {status:?}"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Words {
        #[command(flatten)]
        args: Args,
    }

    fn request(words: &str) -> RunRequest {
        let words = std::iter::once("run").chain(words.split(' '));
        Words::try_parse_from(words)
            .unwrap()
            .args
            .request()
            .unwrap()
    }

    // Scripts written for Docker pass "no limit" as a number, and were refused.
    #[test]
    fn dockers_words_for_no_limit_are_none() {
        let unlimited = request("-m 0 --cpus 0 --pids-limit -1 busybox");
        assert_eq!(unlimited.limits, Limits::default());
        assert_eq!(unlimited.image, "busybox");
        let limited = request("-m 64m --cpus 0.5 --pids-limit=7 busybox").limits;
        assert_eq!(
            (limited.memory_bytes, limited.cpus, limited.pids),
            (Some(64 << 20), Some(0.5), Some(7))
        );
    }

    #[test]
    fn ports_of_several_options_are_one_list() {
        let request = request("-p 8080:80 -p53:53/udp --publish=9000-9001 -P busybox");
        let ports: Vec<_> = request
            .ports
            .iter()
            .map(|port| port.container_port)
            .collect();
        assert_eq!(ports, [80, 53, 9000, 9001]);
        assert!(request.publish_all && request.network == NetworkMode::Bridge);
    }

    #[test]
    fn privileges_are_forbidden_by_dockers_option() {
        assert!(!request("busybox").no_new_privileges);
        assert!(request("--security-opt no-new-privileges busybox").no_new_privileges);
        assert!(!request("--security-opt no-new-privileges:false busybox").no_new_privileges);
    }
}
