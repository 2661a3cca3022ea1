//! The run dialog, the pull and published ports in a real document: what a person types, is told, and can press.
#![cfg(target_arch = "wasm32")]

mod stage;

use std::cell::RefCell;
use std::rc::Rc;

use estiva_frontend::components::{BasePulls, NetworkChoice, PortLinks, PullPanel, RunDialog};
use estiva_frontend::i18n::Language;
use estiva_frontend::state::build_run::BasePull;
use estiva_frontend::state::pull::{Pull, PullAction};
use estiva_shared::protocol::{
    ErrorBody, LayerState, NetworkMode, PortProtocol, PublishedPort, TransferEvent, TransferLayer,
};
use stage::{settle, tell};
use wasm_bindgen::JsCast;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};
use web_sys::{
    ClipboardEvent, ClipboardEventInit, DataTransfer, Element, HtmlElement, HtmlInputElement,
    HtmlSelectElement,
};
use yew::prelude::*;

wasm_bindgen_test_configure!(run_in_browser);

/// What is shown; it leaves the document with the test, so that no other test finds it.
struct Stage(Element);

impl Drop for Stage {
    fn drop(&mut self) {
        self.0.remove();
    }
}

impl Stage {
    async fn new(language: Language, content: Html) -> Stage {
        Stage(stage::show(language, content).await)
    }

    fn all(&self, selector: &str) -> Vec<HtmlElement> {
        stage::all(&self.0, selector)
    }

    /// All with this name for tests.
    fn named(&self, name: &str) -> Vec<HtmlElement> {
        self.all(&format!("[data-testid={name}]"))
    }

    fn text(&self) -> String {
        stage::text(&self.0)
    }

    async fn press(&self, name: &str) {
        self.named(name)[0].click();
        settle().await;
    }

    async fn fill(&self, name: &str, index: usize, text: &str) {
        let input: HtmlInputElement = self.named(name)[index].clone().unchecked_into();
        input.set_value(text);
        tell(&input, "input");
        settle().await;
    }

    /// What is in a field.
    fn value(&self, name: &str, index: usize) -> String {
        let field = self.named(name)[index].clone();
        match field.dyn_into::<HtmlInputElement>() {
            Ok(input) => input.value(),
            Err(select) => select.unchecked_into::<HtmlSelectElement>().value(),
        }
    }

    /// Waits until these words stand there; fails with what stands there instead.
    async fn says(&self, words: &str) {
        const TRIES: u32 = 50;
        for _ in 0..TRIES {
            if self.text().contains(words) {
                return;
            }
            settle().await;
        }
        panic!("expected {words:?}, but found: {}", self.text());
    }

    async fn choose(&self, name: &str, word: &str) {
        let select: HtmlSelectElement = self.named(name)[0].clone().unchecked_into();
        select.set_value(word);
        assert_eq!(select.value(), word);
        tell(&select, "change");
        settle().await;
    }

    async fn paste(&self, name: &str, text: &str) {
        let data = DataTransfer::new().expect("a clipboard");
        data.set_data("text", text).expect("room for it");
        let init = ClipboardEventInit::new();
        init.set_clipboard_data(Some(&data));
        init.set_bubbles(true);
        init.set_cancelable(true);
        let event = ClipboardEvent::new_with_event_init_dict("paste", &init).expect("an event");
        self.named(name)[0]
            .dispatch_event(&event)
            .expect("somebody listens");
        settle().await;
    }
}

fn focused() -> Option<String> {
    let document = web_sys::window()?.document()?;
    document.active_element()?.get_attribute("data-testid")
}

fn dialog(exposed: &[&str]) -> Html {
    let exposed: Vec<String> = exposed.iter().map(|port| (*port).to_owned()).collect();
    html! { <RunDialog image="web" {exposed} on_started={Callback::noop()} on_close={Callback::noop()} /> }
}

#[wasm_bindgen_test]
async fn a_port_that_the_image_exposes_is_a_row_with_one_press() {
    let stage = Stage::new(Language::English, dialog(&["3000/tcp", "53/udp"])).await;
    assert_eq!(stage.named("run-exposed").len(), 2);
    stage.press("run-exposed").await;
    assert_eq!(stage.value("run-port-host", 0), "3000");
    assert_eq!(stage.value("run-port-container", 0), "3000");
    // The keyboard goes where the port was put, and the port is not offered twice.
    assert_eq!(focused().as_deref(), Some("run-port-host"));
    assert_eq!(stage.named("run-exposed").len(), 1);
    stage.press("run-exposed").await;
    let protocol: HtmlSelectElement = stage.named("run-port-protocol")[1].clone().unchecked_into();
    assert_eq!(protocol.value(), "udp");
    // Taken away, it is offered again, and the keyboard is not lost with it.
    stage.all(".row-remove")[0].click();
    settle().await;
    assert_eq!(stage.named("run-port-host").len(), 1);
    assert_eq!(stage.named("run-exposed").len(), 1);
    assert_eq!(focused().as_deref(), Some("run-port-add"));
}

#[wasm_bindgen_test]
async fn a_mistaken_port_is_told_while_it_is_typed_and_described_to_who_cant_see_it() {
    for (language, words) in [
        (Language::English, "from 1 to 65535, but found: 99999"),
        (Language::Portuguese, "de 1 a 65535, mas veio: 99999"),
    ] {
        let stage = Stage::new(language, dialog(&["80/tcp"])).await;
        stage.press("run-exposed").await;
        stage.fill("run-port-host", 0, "99999").await;
        let field = &stage.named("run-port-host")[0];
        assert_eq!(field.get_attribute("aria-invalid").as_deref(), Some("true"));
        let id = field
            .get_attribute("aria-describedby")
            .expect("a description");
        let said = stage.all(&format!("#{id}"))[0]
            .text_content()
            .unwrap_or_default();
        assert!(said.contains(words), "{said}");
        stage.fill("run-port-host", 0, "8080").await;
        assert!(stage.all("[aria-invalid]").is_empty());
    }
}

#[wasm_bindgen_test]
async fn without_the_bridge_the_ports_are_explained_and_kept() {
    let stage = Stage::new(Language::English, dialog(&["80/tcp"])).await;
    stage.press("run-exposed").await;
    assert_eq!(stage.value("run-network", 0), "bridge");
    for other in ["host", "none"] {
        stage.choose("run-network", other).await;
        assert!(stage.named("run-port-host").is_empty(), "{other}");
        assert_eq!(stage.named("run-ports-off").len(), 1, "{other}");
    }
    stage.choose("run-network", "bridge").await;
    assert_eq!(stage.value("run-port-host", 0), "80");
}

#[wasm_bindgen_test]
async fn lines_of_variables_that_are_pasted_become_rows() {
    let stage = Stage::new(Language::English, dialog(&[])).await;
    stage.press("run-env-add").await;
    stage
        .paste("run-env-name", "PORT=3000\n# why\nURL=http://a/?b=c\n")
        .await;
    assert_eq!(stage.named("run-env-name").len(), 2);
    let read = |index| {
        (
            stage.value("run-env-name", index),
            stage.value("run-env-value", index),
        )
    };
    assert_eq!(read(0), ("PORT".into(), "3000".into()));
    assert_eq!(read(1), ("URL".into(), "http://a/?b=c".into()));
}

#[wasm_bindgen_test]
async fn a_form_that_is_sent_unfinished_opens_the_group_and_leads_to_the_field() {
    let stage = Stage::new(Language::English, dialog(&[])).await;
    stage.press("run-mount-add").await;
    stage.fill("run-mount-source", 0, "data").await;
    let group = stage.named("run-mount-source")[0]
        .closest("details")
        .ok()
        .flatten()
        .expect("a group");
    assert!(!group.has_attribute("open"));
    // What is only missing is no mistake before that.
    assert!(stage.all("[aria-invalid]").is_empty());
    stage.press("run-submit").await;
    assert!(group.has_attribute("open"));
    assert_eq!(focused().as_deref(), Some("run-mount-target"));
    stage.says("expected a path in the container").await;
}

#[wasm_bindgen_test]
async fn what_a_mount_wants_depends_on_its_kind() {
    let stage = Stage::new(Language::English, dialog(&[])).await;
    stage.press("run-mount-add").await;
    stage.choose("run-mount-kind", "bind").await;
    stage.fill("run-mount-source", 0, "srv").await;
    stage.says("expected a path that begins with /").await;
    stage.choose("run-mount-kind", "tmpfs").await;
    stage.fill("run-mount-source", 0, "much").await;
    stage.says("expected a size such as 64m").await;
    assert!(stage.named("run-mount-read-only").is_empty());
    stage.choose("run-mount-kind", "volume").await;
    assert_eq!(stage.value("run-mount-source", 0), "");
}

fn published(port: u16, protocol: PortProtocol) -> PublishedPort {
    PublishedPort {
        address: None,
        host_port: port,
        container_port: 80,
        protocol,
    }
}

#[wasm_bindgen_test]
async fn a_published_port_is_a_link_that_says_where_it_leads() {
    let ports = vec![
        published(8080, PortProtocol::Tcp),
        published(8053, PortProtocol::Udp),
    ];
    let stage = Stage::new(
        Language::English,
        html! { <PortLinks {ports} host="192.0.2.7" /> },
    )
    .await;
    let links = stage.named("port-link");
    assert_eq!(links.len(), 1);
    let attribute = |name| links[0].get_attribute(name).unwrap_or_default();
    assert_eq!(attribute("href"), "http://192.0.2.7:8080/");
    assert_eq!(attribute("target"), "_blank");
    assert!(attribute("rel").contains("noopener"));
    let label = attribute("aria-label");
    assert!(label.contains("8080") && label.contains("80/tcp") && label.contains("new tab"));
    assert!(stage.text().contains("8053 → 80/udp"));
}

fn pull_after(actions: Vec<PullAction>) -> Pull {
    let start = Rc::new(Pull::default());
    let end = actions
        .into_iter()
        .fold(start, |pull, action| pull.reduce(action));
    (*end).clone()
}

fn under_way() -> Vec<PullAction> {
    let layer = |digest: &str, bytes| TransferLayer {
        digest: digest.into(),
        bytes,
    };
    let tell = |digest: &str, state| {
        PullAction::Event(TransferEvent::Layer {
            digest: digest.into(),
            state,
        })
    };
    let half = LayerState::Transferring {
        done_bytes: 1_000_000,
        total_bytes: 4_000_000,
    };
    vec![
        PullAction::Begin("web".into()),
        PullAction::Event(TransferEvent::Resolved {
            reference: "docker.io/library/web:latest".into(),
            digest: None,
            platform: "linux/amd64".into(),
            layers: vec![layer("sha256:aa", 4_000_000), layer("sha256:bb", 2_000_000)],
        }),
        tell("sha256:aa", half),
        tell("sha256:bb", LayerState::Exists),
        PullAction::Event(TransferEvent::Retrying {
            digest: Some("sha256:aa".into()),
            attempt: 2,
            wait_ms: 1_500,
            message: "the connection was cut".into(),
        }),
    ]
}

fn panel(pull: Pull, on_pull: Callback<String>) -> Html {
    html! { <PullPanel {pull} is_connected=true {on_pull} on_stop={Callback::noop()} on_hide={Callback::noop()} /> }
}

#[wasm_bindgen_test]
async fn a_pull_shows_each_layer_and_why_one_is_tried_again() {
    let stage = Stage::new(
        Language::English,
        panel(pull_after(under_way()), Callback::noop()),
    )
    .await;
    let layers = stage.named("pull-layer");
    let state = |index: usize| layers[index].get_attribute("data-state");
    assert_eq!(state(0).as_deref(), Some("retrying"));
    assert_eq!(state(1).as_deref(), Some("exists"));
    let text = stage.text();
    for words in [
        "1 of 2 layers",
        "3 MB of 6 MB",
        "the connection was cut. Try 2 follows in 1.5 s.",
        "already here",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    // Each bar says of what it is.
    for bar in stage.all("progress") {
        assert!(bar.has_attribute("aria-label"));
    }
    assert_eq!(stage.named("pull-stop").len(), 1);
}

#[wasm_bindgen_test]
async fn a_base_that_is_pulled_for_a_build_shows_its_layers_until_it_is_there() {
    let base = |reference: &str, pull| BasePull {
        reference: reference.into(),
        pull,
    };
    let done = {
        let mut actions = under_way();
        actions.push(PullAction::Event(TransferEvent::Done {
            image_id: "sha256:1".into(),
            digest: None,
            names: Vec::new(),
            unchanged: false,
        }));
        pull_after(actions)
    };
    let bases = vec![base("web", pull_after(under_way())), base("node", done)];
    let stage = Stage::new(Language::English, html! { <BasePulls {bases} /> }).await;
    assert_eq!(stage.named("base-pull").len(), 2);
    assert_eq!(stage.named("pull-layer").len(), 2);
    let text = stage.text();
    assert!(text.contains("Base web: 1 of 2 layers"), "{text}");
    assert!(text.contains("Base node: pulled"), "{text}");
}

#[wasm_bindgen_test]
async fn a_pull_that_failed_says_why_and_can_be_tried_again() {
    let asked = Rc::new(RefCell::new(Vec::new()));
    let on_pull = {
        let asked = asked.clone();
        Callback::from(move |name| asked.borrow_mut().push(name))
    };
    let mut actions = under_way();
    actions.push(PullAction::Ended(Some(ErrorBody {
        code: "registry".into(),
        message: "expected the layer, but found 404".into(),
        hint: Some("look at the name".into()),
    })));
    let stage = Stage::new(Language::Portuguese, panel(pull_after(actions), on_pull)).await;
    let text = stage.text();
    for words in ["Não foi possível baixar", "found 404", "look at the name"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    let alerts = stage.all("[role=alert]");
    assert_eq!(alerts.len(), 1);
    stage.press("pull-again").await;
    assert_eq!(*asked.borrow(), ["docker.io/library/web:latest"]);
}

#[wasm_bindgen_test]
async fn a_name_is_spelled_out_before_it_is_pulled_and_a_mistake_is_not_sent() {
    let asked = Rc::new(RefCell::new(Vec::new()));
    let on_pull = {
        let asked = asked.clone();
        Callback::from(move |name| asked.borrow_mut().push(name))
    };
    let stage = Stage::new(Language::English, panel(Pull::default(), on_pull)).await;
    stage.fill("pull-reference", 0, "Node").await;
    assert!(stage.text().contains("not an image's name"));
    stage.press("pull-button").await;
    stage.fill("pull-reference", 0, "node:").await;
    stage.press("pull-button").await;
    assert!(asked.borrow().is_empty());
    stage.fill("pull-reference", 0, "node:20").await;
    assert!(stage.text().contains("docker.io/library/node:20"));
    stage.press("pull-button").await;
    assert_eq!(*asked.borrow(), ["node:20"]);
}

#[wasm_bindgen_test]
async fn the_network_of_a_build_can_be_each_of_the_three() {
    let chosen = Rc::new(RefCell::new(Vec::new()));
    let on_change = {
        let chosen = chosen.clone();
        Callback::from(move |network| chosen.borrow_mut().push(network))
    };
    let stage = Stage::new(
        Language::English,
        html! { <NetworkChoice label="Network" network={NetworkMode::Bridge} {on_change} testid="network" /> },
    )
    .await;
    let select: HtmlSelectElement = stage.named("network")[0].clone().unchecked_into();
    for word in ["host", "none", "bridge"] {
        select.set_value(word);
        tell(&select, "change");
    }
    assert_eq!(
        *chosen.borrow(),
        [NetworkMode::Host, NetworkMode::None, NetworkMode::Bridge]
    );
}
