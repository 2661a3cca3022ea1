//! What an image holds, in a real document: packages that are searched, dangers that lead to their file, downloads.
#![cfg(target_arch = "wasm32")]

mod stage;

use std::cell::RefCell;
use std::rc::Rc;

use estiva_frontend::components::ImageView as ImageArticle;
use estiva_frontend::i18n::Language;
use estiva_frontend::services::analyser::{FilesAsk, SbomAsk};
use estiva_frontend::state::by_address::ByAddress;
use estiva_shared::image::holdings::{
    Danger, DangerGroup, DangerKind, Holdings, KindSum, Package, PackageKind, SbomFormat, Unread,
    UnreadReason,
};
use estiva_shared::image::{
    ANALYSIS_VERSION, Change, ConfigView, EntryKind, ImageAnalysis, ImageView, LayerEntry,
    LayerView, Waste,
};
use estiva_worker::summary::Summary;
use estiva_worker::tree::{History, View};
use stage::{all, settle, show_at, tell, text};
use wasm_bindgen::JsCast;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};
use web_sys::{Element, HtmlInputElement};
use yew::prelude::*;

wasm_bindgen_test_configure!(run_in_browser);

/// The image's view, at the tab of its contents.
async fn show(
    language: Language,
    holdings: Holdings,
    files: Callback<FilesAsk>,
    sboms: Callback<SbomAsk>,
) -> Element {
    let image = image(holdings);
    let content = html! { <ImageArticle {image} {files} documents={Callback::noop()} {sboms} /> };
    let root = show_at("?image=sha256:ab", language, content).await;
    all(&root, "[data-testid=tab-contents]")[0].click();
    settle().await;
    root
}

fn image(holdings: Holdings) -> ByAddress<Summary> {
    ByAddress::new(Summary::of(&analysis(holdings, Vec::new())))
}

fn analysis(holdings: Holdings, entries: Vec<LayerEntry>) -> ImageAnalysis {
    let layer = LayerView {
        index: 0,
        digest: String::new(),
        diff_id: String::new(),
        verified: true,
        compression: "none".into(),
        size_bytes: 1,
        uncompressed_bytes: 1,
        created_by: Some("COPY keys /root".into()),
        added: 1,
        changed: 0,
        removed: 0,
        entries,
    };
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
            layers: vec![layer],
            referrers: Vec::new(),
        },
        tree: Vec::new(),
        waste: Waste::default(),
        holdings,
        problems: Vec::new(),
    }
}

fn packages(count: u64) -> Holdings {
    let package = |number: u64| Package {
        kind: PackageKind::Deb,
        name: format!("package-{number:03}"),
        version: "1.0".into(),
        architecture: None,
        license: None,
        purl: String::new(),
        layer: 0,
        path: "var/lib/dpkg/status".into(),
        size_bytes: 1_500_000,
    };
    Holdings {
        by_kind: vec![KindSum {
            kind: PackageKind::Deb,
            count,
            size_bytes: count * 1_500_000,
        }],
        packages: (0..count).map(package).collect(),
        ..Holdings::default()
    }
}

#[wasm_bindgen_test]
async fn packages_are_searched_and_shown_a_hundred_at_a_time() {
    let root = show(
        Language::English,
        packages(250),
        Callback::noop(),
        Callback::noop(),
    )
    .await;
    let rows = || all(&root, "[data-testid=package-row]").len();
    assert_eq!(rows(), 100);
    all(&root, "[data-testid=more-packages]")[0].click();
    settle().await;
    assert_eq!(rows(), 200);
    assert!(text(&root).contains("Show 50 more"), "{}", text(&root));
    let search: HtmlInputElement = all(&root, "[data-testid=package-search]")[0]
        .clone()
        .unchecked_into();
    let type_in = |word: &str| {
        search.set_value(word);
        tell(&search, "input");
    };
    type_in("PACKAGE-01");
    settle().await;
    assert_eq!(rows(), 10);
    type_in("nothing like it");
    settle().await;
    assert!(
        text(&root).contains("No package has that"),
        "{}",
        text(&root)
    );
}

#[wasm_bindgen_test]
async fn a_deleted_secret_is_masked_and_leads_to_what_its_layer_did() {
    let asked = Rc::new(RefCell::new(Vec::new()));
    let files = {
        let asked = asked.clone();
        let paths = (0..100).map(|number| format!("a/{number:02}"));
        let entries = paths
            .chain(["root/.ssh/id_rsa".into()])
            .map(entry)
            .collect();
        let history = Rc::new(History::of(&analysis(Holdings::default(), entries)));
        let view = RefCell::new(None::<View>);
        Callback::from(move |ask: FilesAsk| {
            let FilesAsk::Rows(wish, reply) = ask else {
                return;
            };
            asked
                .borrow_mut()
                .push((wish.look.layer, wish.look.changes));
            let mut view = view.borrow_mut();
            let view = view.get_or_insert_with(|| View::of(history.clone(), wish.look.clone()));
            reply.emit(Ok(view.take(wish, &mut |_| false)));
        })
    };
    let secret = Danger {
        path: Some("root/.ssh/id_rsa".into()),
        layer: Some(0),
        hidden_by: Some(1),
        line: None,
        detail: "BEGIN PRIVATE KEY …".into(),
    };
    let holdings = Holdings {
        dangers: vec![DangerGroup {
            kind: DangerKind::PrivateKey,
            count: 1,
            found: vec![secret],
        }],
        unread: vec![Unread {
            path: Some("var/lib/rpm/Packages".into()),
            layer: 0,
            reason: UnreadReason::RpmDatabase,
        }],
        ..Holdings::default()
    };
    let root = show(Language::Portuguese, holdings, files, Callback::noop()).await;
    for words in [
        "1 perigo",
        "Chaves privadas",
        "BEGIN PRIVATE KEY …",
        "pela camada 1, mas ainda vai na imagem",
        "camada 0: COPY keys /root",
        "Nenhum pacote encontrado",
        "rpm",
    ] {
        assert!(text(&root).contains(words), "{words}: {}", text(&root));
    }
    all(&root, "[data-testid=danger-private_key] .link-button")[0].click();
    settle().await;
    settle().await;
    assert_eq!(asked.borrow().first(), Some(&(0, false)));
    assert_eq!(asked.borrow().last(), Some(&(0, true)));
    let query = web_sys::window().and_then(|window| window.location().search().ok());
    assert_eq!(
        query.as_deref(),
        Some("?image=sha256:ab&layer=0&changes=1&path=root/.ssh/id_rsa"),
        "which image is meant stays"
    );
    let list = &all(&root, "[role=treegrid]")[0];
    let active = list.get_attribute("aria-activedescendant").expect("a row");
    let row = &all(&root, &format!("#{active}"))[0];
    assert!(
        row.text_content()
            .is_some_and(|text| text.contains("id_rsa"))
    );
}

fn entry(path: String) -> LayerEntry {
    LayerEntry {
        path,
        kind: EntryKind::File,
        change: Change::Added,
        size_bytes: 10,
        apparent_bytes: None,
        mode: 0o644,
        uid: 0,
        gid: 0,
        mtime: 0,
        link: None,
        opaque: false,
    }
}

#[wasm_bindgen_test]
async fn both_bills_of_materials_are_asked_for_and_a_refusal_is_told() {
    let asked = Rc::new(RefCell::new(Vec::new()));
    let sboms = {
        let asked = asked.clone();
        Callback::from(move |ask: SbomAsk| {
            asked.borrow_mut().push(ask.format);
            ask.reply.emit(Err("the image was closed".into()));
        })
    };
    let root = show(Language::English, packages(1), Callback::noop(), sboms).await;
    assert!(text(&root).contains("Nothing dangerous was found"));
    for name in ["spdx", "cyclonedx"] {
        all(&root, &format!("[data-testid=sbom-{name}]"))[0].click();
    }
    settle().await;
    assert_eq!(*asked.borrow(), [SbomFormat::Spdx, SbomFormat::CycloneDx]);
    assert!(text(&root).contains("the image was closed"));
}
