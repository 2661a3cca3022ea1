//! The views of an image in a real document: what a person sees, presses and types. The files come from the very code that
//! the worker runs, without the worker between.
#![cfg(target_arch = "wasm32")]

mod stage;

use std::cell::RefCell;
use std::rc::Rc;

use estiva_frontend::components::{DocumentsReply, FileTree, ImageView as ImageArticle};
use estiva_frontend::hooks::use_place;
use estiva_frontend::i18n::Language;
use estiva_frontend::services::analyser::FilesAsk;
use estiva_frontend::state::by_address::ByAddress;
use estiva_shared::image::{
    ANALYSIS_VERSION, Change, ConfigView, EntryKind, ImageAnalysis, ImageView, LayerEntry,
    LayerView, RawDocument, Waste, what_if,
};
use estiva_worker::summary::Summary;
use estiva_worker::tree::{History, Slice, View};
use estiva_worker::treemap::{Plan, peaks};
use stage::{press_key, rest, show_at, tell, text};
use wasm_bindgen::JsCast;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};
use web_sys::{Element, HtmlElement, HtmlInputElement};
use yew::prelude::*;

wasm_bindgen_test_configure!(run_in_browser);

#[derive(PartialEq, Properties)]
struct PlacedProps {
    image: ByAddress<Summary>,
    files: Callback<FilesAsk>,
}

/// The tree alone, at the place of the address.
#[component]
fn PlacedTree(props: &PlacedProps) -> Html {
    let place = use_place();
    html! { <FileTree image={props.image.clone()} {place} files={props.files.clone()} /> }
}

/// Shows something at an address without a query, in the place of what was shown before.
async fn show(language: Language, content: Html) -> Element {
    let root = show_at("", language, content).await;
    settle().await;
    root
}

/// Waits until what was changed is drawn.
async fn settle() {
    rest(120).await;
}

/// Waits until something holds; a busy host takes its time.
async fn until(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..200 {
        if holds() {
            return;
        }
        rest(25).await;
    }
    panic!("waited in vain for {what}");
}

fn all(root: &Element, selector: &str) -> Vec<HtmlElement> {
    let list = root.query_selector_all(selector).expect("a selector");
    (0..list.length())
        .filter_map(|index| Some(list.item(index)?.unchecked_into()))
        .collect()
}

fn named(root: &Element, testid: &str) -> HtmlElement {
    let found = all(root, &format!("[data-testid={testid}]"));
    found
        .into_iter()
        .next()
        .unwrap_or_else(|| panic!("no {testid}: {}", root.inner_html()))
}

fn rows(root: &Element) -> Vec<String> {
    all(root, "[data-testid=tree-row] .tree-text")
        .iter()
        .map(|row| text(row))
        .collect()
}

fn type_into(field: &HtmlElement, value: &str) {
    let field: &HtmlInputElement = field.unchecked_ref();
    field.set_value(value);
    tell(field, "input");
}

fn query() -> String {
    web_sys::window()
        .and_then(|window| window.location().search().ok())
        .unwrap_or_default()
}

fn entry(path: impl Into<String>, size_bytes: u64, change: Change) -> LayerEntry {
    LayerEntry {
        path: path.into(),
        kind: EntryKind::File,
        change,
        size_bytes,
        apparent_bytes: None,
        mode: 0o644,
        uid: 0,
        gid: 0,
        mtime: 0,
        link: None,
        opaque: false,
    }
}

/// An image of these layers, and the way to its files.
fn image(layers: Vec<Vec<LayerEntry>>) -> (ByAddress<Summary>, Callback<FilesAsk>) {
    let view = |(index, entries): (usize, &Vec<LayerEntry>)| LayerView {
        index,
        digest: String::new(),
        diff_id: String::new(),
        verified: true,
        compression: "none".into(),
        size_bytes: 1_000,
        uncompressed_bytes: 1_500_000,
        created_by: Some(format!("COPY layer-{index} /")),
        added: entries.len() as u64,
        changed: 0,
        removed: 0,
        entries: entries.clone(),
    };
    let analysis = ImageAnalysis {
        version: ANALYSIS_VERSION,
        image: ImageView {
            format: "store".into(),
            names: vec!["sample:1".into()],
            manifest_digest: None,
            config_digest: String::new(),
            platform: "linux/amd64".into(),
            created: None,
            config: ConfigView {
                user: Some("app".into()),
                ..ConfigView::default()
            },
            history: Vec::new(),
            size_bytes: 1,
            uncompressed_bytes: 1,
            layers: layers.iter().enumerate().map(view).collect(),
            referrers: Vec::new(),
        },
        tree: Vec::new(),
        waste: Waste::default(),
        holdings: Default::default(),
        problems: Vec::new(),
    };
    let history = Rc::new(History::of(&analysis));
    let weighed = analysis.clone();
    let view = RefCell::new(None::<View>);
    let files = Callback::from(move |ask: FilesAsk| match ask {
        FilesAsk::Rows(wish, reply) => {
            let sight = {
                let mut view = view.borrow_mut();
                let view = view.get_or_insert_with(|| View::of(history.clone(), wish.look.clone()));
                view.take(wish, &mut |_| false)
            };
            reply.emit(Ok(sight));
        }
        FilesAsk::WhatIf(left_out, reply) => reply.emit(Ok(what_if(&weighed, &left_out))),
        FilesAsk::Map(wish, reply) => {
            let plan = Plan::of(
                &history,
                &peaks(&history),
                history.find(&wish.folder),
                wish.size,
            );
            reply.emit(Ok(plan.lay(
                &history,
                &Slice::of(&history, wish.layer, false),
                &wish,
            )));
        }
    });
    (ByAddress::new(Summary::of(&analysis)), files)
}

async fn show_tree(layer: Vec<LayerEntry>) -> Element {
    let (image, files) = image(vec![layer]);
    show(Language::English, html! { <PlacedTree {image} {files} /> }).await
}

fn no_documents() -> Callback<DocumentsReply> {
    Callback::noop()
}

/// Three layers: `a/x` and `b`; `a/x` grows and `c` comes; `b` goes.
async fn show_image(language: Language) -> Element {
    let (image, files) = image(vec![
        vec![
            entry("a/x", 100, Change::Added),
            entry("b", 50, Change::Added),
        ],
        vec![
            entry("a/x", 300, Change::Changed),
            entry("c", 10, Change::Added),
        ],
        vec![entry("b", 50, Change::Removed)],
    ]);
    show(
        language,
        html! { <ImageArticle {image} {files} documents={no_documents()} /> },
    )
    .await
}

#[wasm_bindgen_test]
async fn a_tree_of_thirty_thousand_paths_draws_what_is_in_sight() {
    let files = (0..30_000).map(|number| entry(format!("file-{number:05}"), 1, Change::Added));
    let root = show_tree(files.collect()).await;
    let drawn = all(&root, "[data-testid=tree-row]").len();
    assert!(
        (1..100).contains(&drawn),
        "{drawn} rows are in the document"
    );
    let grid = named(&root, "tree");
    assert_eq!(grid.get_attribute("role").as_deref(), Some("treegrid"));
    assert_eq!(
        grid.get_attribute("aria-rowcount").as_deref(),
        Some("30001"),
        "the head counts too"
    );
}

#[wasm_bindgen_test]
async fn a_folder_opens_when_it_is_pressed_and_each_row_says_its_place() {
    let files =
        (0..62).map(|number| entry(format!("{}/{number:02}", number % 2), 1, Change::Removed));
    let root = show_tree(files.collect()).await;
    assert_eq!(rows(&root), ["0", "1"]);
    let said = |row: &HtmlElement, name: &str| row.get_attribute(name).unwrap_or_default();
    let folder = &all(&root, "[data-testid=tree-row]")[0];
    assert_eq!(said(folder, "aria-expanded"), "false");
    folder.click();
    settle().await;
    let drawn = all(&root, "[data-testid=tree-row]");
    assert!(drawn.len() > 20, "{}", drawn.len());
    let told = [
        "aria-level",
        "aria-posinset",
        "aria-setsize",
        "aria-rowindex",
    ]
    .map(|name| said(&drawn[3], name));
    assert_eq!(told, ["2", "3", "31", "5"]);
    assert_eq!(said(&drawn[0], "aria-expanded"), "true");
    assert!(text(&drawn[3]).contains("removed"), "{}", text(&drawn[3]));
    for row in drawn {
        assert_eq!(all(&row, "[role=gridcell]").len(), 6);
    }
}

/// The row that the keyboard was on was counted from the top: after a search it was beyond the last one, every key died, and
/// the list named a row that was not in the document.
#[wasm_bindgen_test]
async fn the_list_names_the_row_that_the_keyboard_is_on() {
    let files = (0..500).map(|number| entry(format!("file-{number:03}"), 1, Change::Added));
    let root = show_tree(files.collect()).await;
    let list = named(&root, "tree");
    let active = || {
        let id = list.get_attribute("aria-activedescendant")?;
        let row = all(&root, &format!("#{id}")).into_iter().next()?;
        assert_eq!(row.get_attribute("aria-selected").as_deref(), Some("true"));
        row.text_content()
    };
    let is_on = |name: &str| active().is_some_and(|text| text.contains(name));
    press_key(&list, "End");
    until("the last path", || {
        text(&named(&root, "tree-details")).contains("/file-499")
    })
    .await;
    type_into(&named(&root, "tree-find"), "file-01");
    until("ten finds", || {
        text(&named(&root, "tree-count")) == "10 found"
    })
    .await;
    press_key(&list, "End");
    press_key(&list, "ArrowUp");
    until("the last but one", || is_on("file-018")).await;
    press_key(&list, "Home");
    until("the first", || is_on("file-010")).await;
    for letter in "file-015".chars() {
        press_key(&list, &letter.to_string());
    }
    until("the name that was typed", || is_on("file-015")).await;
}

#[wasm_bindgen_test]
async fn a_mistake_in_a_pattern_stands_at_the_search() {
    let root = show_tree(vec![
        entry("a", 1, Change::Added),
        entry("b", 1, Change::Added),
    ])
    .await;
    let syntax = named(&root, "tree-syntax");
    syntax
        .unchecked_ref::<web_sys::HtmlSelectElement>()
        .set_value("regex");
    tell(&syntax, "change");
    settle().await;
    type_into(&named(&root, "tree-find"), "(a");
    settle().await;
    let told = all(&root, "[role=alert]")
        .iter()
        .map(|alert| text(alert))
        .collect::<String>();
    assert!(told.contains("unclosed group"), "{told}");
    assert_eq!(
        named(&root, "tree-find")
            .get_attribute("aria-invalid")
            .as_deref(),
        Some("true")
    );
    assert_eq!(rows(&root), ["a", "b"]);
    type_into(&named(&root, "tree-find"), "^b$");
    settle().await;
    assert_eq!(
        (rows(&root), all(&root, "[role=alert]").len()),
        (vec!["b".to_owned()], 0)
    );
}

#[wasm_bindgen_test]
async fn names_that_deceive_are_spelled_out_wherever_they_stand() {
    let name = "exe.\u{202e}gpj\u{7}";
    let (image, files) = image(vec![vec![entry(name, 100, Change::Added)]]);
    let root = show(
        Language::English,
        html! { <ImageArticle {image} {files} documents={no_documents()} /> },
    )
    .await;
    let spelled = |root: &Element, place: &str| {
        let text = text(root);
        assert!(
            text.contains("exe.\\u{202e}gpj\\u{7}") && !text.contains('\u{202e}'),
            "{place}: {text}"
        );
    };
    spelled(&named(&root, "tree"), "tree");
    spelled(&named(&root, "tree-details"), "details");
    named(&root, "tab-map").click();
    settle().await;
    spelled(&named(&root, "map"), "map");
    assert!(!root.inner_html().contains('\u{202e}'));
}

#[wasm_bindgen_test]
async fn a_layer_that_is_pressed_shows_its_changes_and_the_slider_moves_through_time() {
    let root = show_image(Language::English).await;
    assert_eq!(rows(&root), ["a", "x", "b", "c"]);
    all(&root, "[data-testid=layer-row]")[1].click();
    settle().await;
    assert_eq!(rows(&root), ["a", "x", "c"]);
    assert!(text(&named(&root, "time-said")).contains("After layer 1"));
    named(&root, "show-all").click();
    settle().await;
    let slider = named(&root, "time-slider");
    assert_eq!(
        slider.get_attribute("aria-valuetext").as_deref(),
        Some("Layer 1, 2 of 3: COPY layer-1 /")
    );
    type_into(&slider, "0");
    settle().await;
    assert_eq!(rows(&root), ["a", "x", "b"]);
    assert!(text(&root).contains("COPY layer-0 /"));
}

#[wasm_bindgen_test]
async fn each_view_has_an_address_and_back_leads_to_the_one_before() {
    let root = show_image(Language::English).await;
    assert_eq!(query(), "");
    named(&root, "tab-map").click();
    settle().await;
    assert_eq!(query(), "?view=map");
    named(&root, "tab-config").click();
    settle().await;
    assert_eq!(query(), "?view=config");
    let history = web_sys::window()
        .and_then(|window| window.history().ok())
        .expect("a history");
    history.back().expect("a step back");
    rest(300).await;
    assert_eq!(query(), "?view=map");
    assert_eq!(
        named(&root, "tab-map")
            .get_attribute("aria-selected")
            .as_deref(),
        Some("true")
    );
    history.forward().expect("a step forward");
    rest(300).await;
    assert_eq!(
        named(&root, "tab-config")
            .get_attribute("aria-selected")
            .as_deref(),
        Some("true")
    );
    // A step of the slider is written once it rests, and is no step of the history.
    named(&root, "tab-files").click();
    settle().await;
    type_into(&named(&root, "time-slider"), "1");
    rest(500).await;
    assert_eq!(query(), "?layer=1");
}

#[wasm_bindgen_test]
async fn a_rectangle_of_the_map_leads_to_its_place_in_the_tree_by_keyboard() {
    let root = show_image(Language::English).await;
    let list = named(&root, "tree");
    press_key(&list, "ArrowLeft");
    settle().await;
    assert_eq!(
        rows(&root),
        ["a", "b", "c"],
        "closed, so that it has to be opened again"
    );
    named(&root, "tab-map").click();
    settle().await;
    let tiles = all(&root, "[data-testid=tile]");
    let said: Vec<String> = tiles
        .iter()
        .filter_map(|tile| tile.get_attribute("aria-label"))
        .collect();
    assert_eq!(
        said,
        ["/a, 300 B", "/a/x, 300 B, Layer 1", "/c, 10 B, Layer 1"]
    );
    let in_order: Vec<_> = tiles
        .iter()
        .filter(|tile| tile.get_attribute("tabindex").as_deref() == Some("0"))
        .collect();
    assert_eq!(in_order.len(), 1);
    tiles[0].focus().expect("a focus");
    press_key(&named(&root, "map"), "End");
    settle().await;
    press_key(&named(&root, "map"), "Home");
    settle().await;
    press_key(&named(&root, "map"), "ArrowDown");
    settle().await;
    press_key(&named(&root, "map"), "Enter");
    rest(120).await;
    assert_eq!(rows(&root), ["a", "x", "b", "c"]);
    assert!(text(&named(&root, "tree-details")).contains("/a/x"));
    let focused = web_sys::window().and_then(|window| window.document()?.active_element());
    assert_eq!(
        focused
            .and_then(|element| element.get_attribute("role"))
            .as_deref(),
        Some("treegrid")
    );
}

#[wasm_bindgen_test]
async fn what_is_ticked_is_weighed_and_stands_in_the_address() {
    let root = show_image(Language::English).await;
    assert!(all(&root, "[data-testid=tick]").is_empty());
    named(&root, "what-if-open").click();
    until("an empty list in the address", || query() == "?without=").await;
    // Three layers; the folder and its file, b, c.
    let boxes = || all(&root, "[data-testid=tree-row] [data-testid=tick]");
    let shows = |at: usize| {
        boxes()[at]
            .get_attribute("aria-checked")
            .unwrap_or_default()
    };
    until("a box in each row", || boxes().len() == 4).await;
    assert_eq!(all(&root, "[data-testid=tick]").len(), 3 + 4);
    boxes()[1].click();
    until("the folder shows what is below it", || shows(0) == "mixed").await;
    // They come once the worker answered.
    let sums = || {
        let found = all(&root, "[data-testid=what-if-sums]");
        found.first().map(|sums| text(sums)).unwrap_or_default()
    };
    until("two copies of a/x with their headers", || {
        sums().contains("2 kB less")
    })
    .await;
    // The keyboard is on the first row, which is the folder.
    press_key(&named(&root, "tree"), " ");
    until("a folder takes what is below it along", || {
        [shows(0), shows(1)] == ["true", "true"]
    })
    .await;
    let below = &boxes()[1];
    assert_eq!(
        below.get_attribute("aria-disabled").as_deref(),
        Some("true")
    );
    below.click();
    all(&root, ".layers [data-testid=tick]")[2].click();
    until("both in the address", || {
        query() == "?without=layer:2&without=/a"
    })
    .await;
    until("a whole layer", || sums().contains("1.5 MB less")).await;
    let parts = text(&named(&root, "what-if-parts"));
    for part in ["Layer 2", "/a", "Layer 1: COPY layer-1 /"] {
        assert!(parts.contains(part), "{part}: {parts}");
    }
    named(&root, "untick-all").click();
    until("nothing ticked", || {
        text(&named(&root, "what-if")).contains("Tick files and folders")
    })
    .await;
    named(&root, "what-if-close").click();
    until("no box", || {
        all(&root, "[data-testid=tick], [data-testid=what-if]").is_empty()
    })
    .await;
    until("an empty address", || query().is_empty()).await;
}

#[wasm_bindgen_test]
async fn every_field_of_the_configuration_is_explained_in_both_languages() {
    for (language, word) in [
        (Language::English, "Whom the program runs as"),
        (Language::Portuguese, "Com que usuário"),
    ] {
        let root = show_image(language).await;
        named(&root, "tab-config").click();
        settle().await;
        let (fields, explained) = (all(&root, "dl.table dt"), all(&root, "dl.table .explained"));
        assert_eq!((fields.len(), explained.len()), (15, 15));
        assert!(
            explained
                .iter()
                .any(|sentence| text(sentence).contains(word))
        );
    }
}

#[wasm_bindgen_test]
async fn documents_are_shown_as_text_and_their_failures_told() {
    let document = RawDocument {
        kind: "config".into(),
        place: "config.json".into(),
        size_bytes: 20,
        text: Some("{\n  \"a\": \"<img src=x>\u{202e}\"\n}".into()),
    };
    let (sample, files) = image(vec![Vec::new()]);
    for answer in [Ok(vec![document]), Err("no way".to_owned())] {
        let is_ok = answer.is_ok();
        let documents = Callback::from(move |reply: DocumentsReply| reply.emit(answer.clone()));
        let content =
            html! { <ImageArticle image={sample.clone()} files={files.clone()} {documents} /> };
        let root = show(Language::English, content).await;
        named(&root, "tab-documents").click();
        settle().await;
        if is_ok {
            let lines = text(&named(&root, "document"));
            assert!(
                lines.contains("{\n  \"a\": \"<img src=x>\\u{202e}\"\n}"),
                "{lines}"
            );
            assert!(all(&root, "img").is_empty());
        } else {
            assert!(text(&root).contains("no way"));
        }
        // The content security policy blocks style attributes; one would silently do nothing.
        assert!(all(&root, "[style]").is_empty());
    }
}
