//! The main components in a real document: what a person sees and can press.
#![cfg(target_arch = "wasm32")]

mod stage;

use std::rc::Rc;

use estiva_frontend::components::{
    Chart, DifferenceGrid, Editor, Findings, LayerList, LogView, Steps, WasteView,
};
use estiva_frontend::i18n::Language;
use estiva_frontend::state::build_run::StepView;
use estiva_frontend::state::by_address::ByAddress;
use estiva_frontend::state::draft::Draft;
use estiva_frontend::state::output::Output;
use estiva_shared::dockerfile;
use estiva_shared::image::{
    ANALYSIS_VERSION, Aspects, Change, ConfigView, DiveFigures, EntryKind, HistoryView,
    ImageAnalysis, ImageView, LayerView, SameContent, Waste, WasteCause, WastedFile,
};
use estiva_shared::protocol::{OutputStream, PlannedStep};
use estiva_worker::difference_tree::{DifferencePath, DifferenceTree};
use estiva_worker::summary::Summary;
use stage::{all, press_key, settle, show, tell};
use wasm_bindgen::JsCast;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};
use web_sys::HtmlInputElement;
use yew::prelude::*;

wasm_bindgen_test_configure!(run_in_browser);

fn layer(index: usize, created_by: &str) -> LayerView {
    LayerView {
        index,
        digest: String::new(),
        diff_id: String::new(),
        verified: true,
        compression: "none".into(),
        size_bytes: 1_000,
        uncompressed_bytes: 1_500_000,
        created_by: Some(created_by.into()),
        added: 3,
        changed: 0,
        removed: 1,
        entries: Vec::new(),
    }
}

fn image(layers: Vec<LayerView>) -> ByAddress<Summary> {
    ByAddress::new(Summary::of(&analysis(layers)))
}

fn analysis(layers: Vec<LayerView>) -> ImageAnalysis {
    ImageAnalysis {
        version: ANALYSIS_VERSION,
        image: ImageView {
            format: "store".into(),
            names: vec!["sample:1".into()],
            manifest_digest: None,
            config_digest: String::new(),
            platform: "linux/amd64".into(),
            created: None,
            config: ConfigView::default(),
            history: Vec::new(),
            size_bytes: 1,
            uncompressed_bytes: 1,
            layers,
            referrers: Vec::new(),
        },
        tree: Vec::new(),
        waste: Waste::default(),
        holdings: Default::default(),
        problems: Vec::new(),
    }
}

fn differences(paths: impl Iterator<Item = String>, change: Change) -> ByAddress<DifferenceTree> {
    let paths: Vec<String> = paths.collect();
    let path = |path| DifferencePath {
        path,
        kind: EntryKind::File,
        change,
        size_bytes: 10,
        mode: 0o644,
        owner: (0, 0),
        link: None,
        aspects: Aspects::default(),
    };
    ByAddress::new(DifferenceTree::of_paths(
        paths.iter().map(String::as_str).map(path),
    ))
}

#[wasm_bindgen_test]
async fn thirty_thousand_differences_draw_what_is_in_sight() {
    let names = (0..30_000).map(|number| format!("file-{number:05}"));
    let tree = differences(names, Change::Added);
    let root = show(Language::English, html! { <DifferenceGrid {tree} /> }).await;
    let drawn = all(&root, "[data-testid=tree-row]").len();
    assert!(
        (1..400).contains(&drawn),
        "{drawn} rows are in the document"
    );
    let grid = &all(&root, "[role=treegrid]")[0];
    assert_eq!(
        grid.get_attribute("aria-rowcount").as_deref(),
        Some("30000")
    );
}

#[wasm_bindgen_test]
async fn a_folder_of_differences_opens_when_it_is_pressed_and_says_so() {
    let names = (0..62).map(|number| format!("{}/{number}", number % 2));
    let tree = differences(names, Change::Removed);
    let root = show(Language::English, html! { <DifferenceGrid {tree} /> }).await;
    assert_eq!(all(&root, "[data-testid=tree-row]").len(), 2);
    let folder = &all(&root, "[data-testid=tree-row]")[0];
    assert_eq!(
        folder.get_attribute("aria-expanded").as_deref(),
        Some("false")
    );
    folder.click();
    settle().await;
    let rows = all(&root, "[data-testid=tree-row]");
    let count = all(&root, "[role=treegrid]")[0].get_attribute("aria-rowcount");
    assert_eq!(count.as_deref(), Some("33"));
    assert!(rows.len() > 20, "{}", rows.len());
    // All but the folder itself; the other one is below those in sight.
    assert_eq!(all(&root, "[aria-label=removed]").len(), rows.len() - 1);
    for row in rows {
        assert_eq!(all(&row, "[role=gridcell]").len(), 4);
    }
}

/// The row that the keyboard was on was counted from the top: after a filter it was beyond the last one, every key died, and
/// the list named a row that was not in the document.
#[wasm_bindgen_test]
async fn the_differences_name_the_row_that_the_keyboard_is_on() {
    let names = (0..500).map(|number| format!("file-{number:03}"));
    let tree = differences(names, Change::Added);
    let root = show(Language::English, html! { <DifferenceGrid {tree} /> }).await;
    let list = all(&root, "[role=treegrid]")[0].clone();
    let filter: HtmlInputElement = all(&root, "[type=search]")[0].clone().unchecked_into();
    let named = || {
        let id = list.get_attribute("aria-activedescendant")?;
        let row = all(&root, &format!("#{id}")).into_iter().next()?;
        assert_eq!(row.get_attribute("aria-selected").as_deref(), Some("true"));
        row.text_content()
    };
    press_key(&list, "End");
    settle().await;
    // No style sheet here, so the list does not scroll, and its last row is not in the document.
    assert_eq!(list.get_attribute("aria-activedescendant"), None);
    filter.set_value("file-01");
    tell(&filter, "input");
    settle().await;
    assert!(named().is_some_and(|text| text.contains("file-019")));
    press_key(&list, "ArrowUp");
    settle().await;
    assert!(named().is_some_and(|text| text.contains("file-018")));
}

#[wasm_bindgen_test]
async fn a_layer_shows_its_instruction_its_size_and_its_changes_in_both_languages() {
    let image = image(vec![
        layer(0, "COPY a /a"),
        layer(1, "RUN /bin/sh -c make # buildkit"),
    ]);
    let content = html! { <LayerList {image} chosen={None} on_choose={Callback::noop()} /> };
    let english = show(Language::English, content.clone())
        .await
        .text_content()
        .unwrap_or_default();
    assert!(
        english.contains("make")
            && english.contains("1.5 MB")
            && english.contains("−1")
            && english.contains("1 kB at rest")
            && english.contains("3 MB so far"),
        "{english}"
    );
    assert!(!english.contains("buildkit"), "{english}");
    let portuguese = show(Language::Portuguese, content)
        .await
        .text_content()
        .unwrap_or_default();
    assert!(
        portuguese.contains("1,5 MB") && portuguese.contains("Imagem completa"),
        "{portuguese}"
    );
}

/// An image of two RUNs: the second removes a file of the first, and brings another copy of one that stays.
fn wasteful() -> ByAddress<Summary> {
    let lines = ["RUN make", "RUN rm /big"];
    let mut analysis = analysis(vec![layer(0, lines[0]), layer(1, lines[1])]);
    analysis.image.history = lines
        .iter()
        .enumerate()
        .map(|(number, line)| HistoryView {
            created_by: (*line).into(),
            created: None,
            comment: None,
            empty_layer: false,
            layer: Some(number),
        })
        .collect();
    let file = |path: &str, size_bytes, layer, hidden_by, same_as| WastedFile {
        path: path.into(),
        size_bytes,
        layer,
        hidden_by,
        same_as,
    };
    let cause = |name: &str, file: WastedFile| WasteCause {
        cause: name.into(),
        reclaimable_bytes: file.size_bytes,
        compressed_estimate_bytes: file.size_bytes / 10,
        files: vec![file],
    };
    let kept = SameContent {
        path: "usr/kept".into(),
        layer: 0,
    };
    analysis.waste = Waste {
        reclaimable_bytes: 1_250_000,
        compressed_estimate_bytes: 125_000,
        by_cause: vec![
            cause("deleted_file", file("big", 1_200_000, 0, Some(1), None)),
            cause(
                "duplicate_content",
                file("opt/copy", 50_000, 1, None, Some(kept)),
            ),
        ],
        dive: DiveFigures {
            score: 0.875,
            wasted_bytes: 1_200_000,
        },
    };
    ByAddress::new(Summary::of(&analysis))
}

#[wasm_bindgen_test]
async fn waste_is_told_with_its_lines_and_a_patch_where_the_dockerfile_is_at_hand() {
    let dockerfile = "FROM debian\nRUN make\nRUN rm /big\n";
    let image = wasteful();
    let content = html! { <WasteView image={image.clone()} draft={Draft::of(dockerfile)} /> };
    let root = show(Language::English, content.clone()).await;
    let text = root.text_content().unwrap_or_default();
    for expected in [
        "1.3 MB are shipped and not needed",
        "About 125 kB compressed",
        "87.5 % and 1.2 MB wasted",
        "layer 0: RUN make",
        "hidden by layer 1: RUN rm /big",
        "the same as usr/kept, layer 0",
        "line 2, line 3",
        "Keep one copy",
    ] {
        assert!(
            text.to_lowercase().contains(&expected.to_lowercase()),
            "{expected}: {text}"
        );
    }
    let patches = all(&root, ".patch pre");
    assert_eq!(patches.len(), 1);
    assert_eq!(
        patches[0].text_content().unwrap_or_default(),
        "--- a/Dockerfile\n+++ b/Dockerfile\n@@ -1,3 +1,3 @@\n FROM debian\n-RUN make\n+RUN make \\\n+    && rm /big\n-RUN rm /big\n"
    );
    let root = show(Language::Portuguese, content).await;
    let text = root.text_content().unwrap_or_default();
    assert!(
        text.contains("O que mudar") && text.contains("87,5 %"),
        "{text}"
    );
    // Another file has no place here: words alone.
    let root = show(
        Language::English,
        html! { <WasteView {image} draft={Draft::of("FROM debian\nRUN other\n")} /> },
    )
    .await;
    assert_eq!(all(&root, "[data-testid=suggestions] > ol > li").len(), 2);
    assert!(all(&root, ".patch").is_empty());
}

#[derive(PartialEq, Properties)]
struct DraftedProps {
    image: ByAddress<Summary>,
}

/// An image's waste beside a Dockerfile that is kept, as a page does.
#[component]
fn Drafted(props: &DraftedProps) -> Html {
    let draft = use_state(|| Draft::of("FROM debian\nRUN make\nRUN rm /big\n"));
    let on_draft = {
        let draft = draft.setter();
        Callback::from(move |next| draft.set(next))
    };
    html! { <WasteView image={props.image.clone()} draft={(*draft).clone()} {on_draft} /> }
}

#[wasm_bindgen_test]
async fn a_patch_is_applied_to_the_dockerfile_and_taken_back() {
    let root = show(Language::English, html! { <Drafted image={wasteful()} /> }).await;
    let press = async |testid: &str| {
        let found = all(&root, &format!("[data-testid={testid}]"));
        found
            .first()
            .unwrap_or_else(|| panic!("no {testid}"))
            .click();
        settle().await;
    };
    let patched = || all(&root, "[data-testid=patched]");
    assert!(patched().is_empty());
    press("apply-patch").await;
    let told = patched()[0].text_content().unwrap_or_default();
    assert!(
        told.contains("The Dockerfile with 1 patch") && told.contains("1.2 MB smaller"),
        "{told}"
    );
    // The lines are still those of the text that made the image.
    let text = root.text_content().unwrap_or_default();
    assert!(text.contains("line 2, line 3"), "{text}");
    let lines = all(&root, "[data-testid=patched] pre")[0].text_content();
    assert_eq!(
        lines.as_deref(),
        Some("FROM debian\nRUN make \\\n    && rm /big\n")
    );
    press("unpatch").await;
    assert!(patched().is_empty());
    press("apply-patch").await;
    press("unpatch-all").await;
    assert!(patched().is_empty());
}

#[wasm_bindgen_test]
async fn a_mistake_is_marked_in_the_editor_and_listed() {
    let source = "FROM busybox\nRUNN echo\n";
    let findings = Rc::new(dockerfile::parse(source).1);
    let content = html! {
        <><Editor {source} findings={findings.clone()} on_change={Callback::noop()} area={NodeRef::default()} />
          <Findings {findings} on_select={Callback::noop()} /></>
    };
    let root = show(Language::English, content).await;
    assert_eq!(all(&root, ".has-error").len(), 1);
    let listed = all(&root, "[data-testid=diagnostics]")[0]
        .text_content()
        .unwrap_or_default();
    assert!(
        listed.contains("RUNN") && listed.contains("line 2"),
        "{listed}"
    );
}

#[wasm_bindgen_test]
async fn output_is_text_and_never_markup() {
    let mut output = Output::default();
    output.push(OutputStream::Stdout, "<img src=x onerror=alert(1)>\n");
    output.push(OutputStream::Stderr, "careful\n");
    let root = show(
        Language::English,
        html! { <LogView output={Rc::new(output)} label="log" /> },
    )
    .await;
    assert!(all(&root, "img").is_empty());
    assert_eq!(all(&root, ".is-stderr").len(), 1);
}

#[wasm_bindgen_test]
async fn steps_and_charts_need_no_inline_style() {
    let step = StepView::from(PlannedStep {
        stage: "0".into(),
        text: "RUN make".into(),
        line: 2,
    });
    let content = html! {
        <><Steps steps={vec![step]} on_line={Callback::noop()} />
          <Chart title="Memory" value="1 MB" values={vec![1.0, 2.0]} limit={Some(4.0)} limit_text="limit 4" /></>
    };
    let root = show(Language::English, content).await;
    assert_eq!(all(&root, "[data-testid=build-step]").len(), 1);
    // The content security policy blocks style attributes; one would silently do nothing.
    assert!(all(&root, "[style]").is_empty());
}
