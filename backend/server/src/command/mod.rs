//! The command line: its words, its help, and a file for each command.
//!
//! The words are Docker's where Docker has the thing; what Docker has and Estiva hasn't yet is refused by name.

mod attach;
mod base;
mod build;
mod cat;
mod compare;
mod completion;
mod confirm;
mod credentials;
mod dashboard;
mod detach;
mod doctor;
mod each;
mod exec;
mod foreground;
mod holdings;
mod images;
mod inspect;
mod interrupt;
mod kill;
mod load;
mod login;
mod logout;
mod logs;
mod mounts;
mod options;
mod port;
mod prune;
mod ps;
mod publish;
mod pull;
mod push;
mod rebuild;
mod report;
mod reset;
mod rm;
mod rmi;
mod run;
mod save;
mod sbom;
mod serve;
mod share;
mod stop;
mod stop_server;
mod tag;
mod terminal;
mod transfer;
mod typing;
mod unbuilt;
mod version;
mod volume;
mod words;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};
use estiva_shared::text::escape_name;

use crate::failure::Failure;
use crate::output::{self, say};

/// Where a world lies unless another root is named.
const DEFAULT_ROOT: &str = "/var/lib/estiva";

/// The variable that names another root.
const ROOT_VARIABLE: &str = "ESTIVA_ROOT";

/// What a command ends with: an exit status, or why it failed.
pub(crate) type Outcome = Result<u8, Failure>;

/// From a Dockerfile to a running container, with everything on the way in sight.
#[derive(Debug, Parser)]
#[command(
    name = "estiva",
    version,
    disable_help_subcommand = true,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = "Examples:\n  estiva base busybox                  make a base image, without a registry\n  estiva build -t hello examples/hello\n  estiva run --rm hello\n  estiva dashboard                     the address of the page\n  estiva share hello                   a link to the image's layer breakdown\n\nEach command has a help of its own: estiva build --help"
)]
struct Cli {
    /// The folder of a world of its own: its images, containers and server [default: $ESTIVA_ROOT, or /var/lib/estiva]
    #[arg(long, global = true, display_order = 900, value_name = "DIR")]
    root: Option<PathBuf>,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Build an image from a Dockerfile
    Build(build::Args),
    /// Run a program in a new container
    Run(Box<run::Args>),
    /// Run a further program in a running container
    Exec(exec::Args),
    /// Look at a running container, and type into it
    Attach(attach::Args),
    /// List containers
    Ps(ps::Args),
    /// Show where a container's ports are published
    Port(port::Args),
    /// Show what a container wrote
    Logs(logs::Args),
    /// Ask containers to end, and kill those that don't
    Stop(stop::Args),
    /// Send a signal to containers
    Kill(kill::Args),
    /// Remove containers
    Rm(rm::Args),
    /// Make, list and remove volumes
    Volume(volume::Args),
    /// List images
    Images(images::Args),
    /// Bring an image from its registry
    Pull(pull::Args),
    /// Bring an image to its registry
    Push(push::Args),
    /// Give an image one more name
    Tag(tag::Args),
    /// Remove images
    Rmi(rmi::Args),
    /// Free what only later builds would use: cached steps and their layers
    Prune(prune::Args),
    /// Write an image into an archive
    Save(save::Args),
    /// Take images from an archive
    Load(load::Args),
    /// Make a base image from this host, without a registry
    Base(base::Args),
    /// Take an image apart: a file (no server or root needed) or one of the store
    Inspect(inspect::Args),
    /// Print a file of an image, or a folder as a tar
    Cat(cat::Args),
    /// Say how two images differ, each a file or one of the store
    Compare(compare::Args),
    /// Print an image's packages as a bill of materials, in SPDX or CycloneDX
    Sbom(sbom::Args),
    /// Make, list and withdraw links to an image's layer breakdown
    Share(share::Args),
    /// Print an image's layer breakdown
    Report(report::Args),
    /// Keep a registry's credentials
    Login(login::Args),
    /// Forget a registry's credentials
    Logout(logout::Args),
    /// Run the server in the foreground
    Serve(serve::Args),
    /// Print the page's address, with a code that works once
    Dashboard(dashboard::Args),
    /// End the server; containers go on
    StopServer(stop_server::Args),
    /// End every container and remove everything of this root
    Reset(reset::Args),
    /// Say what this host offers, and what to do about what is missing
    Doctor(doctor::Args),
    /// Print what a shell needs to finish words as they are typed
    Completion(completion::Args),
    /// Print the version
    Version(version::Args),
}

/// The program: reads its arguments, does what they say, and tells what went wrong.
#[must_use]
pub fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    if let Some(code) = completion::answer(Cli::command, &arguments) {
        return code;
    }
    let known = Cli::command();
    if let Some(failure) = unbuilt::refuse(&known, &arguments) {
        return fail(&failure);
    }
    let exit_code = unbuilt::mistake_exit_code(&arguments);
    let cli = match Cli::try_parse_from(words::prepare(&known, &arguments)) {
        Ok(cli) => cli,
        Err(error) => return explain(&error, exit_code),
    };
    match cli.command.run(root(cli.root)) {
        Ok(code) => ExitCode::from(code),
        Err(failure) => fail(&failure),
    }
}

/// The root that is meant. A variable that is set to nothing names none, as a shell's user means it.
fn root(named: Option<PathBuf>) -> PathBuf {
    named
        .or_else(|| {
            std::env::var_os(ROOT_VARIABLE)
                .filter(|value| !value.is_empty())
                .map(PathBuf::from)
        })
        .unwrap_or_else(|| PathBuf::from(DEFAULT_ROOT))
}

impl Command {
    fn run(self, root: PathBuf) -> Outcome {
        match self {
            // These need no server: most have to work where none can run.
            Self::Doctor(args) => doctor::run(&args, &root),
            Self::Version(args) => version::run(&args),
            Self::Completion(args) => completion::run(&args),
            Self::Serve(args) => serve::run(args, &root),
            Self::Login(args) => login::run(args, &root),
            Self::Logout(args) => logout::run(&args),
            Self::Inspect(args) if args.is_file() => inspect::file(&args),
            Self::Cat(args) if args.is_file() => cat::file(&args),
            Self::Compare(args) if args.are_files() => compare::files(&args),
            Self::Sbom(args) if args.is_file() => sbom::file(&args),
            other => wait(other.ask(root)),
        }
    }

    async fn ask(self, root: PathBuf) -> Outcome {
        match self {
            Self::Build(args) => build::run(args, &root).await,
            Self::Run(args) => run::run(*args, &root).await.map_err(Failure::of_a_start),
            Self::Exec(args) => exec::run(args, &root).await.map_err(Failure::of_a_start),
            Self::Attach(args) => attach::run(args, &root).await,
            Self::Ps(args) => ps::run(&args, &root).await,
            Self::Port(args) => port::run(&args, &root).await,
            Self::Logs(args) => logs::run(args, &root).await,
            Self::Stop(args) => stop::run(&args, &root).await,
            Self::Kill(args) => kill::run(&args, &root).await,
            Self::Rm(args) => rm::run(&args, &root).await,
            Self::Volume(args) => volume::run(args, &root).await,
            Self::Images(args) => images::run(&args, &root).await,
            Self::Pull(args) => pull::run(args, &root).await,
            Self::Push(args) => push::run(args, &root).await,
            Self::Tag(args) => tag::run(args, &root).await,
            Self::Rmi(args) => rmi::run(&args, &root).await,
            Self::Prune(args) => prune::run(&args, &root).await,
            Self::Save(args) => save::run(&args, &root).await,
            Self::Load(args) => load::run(&args, &root).await,
            Self::Base(args) => base::run(&args, &root).await,
            Self::Inspect(args) => inspect::image(&args, &root).await,
            Self::Cat(args) => cat::image(&args, &root).await,
            Self::Compare(args) => compare::images(&args, &root).await,
            Self::Sbom(args) => sbom::image(&args, &root).await,
            Self::Share(args) => share::run(args, &root).await,
            Self::Report(args) => report::run(&args, &root).await,
            Self::Dashboard(args) => dashboard::run(&args, &root).await,
            Self::StopServer(args) => stop_server::run(&args, &root).await,
            Self::Reset(args) => reset::run(&args, &root).await,
            Self::Doctor(_)
            | Self::Version(_)
            | Self::Serve(_)
            | Self::Completion(_)
            | Self::Login(_)
            | Self::Logout(_) => Ok(0),
        }
    }
}

/// Runs a client's work on this thread alone: it starts faster than a pool would.
fn wait(work: impl Future<Output = Outcome>) -> Outcome {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(format_args!("can't start: {error}")))?
        .block_on(work)
}

/// What clap has to say: help and version on standard output, mistakes in our form.
fn explain(error: &clap::Error, exit_code: u8) -> ExitCode {
    if !error.use_stderr() {
        return match say(&error.to_string()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => fail(&failure),
        };
    }
    let text = error.to_string();
    if error.kind() == clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        output::complain(&text);
        return ExitCode::from(exit_code);
    }
    let (first, rest) = text.split_once('\n').unwrap_or((&text, ""));
    output::complain(&format!("estiva: {first}\n{rest}"));
    ExitCode::from(exit_code)
}

fn fail(failure: &Failure) -> ExitCode {
    if !failure.message.is_empty() {
        let mut text = format!("estiva: error: {}\n", escape_lines(&failure.message));
        if let Some(hint) = &failure.hint {
            text.push_str(&format!("hint: {}\n", escape_lines(hint)));
        }
        output::complain(&text);
    }
    ExitCode::from(failure.exit_code)
}

/// A message may quote what an archive or a Dockerfile says; its lines stay lines.
fn escape_lines(text: &str) -> String {
    text.lines()
        .map(|line| escape_name(line).into_owned())
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_has_a_help_with_an_example() {
        for command in Cli::command().get_subcommands_mut() {
            let name = command.get_name().to_owned();
            let help = command.render_long_help().to_string();
            assert!(help.contains("Example"), "{name} has no example");
            assert!(
                help.contains(&format!("estiva {name}")),
                "{name}'s example does not show it"
            );
        }
    }

    #[test]
    fn every_command_stands_in_the_documentation() {
        let page = include_str!("../../../../docs/commands.md");
        for command in Cli::command().get_subcommands() {
            let heading = format!("## estiva {}", command.get_name());
            assert!(page.contains(&heading), "docs/commands.md lacks: {heading}");
            for argument in command
                .get_arguments()
                .filter(|argument| !argument.is_hide_set())
            {
                if let Some(long) = argument.get_long() {
                    let section = page
                        .split(&heading)
                        .nth(1)
                        .and_then(|rest| rest.split("\n## ").next())
                        .unwrap_or("");
                    assert!(
                        section.contains(&format!("--{long}")) || long == "help" || long == "root",
                        "{heading} lacks --{long}"
                    );
                }
            }
        }
    }
}
