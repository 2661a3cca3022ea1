//! One file of an image in a real document: what a person sees of it, and what the keyboard does. The content comes from here
//! instead of from a worker.
#![cfg(target_arch = "wasm32")]

mod stage;

use std::cell::RefCell;
use std::rc::Rc;

use estiva_frontend::components::{Contents, FilePlace, FileView};
use estiva_frontend::hooks::use_place;
use estiva_frontend::i18n::Language;
use estiva_frontend::services::analyser::{Content, ContentsAsk};
use estiva_frontend::state::by_address::ByAddress;
use estiva_shared::image::holdings::{Danger, DangerGroup, DangerKind};
use estiva_shared::image::{Change, EntryKind, FileVersion, ImageAnalysis};
use estiva_worker::summary::Summary;
use stage::{all, press_key, rest, settle, show_at, tell, text};
use wasm_bindgen::JsCast;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};
use web_sys::{Element, HtmlElement, HtmlInputElement};
use yew::prelude::*;

wasm_bindgen_test_configure!(run_in_browser);

/// What a file is after each layer that has it, lowest first; none where a layer removes it.
type Layers = Vec<(usize, Option<Vec<u8>>)>;

#[derive(PartialEq, Properties)]
struct PlacedProps {
    image: ByAddress<Summary>,
    contents: Callback<ContentsAsk>,
}

/// The file of the address; nothing where it has none.
#[component]
fn Placed(props: &PlacedProps) -> Html {
    let place = use_place();
    if place.place.file.is_empty() {
        return html! { <p data-testid="closed">{ "closed" }</p> };
    }
    html! { <FileView image={props.image.clone()} {place} contents={props.contents.clone()} /> }
}

fn summary() -> ByAddress<Summary> {
    let layer = |index: usize| {
        serde_json::json!({
            "index": index, "digest": "", "diff_id": "", "verified": true, "compression": "none", "size_bytes": 1,
            "uncompressed_bytes": 1, "created_by": format!("COPY layer-{index} /"), "added": 0, "changed": 0, "removed": 0,
            "entries": [],
        })
    };
    let analysis = serde_json::json!({
        "version": estiva_shared::image::ANALYSIS_VERSION,
        "image": {
            "format": "store", "names": ["sample:1"], "config_digest": "", "platform": "linux/amd64", "config": estiva_shared::image::ConfigView::default(), "history": [],
            "size_bytes": 1, "uncompressed_bytes": 1, "layers": [layer(0), layer(1), layer(2)],
        },
        "tree": [],
        "waste": estiva_shared::image::Waste::default(),
        "holdings": estiva_shared::image::Holdings::default(),
        "problems": [],
    });
    let analysis: ImageAnalysis = serde_json::from_value(analysis).expect("an analysis");
    ByAddress::new(Summary::of(&analysis))
}

/// Asks that were answered: offset and length of each.
type Asked = Rc<RefCell<Vec<(u64, u64)>>>;

fn contents(layers: Layers) -> (Callback<ContentsAsk>, Asked) {
    let asked = Asked::default();
    let log = asked.clone();
    let contents = Callback::from(move |ask: ContentsAsk| match ask {
        ContentsAsk::Versions { reply, .. } => {
            let versions = layers
                .iter()
                .enumerate()
                .map(|(number, (layer, bytes))| FileVersion {
                    layer: *layer,
                    change: match (number, bytes) {
                        (_, None) => Change::Removed,
                        (0, _) => Change::Added,
                        _ => Change::Changed,
                    },
                    kind: EntryKind::File,
                    size_bytes: bytes.as_ref().map_or(0, Vec::len) as u64,
                    apparent_bytes: None,
                    mode: if *layer == 0 { 0o644 } else { 0o4755 },
                    uid: 0,
                    gid: 0,
                    mtime: 1_714_566_645,
                    link: None,
                });
            reply.emit(Ok(versions.collect()));
        }
        ContentsAsk::Content {
            layer,
            start,
            length,
            reply,
            ..
        } => {
            log.borrow_mut().push((start, length));
            let upto = layer.unwrap_or(usize::MAX);
            let held = layers.iter().rev().find(|(layer, _)| *layer <= upto);
            reply.emit(match held {
                Some((layer, Some(bytes))) => {
                    let from = bytes.len().min(start as usize);
                    let to = bytes.len().min((start + length) as usize);
                    Ok(Content {
                        layer: *layer,
                        size_bytes: bytes.len() as u64,
                        start,
                        bytes: bytes[from..to].to_vec(),
                    })
                }
                _ => Err("expected a file of this path, but a layer removed it".to_owned()),
            });
        }
        ContentsAsk::Download { .. } => {}
    });
    (contents, asked)
}

/// The page's style, once: a listing is as high as it says, and rows out of sight are not drawn.
fn dress() {
    let document = web_sys::window().and_then(|window| window.document());
    let document = document.expect("a document");
    if document.get_element_by_id("style").is_some() {
        return;
    }
    let style = document.create_element("style").expect("an element");
    style.set_id("style");
    style.set_text_content(Some(include_str!("../../static/style/views.css")));
    let body = document.body().expect("a body");
    body.append_child(&style).expect("room for it");
}

async fn open(query: &str, language: Language, layers: Layers) -> (Element, Asked) {
    dress();
    let (contents, asked) = contents(layers);
    let content = html! { <Placed image={summary()} {contents} /> };
    let root = show_at(query, language, content).await;
    rest(120).await;
    (root, asked)
}

fn one(bytes: &[u8]) -> Layers {
    vec![(0, Some(bytes.to_vec()))]
}

fn named(root: &Element, testid: &str) -> HtmlElement {
    let found = all(root, &format!("[data-testid={testid}]"));
    found
        .into_iter()
        .next()
        .unwrap_or_else(|| panic!("no {testid}: {}", root.inner_html()))
}

fn is_there(root: &Element, testid: &str) -> bool {
    !all(root, &format!("[data-testid={testid}]")).is_empty()
}

fn tabs(root: &Element) -> Vec<String> {
    all(root, "[role=tab]")
        .iter()
        .map(|tab| text(tab))
        .collect()
}

/// Writes into a field, and sends its form.
async fn send(field: &HtmlElement, value: &str) {
    type_into(field, value).await;
    let form = field.closest("form").expect("a selector").expect("a form");
    tell(&form, "submit");
    rest(60).await;
}

async fn type_into(field: &HtmlElement, value: &str) {
    let input: &HtmlInputElement = field.unchecked_ref();
    input.set_value(value);
    tell(field, "input");
    rest(60).await;
}

fn active(list: &Element) -> String {
    all(list, "[role=row].is-active")
        .first()
        .map(|row| text(row))
        .unwrap_or_default()
}

fn query() -> String {
    let window = web_sys::window().expect("a window");
    window.location().search().expect("an address")
}

#[wasm_bindgen_test]
async fn a_text_is_shown_in_colours_with_its_lines_and_nothing_deceptive() {
    let script = b"#!/bin/sh\n# note\necho \"hi\" \xe2\x80\xae\nexit 0\n";
    let (root, _) = open("?file=app/run", Language::English, one(script)).await;
    assert_eq!(tabs(&root), ["Text", "Bytes", "Details"]);
    let list = named(&root, "file-text");
    let lines: Vec<_> = all(&list, ".code-text")
        .iter()
        .map(|line| text(line))
        .collect();
    assert_eq!(
        lines,
        ["#!/bin/sh", "# note", "echo \"hi\" \\u{202e}", "exit 0"]
    );
    let painted = |class: &str| {
        all(&list, class)
            .iter()
            .map(|run| text(run))
            .collect::<Vec<_>>()
    };
    assert_eq!(painted(".code-quoted"), ["\"hi\""]);
    assert_eq!(painted(".code-keyword"), ["exit"]);
    assert!(
        text(&root).contains("Shell")
            && text(&root).contains("UTF-8")
            && text(&root).contains("COPY layer-0")
    );
    assert_eq!(all(&list, "[role=rowheader]").len(), 4);
}

#[wasm_bindgen_test]
async fn a_line_is_gone_to_found_and_named_by_the_address() {
    let lines: String = (1..=500)
        .map(|number| format!("line {number} is here\n"))
        .collect();
    let (root, _) = open(
        "?file=a.txt&at=400",
        Language::English,
        one(lines.as_bytes()),
    )
    .await;
    let list = named(&root, "file-text");
    assert!(active(&list).contains("line 400 "), "{}", active(&list));
    assert!(
        all(&list, "[role=row]").len() < 60,
        "only what is in sight is drawn"
    );
    press_key(&list, "Home");
    rest(60).await;
    assert!(active(&list).contains("line 1 "));
    press_key(&list, "ArrowDown");
    rest(60).await;
    assert!(active(&list).contains("line 2 "));
    send(&named(&root, "go-line"), "250").await;
    assert!(active(&list).contains("line 250 "));
    send(&named(&root, "go-line"), "x").await;
    assert!(text(&root).contains("Expected a line number"));
    type_into(&named(&root, "file-find"), "LINE 33").await;
    assert_eq!(text(&named(&root, "find-said")), "1 of 11");
    assert!(active(&list).contains("line 33 "));
    press_key(&named(&root, "file-find"), "Enter");
    rest(60).await;
    assert!(active(&list).contains("line 330 "));
    assert_eq!(
        all(&list, ".is-active mark")
            .iter()
            .map(|mark| text(mark))
            .collect::<Vec<_>>(),
        ["line 33"]
    );
    type_into(&named(&root, "file-find"), "nowhere").await;
    assert_eq!(text(&named(&root, "find-said")), "Not found");
    rest(400).await;
    assert!(query().contains("at=330"), "{}", query());
}

#[wasm_bindgen_test]
async fn a_long_text_is_shown_in_steps() {
    let text_bytes = "0123456789abcde\n".repeat(80_000);
    let (root, asked) = open(
        "?file=a.log",
        Language::Portuguese,
        one(text_bytes.as_bytes()),
    )
    .await;
    assert_eq!(tabs(&root), ["Texto", "Bytes", "Detalhes"]);
    assert!(
        text(&root).contains("São mostrados os primeiros 1 MB de 1,3 MB"),
        "{}",
        text(&root)
    );
    let rows = || named(&root, "file-text").get_attribute("aria-rowcount");
    assert_eq!(rows().as_deref(), Some("65536"));
    named(&root, "text-more").click();
    rest(200).await;
    assert_eq!(rows().as_deref(), Some("80000"));
    assert!(!is_there(&root, "text-more"));
    // What was there was not asked for again.
    assert!(
        asked.borrow().contains(&(1 << 20, 1 << 20)),
        "{:?}",
        asked.borrow()
    );
}

#[wasm_bindgen_test]
async fn bytes_are_fetched_where_one_looks_and_nowhere_else() {
    let mut bytes = vec![0_u8; 8 << 20];
    bytes[0x70_0010..0x70_0014].copy_from_slice(b"here");
    let (root, asked) = open("?file=a.bin&tab=hex", Language::English, one(&bytes)).await;
    let list = named(&root, "file-hex");
    assert_eq!(
        list.get_attribute("aria-rowcount").as_deref(),
        Some("524288")
    );
    assert!(active(&list).starts_with("00000000"));
    send(&named(&root, "go-offset"), "0x700012").await;
    rest(120).await;
    assert!(
        active(&list).starts_with("0070001068 65 72 65"),
        "{}",
        active(&list)
    );
    assert!(active(&list).ends_with("here············"));
    press_key(&list, "End");
    rest(120).await;
    assert!(
        active(&list).starts_with("007ffff000 00"),
        "{}",
        active(&list)
    );
    let fetched: u64 = asked.borrow().iter().map(|(_, length)| length).sum();
    assert!(fetched < 1 << 20, "{fetched}");
    send(&named(&root, "go-offset"), "no").await;
    assert!(text(&root).contains("Expected an offset"));
}

/// A program that needs nothing, of 64 bits.
fn program() -> Vec<u8> {
    let mut bytes = vec![0; 200];
    bytes[..8].copy_from_slice(b"\x7fELF\x02\x01\x01\x00");
    bytes[16..20].copy_from_slice(&[2, 0, 62, 0]);
    bytes[24..32].copy_from_slice(&0x40_1000_u64.to_le_bytes());
    bytes[32..40].copy_from_slice(&64_u64.to_le_bytes());
    bytes[54..58].copy_from_slice(&[56, 0, 1, 0]);
    bytes[64..72].copy_from_slice(&[0x51, 0xe5, 0x74, 0x64, 6, 0, 0, 0]);
    bytes
}

#[wasm_bindgen_test]
async fn a_program_says_what_it_is() {
    let (root, _) = open("?file=bin/a", Language::English, one(&program())).await;
    assert_eq!(tabs(&root), ["Bytes", "Program", "Details"]);
    let shown = text(&named(&root, "file-program"));
    for part in [
        "AMD x86-64, 64 bits",
        "0x401000",
        "statically",
        "NX",
        "no RELRO",
        "no PIE",
        "stripped",
        "none: it is complete",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    // One whose table lies behind its end is told what is wrong with it, beside what is right.
    let mut broken = program();
    broken[32..40].copy_from_slice(&u64::MAX.to_le_bytes());
    let (root, _) = open("?file=bin/a", Language::English, one(&broken)).await;
    let shown = text(&named(&root, "file-program"));
    assert!(
        shown.contains("table of segments: expected 56 bytes") && shown.contains("AMD x86-64"),
        "{shown}"
    );
}

#[wasm_bindgen_test]
async fn what_differs_between_two_layers_stands_by_lines_with_what_else_changed() {
    let layers = vec![
        (0, Some(b"a\nb\nc\n".to_vec())),
        (2, Some(b"a\nB\nc\nd\n".to_vec())),
    ];
    let (root, _) = open("?file=etc/x&tab=differences", Language::English, layers).await;
    assert_eq!(text(&named(&root, "compare-said")), "2 added, 1 removed");
    let rows: Vec<_> = all(&named(&root, "file-diff"), "[role=row]")
        .iter()
        .map(|row| text(row))
        .collect();
    assert_eq!(rows, ["11 a", "2−removedb", "2+addedB", "33 c", "4+addedd"]);
    let beside = text(&named(&root, "compare-meta"));
    assert!(
        beside.contains("rw-r--r-- → rwsr-xr-x") && beside.contains("6 → 8"),
        "{beside}"
    );
    assert!(!beside.contains("2024"), "the times are the same: {beside}");
}

#[wasm_bindgen_test]
async fn what_differs_in_bytes_stands_by_rows() {
    let old: Vec<u8> = (0..=255).collect();
    let mut new = old.clone();
    new[0x21] = 0xff;
    let layers = vec![(0, Some(old)), (1, Some(new))];
    let (root, _) = open("?file=a&tab=differences", Language::English, layers).await;
    assert!(text(&named(&root, "compare-said")).contains("byte 33 (0x21)"));
    let rows: Vec<_> = all(&named(&root, "file-diff"), "[role=row]")
        .iter()
        .map(|row| text(row))
        .collect();
    assert_eq!(rows.len(), 2);
    assert!(
        rows[0].contains("0000002020 21 22") && rows[1].contains("0000002020 ff 22"),
        "{rows:?}"
    );
}

#[wasm_bindgen_test]
async fn a_file_that_a_layer_removed_is_said_to_be_and_shown_as_it_was() {
    let layers = vec![(0, Some(b"secret\n".to_vec())), (1, None)];
    let (root, _) = open("?file=root/key", Language::English, layers.clone()).await;
    assert!(text(&named(&root, "file-gone")).contains("Layer 1 removed this file"));
    assert_eq!(tabs(&root), ["Details"]);
    let (root, _) = open("?file=root/key&layer=0", Language::English, layers).await;
    assert!(text(&named(&root, "file-text")).contains("secret"));
    let (root, _) = open("?file=no/such", Language::English, Vec::new()).await;
    assert!(text(&root).contains("The image has no file of this path"));
}

#[wasm_bindgen_test]
async fn the_ways_of_looking_are_tabs_of_the_keyboard_and_escape_closes() {
    let (root, _) = open("?file=a.txt", Language::English, one(b"text\n")).await;
    let first = named(&root, "tab-text");
    first.focus().expect("a focus");
    press_key(&first, "ArrowRight");
    rest(120).await;
    assert!(
        is_there(&root, "file-hex") && query().contains("tab=hex"),
        "{}",
        query()
    );
    let dialog = all(&root, "dialog").remove(0);
    tell(&dialog, "cancel");
    rest(120).await;
    assert!(is_there(&root, "closed"));
    assert!(
        !query().contains("file=") && !query().contains("tab="),
        "{}",
        query()
    );
    let history = web_sys::window()
        .expect("a window")
        .history()
        .expect("a history");
    history.back().expect("a step back");
    rest(200).await;
    assert!(is_there(&root, "file-hex"), "Back opens it again");
}

/// The smallest GIF, of one pixel.
const GIF: &[u8] =
    b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;";

#[wasm_bindgen_test]
async fn a_picture_is_shown_and_a_drawing_that_could_hold_a_program_is_text() {
    let (root, _) = open("?file=a.png", Language::English, one(GIF)).await;
    let picture = all(&root, "[data-testid=file-picture] img").remove(0);
    assert!(
        picture
            .get_attribute("src")
            .is_some_and(|src| src.starts_with("blob:"))
    );
    assert_eq!(
        picture.get_attribute("alt").as_deref(),
        Some("Picture of a.png")
    );
    let (root, _) = open(
        "?file=a.svg",
        Language::English,
        one(b"<svg><script>1</script></svg>"),
    )
    .await;
    assert!(
        !is_there(&root, "file-picture") && text(&named(&root, "file-text")).contains("<script>")
    );
}

#[wasm_bindgen_test]
async fn a_secret_that_was_deleted_leads_into_its_file_at_its_layer() {
    let mut held = (*summary()).clone();
    held.holdings.dangers = vec![DangerGroup {
        kind: DangerKind::PrivateKey,
        count: 1,
        found: vec![Danger {
            path: Some("root/key".into()),
            layer: Some(1),
            hidden_by: Some(2),
            line: None,
            detail: "PEM".into(),
        }],
    }];
    let opened = Rc::new(RefCell::new(None::<FilePlace>));
    let on_open = {
        let opened = opened.clone();
        Callback::from(move |place| *opened.borrow_mut() = Some(place))
    };
    let content = html! {
        <Contents image={ByAddress::new(held)} sboms={Callback::noop()} on_show={Callback::noop()} {on_open} />
    };
    let root = show_at("", Language::English, content).await;
    settle().await;
    named(&root, "danger-open").click();
    let opened = opened.borrow().clone().expect("a file");
    assert_eq!((opened.layer, &*opened.path), (Some(1), "root/key"));
}
