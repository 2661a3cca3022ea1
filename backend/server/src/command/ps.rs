//! `estiva ps`: the containers.

use std::path::Path;

use estiva_shared::protocol::{ContainerStatus, ContainerSummary, PublishedPort};

use super::{Outcome, port};
use crate::client::Client;
use crate::output::time::{ago, now_ms, span};
use crate::output::{say, say_json, short_id, table};

/// The longest command that is shown, in characters, as Docker cuts it.
const COMMAND_MAX: usize = 24;

/// The command's words.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  estiva ps\n  estiva ps -a\n  estiva rm $(estiva ps -aq)")]
pub(crate) struct Args {
    /// Those that ended too
    #[arg(short, long)]
    all: bool,
    /// Print ids and nothing else
    #[arg(short, long)]
    quiet: bool,
    /// Print all that is known, as JSON
    #[arg(long, conflicts_with = "quiet")]
    json: bool,
}

/// Lists them.
pub(crate) async fn run(args: &Args, root: &Path) -> Outcome {
    let mut client = Client::connect(root).await?;
    let containers: Vec<ContainerSummary> = client
        .get(&format!("/api/v1/containers?all={}", args.all))
        .await?;
    if args.json {
        say_json(&containers)?;
    } else if args.quiet {
        let ids: Vec<_> = containers
            .iter()
            .map(|container| format!("{}\n", short_id(&container.id)))
            .collect();
        say(&ids.concat())?;
    } else {
        let now = now_ms();
        let rows: Vec<_> = containers
            .iter()
            .map(|container| {
                [
                    short_id(&container.id).to_owned(),
                    container.image.clone(),
                    command(&container.command),
                    ago(container.created_ms, now),
                    status(container, now),
                    ports(&container.ports),
                    container.name.clone(),
                ]
            })
            .collect();
        say(&table::table(
            [
                "CONTAINER ID",
                "IMAGE",
                "COMMAND",
                "CREATED",
                "STATUS",
                "PORTS",
                "NAMES",
            ],
            &rows,
        ))?;
    }
    Ok(0)
}

fn command(words: &[String]) -> String {
    let all = words.join(" ");
    if all.chars().count() <= COMMAND_MAX {
        return format!("\"{all}\"");
    }
    let cut: String = all.chars().take(COMMAND_MAX - 1).collect();
    format!("\"{cut}…\"")
}

/// The ports in Docker's words: `0.0.0.0:8080->80/tcp`; neighbours of which both sides count up together as one.
fn ports(ports: &[PublishedPort]) -> String {
    let mut ranges: Vec<(PublishedPort, u16)> = Vec::new();
    for port in ports {
        let follows = |(first, length): &(PublishedPort, u16)| {
            (first.address, first.protocol) == (port.address, port.protocol)
                && first.host_port.checked_add(*length) == Some(port.host_port)
                && first.container_port.checked_add(*length) == Some(port.container_port)
        };
        match ranges.iter_mut().find(|range| follows(range)) {
            Some((_, length)) => *length += 1,
            None => ranges.push((*port, 1)),
        }
    }
    let one = |(first, length): &(PublishedPort, u16)| {
        let more = length - 1;
        let to = |port: u16| match more {
            0 => String::new(),
            more => format!("-{}", port + more),
        };
        let (outside, inside) = (to(first.host_port), to(first.container_port));
        let rest = format!(
            "{outside}->{}{inside}/{}",
            first.container_port,
            port::name(first.protocol)
        );
        let addresses = port::addresses(first).into_iter();
        addresses.map(move |address| format!("{address}{rest}"))
    };
    let shown: Vec<String> = ranges.iter().flat_map(one).collect();
    shown.join(", ")
}

/// The state in Docker's words.
fn status(container: &ContainerSummary, now: u64) -> String {
    match &container.status {
        ContainerStatus::Created => "Created".to_owned(),
        ContainerStatus::Running => {
            let since = container.started_ms.unwrap_or(container.created_ms);
            format!("Up {}", span(now.saturating_sub(since) / 1000))
        }
        ContainerStatus::Exited {
            code,
            oom_killed,
            finished_ms,
            ..
        } => {
            let why = if *oom_killed { ", out of memory" } else { "" };
            format!("Exited ({code}{why}) {}", ago(*finished_ms, now))
        }
        ContainerStatus::Failed { message } => format!("Failed: {message}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_that_count_up_together_are_one_range() {
        let port = |host_port, container_port| PublishedPort {
            address: Some("127.0.0.1".parse().unwrap()),
            host_port,
            container_port,
            ..PublishedPort::default()
        };
        let all = [
            port(8000, 80),
            port(8001, 81),
            port(8003, 82),
            port(65535, 65535),
        ];
        assert_eq!(
            ports(&all),
            "127.0.0.1:8000-8001->80-81/tcp, 127.0.0.1:8003->82/tcp, 127.0.0.1:65535->65535/tcp"
        );
        let everywhere = PublishedPort {
            address: None,
            ..port(8080, 80)
        };
        assert_eq!(
            ports(&[everywhere]),
            "0.0.0.0:8080->80/tcp, [::]:8080->80/tcp"
        );
    }
}
