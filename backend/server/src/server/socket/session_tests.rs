//! The session over channels: no server, no network, and a start that the test holds in its hand.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use estiva_shared::protocol::LogChunk;
use futures_util::sink;
use tokio::sync::Notify;
use tokio_stream::wrappers::UnboundedReceiverStream;

use super::*;

/// What a started thing does: logs repeat their container's name for ever, stats end at once, the rest wait.
#[derive(Clone, Default)]
struct Fake {
    alive: Arc<Mutex<usize>>,
}

struct Alive(Arc<Mutex<usize>>);

impl Drop for Alive {
    fn drop(&mut self) {
        *self.0.lock().unwrap() -= 1;
    }
}

impl Start for Fake {
    fn start(&self, message: ClientMessage, outbox: Outbox) -> Started {
        *self.alive.lock().unwrap() += 1;
        let alive = Alive(Arc::clone(&self.alive));
        let gentle = Arc::new(Notify::new());
        let cancelled = Arc::clone(&gentle);
        let is_build = matches!(message, ClientMessage::Build { .. });
        let running: Running = Box::pin(async move {
            let _alive = alive;
            match message {
                ClientMessage::Logs { id, container, .. } => loop {
                    let chunk = LogChunk {
                        time_ms: 0,
                        stream: estiva_shared::protocol::OutputStream::Stdout,
                        bytes: container.clone().into_bytes(),
                    };
                    if outbox
                        .send(ServerMessage::Logs {
                            id,
                            chunks: vec![chunk],
                        })
                        .await
                        .is_err()
                    {
                        return Ok(());
                    }
                    tokio::task::yield_now().await;
                },
                ClientMessage::Stats { container, .. } => Err(ErrorBody {
                    code: "unknown-container".into(),
                    message: container,
                    hint: None,
                }),
                ClientMessage::Build { .. } => {
                    cancelled.notified().await;
                    Err(ErrorBody {
                        code: "cancelled".into(),
                        message: "cancelled".into(),
                        hint: None,
                    })
                }
                _ => std::future::pending().await,
            }
        });
        let cancel: Box<dyn Fn() + Send + Sync> = Box::new(move || gentle.notify_one());
        Started {
            running,
            cancel: is_build.then_some(cancel),
            listen: None,
        }
    }
}

struct Client {
    to: mpsc::UnboundedSender<Result<Message, Infallible>>,
    from: mpsc::UnboundedReceiver<Message>,
    fake: Fake,
    ending: watch::Sender<Ending>,
    task: tokio::task::JoinHandle<()>,
}

impl Client {
    fn connect(trust: Trust) -> Self {
        let (to, incoming) = mpsc::unbounded_channel();
        let (sender, from) = mpsc::unbounded_channel();
        let incoming = UnboundedReceiverStream::new(incoming);
        let outgoing = Box::pin(sink::unfold(
            sender,
            |sender, message: Message| async move { sender.send(message).map(|()| sender) },
        ));
        let (ending, stop) = watch::channel(Ending::None);
        let fake = Fake::default();
        let task = tokio::spawn(run(incoming, outgoing, trust, fake.clone(), stop));
        Self {
            to,
            from,
            fake,
            ending,
            task,
        }
    }

    async fn greeted() -> Self {
        Self::greeted_as(Trust::Owner).await
    }

    async fn greeted_as(trust: Trust) -> Self {
        let mut client = Self::connect(trust);
        client.say(HELLO);
        assert!(matches!(
            client.hear().await,
            Some(ServerMessage::Welcome { protocol: 1, .. })
        ));
        client
    }

    fn say(&self, text: &str) {
        self.to.send(Ok(Message::Text(text.into()))).unwrap();
    }

    /// The next message that is not the WebSocket's own.
    async fn hear(&mut self) -> Option<ServerMessage> {
        loop {
            match self.from.recv().await? {
                Message::Text(text) => return Some(serde_json::from_str(&text).unwrap()),
                _ => continue,
            }
        }
    }

    async fn refused(&mut self) -> String {
        loop {
            match self.hear().await.expect("a refusal comes before the end") {
                ServerMessage::Refused(body) => return body.code,
                _ => continue,
            }
        }
    }
}

#[tokio::test]
async fn the_first_message_is_a_hello_of_this_protocol_with_a_known_token() {
    let known = || Trust::Token(Box::new(|token: &str| token == "good"));
    for (trust, first, code) in [
        (
            Trust::Owner,
            r#"{"type":"hello","protocol":999}"#,
            "other-protocol",
        ),
        (
            Trust::Owner,
            r#"{"type":"watch_images","id":1}"#,
            "no-hello",
        ),
        (Trust::Owner, "{", "bad-message"),
        (known(), r#"{"type":"hello","protocol":1}"#, "no-token"),
        (
            known(),
            r#"{"type":"hello","protocol":1,"token":"bad"}"#,
            "no-token",
        ),
    ] {
        let mut client = Client::connect(trust);
        client.say(first);
        assert_eq!(client.refused().await, code, "{first}");
        assert!(client.hear().await.is_none());
    }
    let mut client = Client::connect(known());
    client.say(r#"{"type":"hello","protocol":1,"token":"good"}"#);
    assert!(matches!(
        client.hear().await,
        Some(ServerMessage::Welcome { .. })
    ));
}

#[tokio::test(start_paused = true)]
async fn who_says_nothing_is_not_waited_for() {
    let mut client = Client::connect(Trust::Owner);
    assert_eq!(client.refused().await, "no-hello");
}

#[tokio::test]
async fn what_is_started_answers_under_its_number_and_tells_its_end() {
    let mut client = Client::greeted().await;
    client.say(r#"{"type":"stats","id":7,"container":"gone"}"#);
    let Some(ServerMessage::Ended {
        id: 7,
        error: Some(error),
    }) = client.hear().await
    else {
        panic!("expected an end")
    };
    assert_eq!(error.code, "unknown-container");
    // The number is free again.
    client.say(r#"{"type":"stats","id":7,"container":"gone"}"#);
    assert!(matches!(
        client.hear().await,
        Some(ServerMessage::Ended { id: 7, .. })
    ));
}

#[tokio::test]
async fn a_subscription_is_dropped_and_a_build_ends_gently() {
    let mut client = Client::greeted().await;
    client.say(r#"{"type":"watch_images","id":1}"#);
    client.say(r#"{"type":"build","id":2,"request":{"context":{"from":"empty"}}}"#);
    client.say(r#"{"type":"cancel","id":1}"#);
    assert_eq!(
        client.hear().await,
        Some(ServerMessage::Ended { id: 1, error: None })
    );
    client.say(r#"{"type":"cancel","id":2}"#);
    let Some(ServerMessage::Ended {
        id: 2,
        error: Some(error),
    }) = client.hear().await
    else {
        panic!("expected an end")
    };
    assert_eq!(error.code, "cancelled");
    client.say(r#"{"type":"cancel","id":2}"#);
    client.say(r#"{"type":"stats","id":3,"container":"x"}"#);
    assert!(matches!(
        client.hear().await,
        Some(ServerMessage::Ended { id: 3, .. })
    ));
}

#[tokio::test]
async fn numbers_in_use_second_hellos_and_floods_are_refused() {
    for (messages, code) in [
        (
            vec![r#"{"type":"watch_images","id":1}"#.to_owned(); 2],
            "bad-message",
        ),
        (
            vec![r#"{"type":"hello","protocol":1}"#.to_owned()],
            "bad-message",
        ),
        (
            (0..=STARTED_MAX)
                .map(|id| format!(r#"{{"type":"watch_images","id":{id}}}"#))
                .collect(),
            "too-many",
        ),
    ] {
        let mut client = Client::greeted().await;
        messages.iter().for_each(|message| client.say(message));
        assert_eq!(client.refused().await, code);
    }
}

#[tokio::test]
async fn all_that_was_started_ends_with_the_connection() {
    let client = Client::greeted().await;
    client.say(r#"{"type":"watch_images","id":1}"#);
    client.say(r#"{"type":"build","id":2,"request":{"context":{"from":"empty"}}}"#);
    client.say(r#"{"type":"logs","id":3,"container":"c","follow":true}"#);
    let fake = client.fake.clone();
    drop(client.to);
    client.task.await.unwrap();
    assert_eq!(*fake.alive.lock().unwrap(), 0);
}

#[tokio::test]
async fn the_servers_end_ends_the_session_and_says_so() {
    let mut client = Client::greeted().await;
    client.say(r#"{"type":"build","id":2,"request":{"context":{"from":"empty"}}}"#);
    client.ending.send_replace(Ending::Stop);
    assert_eq!(client.refused().await, "server-stopped");
    client.task.await.unwrap();
    assert_eq!(*client.fake.alive.lock().unwrap(), 0);
}

/// A page, which came with a token.
fn page() -> Trust {
    Trust::Token(Box::new(|_: &str| true))
}

const HELLO: &str = r#"{"type":"hello","protocol":1,"token":"good"}"#;
const LOGS: &str = r#"{"type":"logs","id":1,"container":"c","follow":true}"#;

/// A session whose client takes two messages (the welcome and the first of a log), and none while the gate is shut.
struct Stuck {
    to: mpsc::UnboundedSender<Result<Message, Infallible>>,
    gate: Arc<tokio::sync::Semaphore>,
    taken: Arc<Mutex<usize>>,
    ending: watch::Sender<Ending>,
    fake: Fake,
    task: tokio::task::JoinHandle<()>,
}

fn stuck(trust: Trust) -> Stuck {
    let (to, incoming) = mpsc::unbounded_channel();
    let gate = Arc::new(tokio::sync::Semaphore::new(2));
    let taken = Arc::new(Mutex::new(0));
    let state = (Arc::clone(&gate), Arc::clone(&taken));
    let outgoing = Box::pin(sink::unfold(state, |state, _message: Message| async move {
        state.0.acquire().await.unwrap().forget();
        *state.1.lock().unwrap() += 1;
        Ok::<_, Infallible>(state)
    }));
    let fake = Fake::default();
    let (ending, stop) = watch::channel(Ending::None);
    for message in [HELLO, LOGS] {
        to.send(Ok(Message::Text(message.into()))).unwrap();
    }
    let incoming = UnboundedReceiverStream::new(incoming);
    let task = tokio::spawn(run(incoming, outgoing, trust, fake.clone(), stop));
    Stuck {
        to,
        gate,
        taken,
        ending,
        fake,
        task,
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_that_takes_nothing_is_disconnected_and_its_things_end() {
    let client = stuck(page());
    client.task.await.unwrap();
    assert_eq!(*client.fake.alive.lock().unwrap(), 0);
}

/// `estiva logs -f c | less`, Ctrl-Z, Ctrl-S: a command that took nothing for half a minute lost its build or its log.
#[tokio::test(start_paused = true)]
async fn the_owners_client_may_take_nothing_for_hours_and_goes_on() {
    let client = stuck(Trust::Owner);
    sleep(Duration::from_secs(8 * 60 * 60)).await;
    assert_eq!(*client.taken.lock().unwrap(), 2);
    client.gate.add_permits(1_000);
    while *client.taken.lock().unwrap() < 1_000 {
        sleep(Duration::from_millis(1)).await;
    }
    assert!(!client.task.is_finished());
    drop(client.to);
}

#[tokio::test(start_paused = true)]
async fn the_servers_end_waits_for_no_client_that_takes_nothing() {
    for trust in [Trust::Owner, page()] {
        let client = stuck(trust);
        sleep(Duration::from_secs(10)).await;
        let since = Instant::now();
        client.ending.send_replace(Ending::Stop);
        client.task.await.unwrap();
        assert!(since.elapsed() < Duration::from_secs(10));
        assert_eq!(*client.fake.alive.lock().unwrap(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_that_answers_no_ping_is_disconnected_and_told_why() {
    let mut client = Client::greeted_as(page()).await;
    let (mut pings, mut reason) = (0, None);
    while let Some(frame) = client.from.recv().await {
        pings += usize::from(matches!(frame, Message::Ping(_)));
        if let Message::Close(Some(frame)) = frame {
            reason = Some(frame.reason.as_str().to_owned());
        }
    }
    assert!((2..10).contains(&pings), "{pings}");
    assert_eq!(reason.as_deref(), Some("silent"));
}

/// Each end was told by looking for all things that were over: one that had failed was told as dropped, without its
/// error, and then again; so were several that were dropped at once.
#[tokio::test]
async fn each_thing_ends_once_and_with_its_own_error() {
    const FEW: u64 = 20;
    let mut client = Client::greeted().await;
    for id in 0..FEW {
        client.say(&format!(r#"{{"type":"watch_images","id":{id}}}"#));
    }
    for id in 0..FEW {
        let failing = id + FEW;
        client.say(&format!(
            r#"{{"type":"stats","id":{failing},"container":"x"}}"#
        ));
        client.say(&format!(r#"{{"type":"cancel","id":{id}}}"#));
    }
    let mut ends = HashMap::new();
    for _ in 0..2 * FEW {
        let Some(ServerMessage::Ended { id, error }) = client.hear().await else {
            panic!("expected an end")
        };
        assert_eq!(error.is_some(), id >= FEW, "{id}");
        assert!(ends.insert(id, error).is_none(), "{id} ended twice");
    }
    client.say(r#"{"type":"stats","id":99,"container":"x"}"#);
    assert!(matches!(
        client.hear().await,
        Some(ServerMessage::Ended { id: 99, .. })
    ));
}
