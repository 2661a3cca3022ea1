//! A terminal as a page has it: the WebSocket with a token, binary frames, and both windows, kept and broken.

// Closures and helpers beside the tests panic as tests do.
#![allow(clippy::unwrap_used)]

mod world;

use std::time::Duration;

use estiva_shared::protocol::{
    ClientMessage, ExecEvent, PROTOCOL_VERSION, ServerMessage, TERMINAL_INPUT_BYTES_MAX,
    TERMINAL_WINDOW_BYTES, TerminalFrame, TerminalFrameKind, TerminalSize,
};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};
use world::World;

/// Longer than anything here takes on a busy host.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long is waited to be sure that nothing comes.
const NOTHING_WITHIN: Duration = Duration::from_millis(700);

const ID: u64 = 5;

/// A page's connection.
struct Page(WebSocketStream<TcpStream>);

impl Page {
    async fn open(world: &World) -> Self {
        let (address, token) = world.session();
        let stream = TcpStream::connect(&address).await.unwrap();
        let url = format!("ws://{address}/api/v1/socket");
        let (socket, _) = client_async(url, stream).await.unwrap();
        let mut page = Self(socket);
        page.say(&ClientMessage::Hello {
            protocol: PROTOCOL_VERSION,
            token: Some(token),
        })
        .await;
        assert!(matches!(page.hear().await, ServerMessage::Welcome { .. }));
        page
    }

    async fn say(&mut self, message: &ClientMessage) {
        let message = match message {
            ClientMessage::Terminal(frame) => Message::Binary(frame.encode().into()),
            other => Message::Text(serde_json::to_string(other).unwrap().into()),
        };
        self.0.send(message).await.unwrap();
    }

    async fn type_in(&mut self, bytes: &[u8]) {
        self.say(&ClientMessage::Terminal(TerminalFrame {
            id: ID,
            kind: TerminalFrameKind::Input,
            bytes: bytes.to_vec(),
        }))
        .await;
    }

    async fn attach(&mut self, container: &str) {
        self.say(&ClientMessage::Attach {
            id: ID,
            container: container.to_owned(),
            exec: None,
            size: Some(TerminalSize {
                rows: 33,
                columns: 111,
            }),
        })
        .await;
        let attached = self.hear().await;
        let ServerMessage::Attached { terminal, .. } = attached else {
            panic!("{attached:?}")
        };
        assert!(terminal);
    }

    async fn hear(&mut self) -> ServerMessage {
        timeout(PATIENCE, self.next()).await.expect("a message")
    }

    /// The next message, without a limit.
    async fn next(&mut self) -> ServerMessage {
        loop {
            match self.0.next().await.unwrap().unwrap() {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Binary(bytes) => {
                    return ServerMessage::Terminal(TerminalFrame::decode(&bytes).unwrap());
                }
                Message::Close(frame) => panic!("closed: {frame:?}"),
                _ => {}
            }
        }
    }

    async fn shown(&mut self, bytes: u64) {
        self.say(&ClientMessage::Shown { id: ID, bytes }).await;
    }

    /// Reads on, and shows what comes, until it holds this.
    async fn read_until(&mut self, text: &str) -> String {
        let mut seen = String::new();
        while !seen.contains(text) {
            match self.hear().await {
                ServerMessage::Terminal(frame) => {
                    self.shown(frame.bytes.len() as u64).await;
                    seen.push_str(&String::from_utf8_lossy(&frame.bytes));
                }
                ServerMessage::Taken { .. } => {}
                other => panic!("{other:?} before {text:?}: {seen:?}"),
            }
        }
        seen
    }

    /// The code with which the server refuses this page.
    async fn refused(&mut self) -> String {
        loop {
            match self.hear().await {
                ServerMessage::Refused(error) => return error.code,
                ServerMessage::Terminal(_) | ServerMessage::Taken { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

fn run(world: &World, script: &str) {
    world.ok(&[
        "run", "-dit", "--name", "box", "busybox", "sh", "-c", script,
    ]);
}

#[tokio::test]
async fn a_slow_page_loses_no_line_and_is_sent_no_more_than_its_window() {
    let Some(world) =
        World::with_busybox("a_slow_page_loses_no_line_and_is_sent_no_more_than_its_window")
    else {
        return;
    };
    run(
        &world,
        "read go; awk 'BEGIN { for (i = 1; i <= 100000; i++) print \"line \" i }'; exit 7",
    );
    let mut page = Page::open(&world).await;
    page.attach("box").await;
    page.type_in(b"go\n").await;
    let (mut bytes, mut unshown, mut code) = (Vec::new(), 0, None);
    while code.is_none() {
        match timeout(NOTHING_WITHIN, page.next()).await {
            Ok(ServerMessage::Terminal(frame)) => {
                unshown += frame.bytes.len() as u64;
                assert!(unshown <= TERMINAL_WINDOW_BYTES, "{unshown}");
                bytes.extend(frame.bytes);
            }
            Ok(ServerMessage::Exec {
                event: ExecEvent::Exited { code: ended, .. },
                ..
            }) => code = Some(ended),
            Ok(ServerMessage::Taken { .. }) => {}
            Ok(other) => panic!("{other:?}"),
            // Nothing more comes until this is said: long after the program has ended, and its monitor has gone.
            Err(_) => {
                assert!(unshown > 0, "silence with an open window");
                page.shown(unshown).await;
                unshown = 0;
            }
        }
    }
    let text = String::from_utf8(bytes).unwrap();
    let lines: Vec<_> = text
        .lines()
        .filter(|line| line.starts_with("line"))
        .collect();
    assert_eq!(lines.len(), 100_000);
    for (index, line) in lines.iter().enumerate() {
        assert_eq!(*line, format!("line {}", index + 1));
    }
    assert_eq!(code, Some(7));
    assert!(matches!(
        page.hear().await,
        ServerMessage::Ended { error: None, .. }
    ));
}

#[tokio::test]
async fn a_page_comes_back_to_what_stood_there_and_two_share_one_terminal() {
    let Some(world) =
        World::with_busybox("a_page_comes_back_to_what_stood_there_and_two_share_one_terminal")
    else {
        return;
    };
    run(&world, "exec sh");
    let mut page = Page::open(&world).await;
    page.attach("box").await;
    page.type_in(b"stty size\n").await;
    page.read_until("33 111").await;
    drop(page);
    let mut one = Page::open(&world).await;
    one.attach("box").await;
    one.read_until("33 111").await;
    let mut other = Page::open(&world).await;
    other.attach("box").await;
    other
        .say(&ClientMessage::Resize {
            id: ID,
            size: TerminalSize {
                rows: 20,
                columns: 70,
            },
        })
        .await;
    other.type_in(b"stty size\n").await;
    other.read_until("20 70").await;
    one.read_until("20 70").await;
    // A message for what is no attachment, or has gone, is no mistake of a page that was a moment late.
    one.say(&ClientMessage::Cancel { id: ID }).await;
    one.say(&ClientMessage::Shown { id: 77, bytes: 1 }).await;
    let mut ended = false;
    while !ended {
        ended = matches!(one.hear().await, ServerMessage::Ended { error: None, .. });
    }
    other.type_in(b"echo $((40+2)) lives\n").await;
    other.read_until("42 lives").await;
}

#[tokio::test]
async fn a_page_that_breaks_its_windows_is_refused_and_the_container_goes_on() {
    let Some(world) =
        World::with_busybox("a_page_that_breaks_its_windows_is_refused_and_the_container_goes_on")
    else {
        return;
    };
    run(&world, "sleep 1000");
    let flood = usize::try_from(TERMINAL_INPUT_BYTES_MAX).unwrap() + 1;
    let output = TerminalFrame {
        id: ID,
        kind: TerminalFrameKind::Output,
        bytes: b"x".to_vec(),
    };
    let input = TerminalFrame {
        id: ID,
        kind: TerminalFrameKind::Input,
        bytes: vec![b'\n'; flood],
    };
    for wrong in [
        ClientMessage::Shown {
            id: ID,
            bytes: u64::MAX,
        },
        ClientMessage::Terminal(output),
        ClientMessage::Terminal(input),
    ] {
        let mut page = Page::open(&world).await;
        page.attach("box").await;
        page.say(&wrong).await;
        assert_eq!(page.refused().await, "bad-message");
    }
    let mut page = Page::open(&world).await;
    page.0
        .send(Message::Binary(vec![9; 4].into()))
        .await
        .unwrap();
    assert_eq!(page.refused().await, "bad-message");
    assert!(world.ok(&["ps"]).contains("box"));
}
