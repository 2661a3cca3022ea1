//! The comparison's components in a real document: what a person sees of two images, and can press.
#![cfg(target_arch = "wasm32")]

mod stage;

use std::cell::RefCell;
use std::rc::Rc;

use estiva_frontend::components::{CompareSide, CompareView, RebuiltView};
use estiva_frontend::hooks::TreeReply;
use estiva_frontend::i18n::Language;
use estiva_frontend::state::by_address::ByAddress;
use estiva_frontend::state::comparing::Side;
use estiva_shared::image::{CompareOptions, Comparison, ImageAnalysis, compare};
use estiva_worker::comparison::{Compared, Wanted, Which, tree};
use estiva_worker::summary::Summary;
use serde_json::{Value, json};
use stage::{all, settle, show, text};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};
use yew::prelude::*;

wasm_bindgen_test_configure!(run_in_browser);

fn analysis(env: &str, layers: &[&str], files: &[(&str, u64, u32)]) -> ImageAnalysis {
    let layers: Vec<Value> = layers
        .iter()
        .enumerate()
        .map(|(index, name)| {
            json!({
                "index": index, "digest": format!("sha256:{name}"), "diff_id": format!("sha256:{name}"), "verified": true,
                "compression": "gzip", "size_bytes": 1_000_000, "uncompressed_bytes": 3_000_000,
                "created_by": format!("COPY {name} / # buildkit"), "added": 1, "changed": 0, "removed": 0, "entries": [],
            })
        })
        .collect();
    let history: Vec<Value> = layers
        .iter()
        .map(|layer| json!({"created_by": layer["created_by"], "created": null, "empty_layer": false, "layer": layer["index"]}))
        .collect();
    let tree: Vec<Value> = files
        .iter()
        .map(|(path, size, crc)| {
            json!({
                "path": path, "kind": "file", "size_bytes": size, "mode": 0o644, "uid": 0, "gid": 0, "mtime": 0, "crc": crc,
                "layer": 0, "change": "added",
            })
        })
        .collect();
    serde_json::from_value(json!({
        "version": 2, "tree": tree, "problems": [],
        "waste": {"reclaimable_bytes": 0, "by_cause": [], "dive": {"score": 1.0, "wasted_bytes": 0}},
        "image": {
            "format": "oci-layout", "names": ["sample:1"], "manifest_digest": null, "config_digest": format!("sha256:{env}"),
            "platform": "linux/amd64", "created": null, "history": history, "layers": layers, "size_bytes": 1, "uncompressed_bytes": 1,
            "config": {
                "user": null, "exposed_ports": [], "env": [format!("MODE={env}")], "entrypoint": [], "cmd": ["sh"],
                "working_dir": null, "volumes": [], "labels": [], "stop_signal": null,
            },
        },
    }))
    .expect("an analysis")
}

fn comparison() -> Comparison {
    let a = analysis(
        "old",
        &["base", "one"],
        &[("etc/conf", 10, 1), ("gone", 20, 2), ("same", 1, 3)],
    );
    let b = analysis(
        "new",
        &["base", "two"],
        &[("etc/conf", 12, 4), ("new", 30, 5), ("same", 1, 3)],
    );
    compare(&a, &b, CompareOptions::default())
}

/// The view of a comparison, as the worker answers it; what it asked for is kept.
fn view(whole: Rc<Comparison>, asked: Rc<RefCell<Vec<Wanted>>>) -> Html {
    let compared = ByAddress::new(Compared::of(&whole));
    let tree = Callback::from(move |(wanted, reply): (Wanted, TreeReply)| {
        asked.borrow_mut().push(wanted);
        reply.emit(Ok(ByAddress::new(tree(&whole.files, wanted))));
    });
    html! { <CompareView {compared} {tree} /> }
}

#[wasm_bindgen_test]
async fn a_comparison_shows_its_sums_and_the_tree_that_is_wanted() {
    let asked = Rc::new(RefCell::new(Vec::new()));
    let root = show(
        Language::English,
        view(Rc::new(comparison()), asked.clone()),
    )
    .await;
    let summary = text(&all(&root, "[data-testid=compare-summary]")[0]);
    assert!(
        summary.contains("A host that has A downloads 1 MB of 2 MB for B"),
        "{summary}"
    );
    let rows = || -> Vec<String> {
        all(&root, "[data-testid=tree-row]")
            .iter()
            .map(|row| text(row))
            .collect()
    };
    assert_eq!(rows().len(), 4, "{:?}", rows());
    assert!(
        rows()[1].contains("conf") && rows()[1].contains("content"),
        "{:?}",
        rows()
    );
    all(&root, "[data-testid=show-removed]")[0].click();
    settle().await;
    assert_eq!(rows().len(), 3);
    assert!(rows().iter().all(|row| !row.contains("gone")));
    assert_eq!(asked.borrow().len(), 2);
    assert!(!asked.borrow()[1].removed);
}

#[wasm_bindgen_test]
async fn layers_are_joined_and_settings_named_in_both_languages() {
    for (language, both, only, env) in [
        (Language::English, "in both", "only in B", "Environment"),
        (Language::Portuguese, "nas duas", "só na B", "Ambiente"),
    ] {
        let root = show(language, view(Rc::new(comparison()), Rc::default())).await;
        all(&root, "[data-testid=tab-compare-layers]")[0].click();
        settle().await;
        let layers = all(&root, "[data-testid=compare-layers] > li");
        assert_eq!(layers.len(), 3);
        assert!(text(&layers[0]).contains(both), "{}", text(&layers[0]));
        assert!(text(&layers[2]).contains(only), "{}", text(&layers[2]));
        all(&root, "[data-testid=tab-compare-config]")[0].click();
        settle().await;
        let config = text(&all(&root, "[data-testid=compare-config]")[0]);
        assert!(
            config.contains(env) && config.contains("MODE") && config.contains("old"),
            "{config}"
        );
        all(&root, "[data-testid=tab-compare-history]")[0].click();
        settle().await;
        assert_eq!(all(&root, "[data-testid=compare-history] > li").len(), 2);
        assert!(all(&root, "[style]").is_empty());
    }
}

#[wasm_bindgen_test]
async fn two_that_are_the_same_are_said_to_be() {
    let a = analysis("x", &["base"], &[("a", 1, 1)]);
    let whole = Rc::new(compare(&a, &a, CompareOptions::default()));
    let root = show(Language::English, view(whole, Rc::default())).await;
    assert!(text(&root).contains("Nothing differs"));
    assert!(text(&root).contains("No file differs"));
}

#[wasm_bindgen_test]
async fn a_side_says_how_far_it_is_and_what_went_wrong() {
    let side = |side: Side| {
        html! {
            <CompareSide which={Which::B} {side} images={None} on_file={Callback::noop()} on_image={Callback::noop()}
                on_choose={Callback::noop()} on_close={Callback::noop()} />
        }
    };
    let root = show(Language::English, side(Side::Empty)).await;
    assert!(text(&root).contains("No server is connected"));
    assert_eq!(all(&root, "input[type=file]").len(), 1);
    let reading = Side::Reading {
        name: "b.tar".into(),
        progress: Some((1_000, 2_000)),
    };
    let root = show(Language::English, side(reading)).await;
    assert!(text(&root).contains("1 kB of 2 kB read"), "{}", text(&root));
    let failed = Side::Failed {
        name: "b.tar".into(),
        message: "expected an archive\u{202e}".into(),
    };
    let root = show(Language::English, side(failed)).await;
    let alert = text(&all(&root, "[role=alert]")[0]);
    assert!(alert.contains("\\u{202e}"), "{alert}");
    let image = ByAddress::new(Summary::of(&analysis("x", &["base"], &[])));
    let open = Side::Open {
        name: "b.tar".into(),
        images: vec![image.clone(), image],
        chosen: 0,
    };
    let root = show(Language::English, side(open)).await;
    assert!(text(&root).contains("sample:1"));
    assert_eq!(all(&root, "option").len(), 2);
}

#[wasm_bindgen_test]
async fn a_history_is_shown_as_a_dockerfile_with_how_sure_it_is() {
    let image = ByAddress::new(Summary::of(&analysis("x", &["base"], &[])));
    let root = show(Language::English, html! { <RebuiltView {image} /> }).await;
    let lines = all(&root, ".rebuilt-lines > li");
    let lines: Vec<String> = lines.iter().map(|line| text(line)).collect();
    assert!(
        lines[0].contains("FROM scratch") && lines[0].contains("guessed"),
        "{lines:?}"
    );
    assert!(
        lines[1].contains("COPY base /") && lines[1].contains("Layer 0"),
        "{lines:?}"
    );
    assert!(
        lines.iter().any(|line| line.contains("ENV MODE=x")),
        "{lines:?}"
    );
    assert_eq!(all(&root, "button").len(), 1);
}
