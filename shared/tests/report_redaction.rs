//! A report is an allow-list: canaries in every place that may hold a secret, none of them in what is shared.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

mod image_support;

use estiva_shared::image::{ImageAnalysis, inspect};
use estiva_shared::report::{
    BuildStepTiming, BuildTimings, Lang, Report, RunText, canonical_json, html, parse,
};
use image_support::*;
use serde_json::json;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;
#[cfg(target_arch = "wasm32")]
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_dedicated_worker);

/// An image whose history is these lines, one layer each.
fn image(history: &[&str], config: serde_json::Value) -> ImageAnalysis {
    let tars: Vec<_> = (0..history.len())
        .map(|number| tar(&[file(&format!("app/file-{number}"), "canary-content")]))
        .collect();
    let mut image = Image::new(&tars);
    image.config["config"] = config;
    image.config["author"] = json!("canary-author");
    image.config["history"] = history
        .iter()
        .map(|line| json!({"created_by": line, "comment": "canary-comment", "author": "canary-author"}))
        .collect();
    inspect(&docker_archive(&[(&image, "test")]), &mut |_| true)
        .unwrap()
        .remove(0)
}

fn texts(history: &[&str], config: serde_json::Value, run_text: RunText) -> Vec<String> {
    let report = Report::build("test", &image(history, config), None, run_text);
    report
        .instructions
        .into_iter()
        .map(|line| format!("{} {}", line.name, line.text).trim_end().to_owned())
        .collect()
}

#[test]
fn no_canary_reaches_bytes_or_page() {
    let history = [
        "/bin/sh -c #(nop)  ENV TOKEN=canary-env-1",
        "ENV TOKEN=canary-env-2 \"OTHER\"='canary env 3' # buildkit",
        "env lower canary-env-4 and more",
        "ENV A=canary spaced SECRET=canary-unquoted",
        "ENV MULTI=\"canary-line-1\ncanary-line-2\"",
        "ARG TOKEN=canary-arg-1",
        "LABEL \"a.b\"=\"canary-label-1\" c=canary-label-2",
        "RUN |2 TOKEN=canary-arg-2 B=canary arg 3 /bin/sh -c curl https://canary-user:canary-pass@host/?t=canary-query # buildkit",
        "|1 TOKEN=canary-arg-4 /bin/sh -c echo canary-run-1",
        "/bin/sh -c echo canary-run-2",
        "RUN canary-run-3",
        "COPY <<EOF /app/x\ncanary-heredoc\nEOF",
        "ADD https://canary-user:canary-pass@host/file?token=canary-query /app",
        "COPY --chown=canary-env-2 . /app",
        "WORKDIR /srv/canary-env-1",
        "USER canary-arg-1",
        "EXPOSE canary-port 80/tcp",
        "CMD [\"serve\", \"--key=canary-cmd\"]",
        "ENTRYPOINT canary-entrypoint",
        "HEALTHCHECK CMD curl canary-health",
        "ONBUILD ENV A=canary-onbuild",
        "MAINTAINER canary-maintainer",
        "bazel build canary-other",
    ];
    let config = json!({
        "Env": ["TOKEN=canary-env-2", "NOVALUE-canary-broken"], "Labels": {"a.b": "canary-label-1"}, "User": "canary-env-2",
        "WorkingDir": "/srv/canary-env-2", "Cmd": ["canary-cmd"], "Entrypoint": ["canary-entrypoint"],
        "ExposedPorts": {"canary-port": {}, "80/tcp": {}}, "StopSignal": "canary-signal",
    });
    let analysis = image(&history, config);
    let step = |text: &str| BuildStepTiming {
        stage: "canary-env-1".into(),
        text: text.into(),
        cached: false,
        duration_ms: 5,
        layer_bytes: None,
    };
    let timings = BuildTimings {
        duration_ms: 9,
        steps: history.iter().map(|text| step(text)).collect(),
    };
    let report = Report::build("test", &analysis, Some(&timings), RunText::Hidden);
    let bytes = String::from_utf8(canonical_json(&report)).unwrap();
    assert!(!bytes.contains("canary"), "{bytes}");
    for language in [Lang::English, Lang::Portuguese] {
        let page = html(&report, language);
        assert!(!page.contains("canary"));
    }
    assert!(bytes.contains("app/file-0"), "paths are shown");
    assert_eq!(
        report.left_out,
        [
            "env-values",
            "label-values",
            "arg-values",
            "run-text",
            "command-text",
            "file-content"
        ]
    );
}

/// A build argument stood in WORKDIR, USER and EXPOSE. The history held `$TOKEN`, so no value was known, while the
/// configuration held it expanded: the report showed it as the user and the folder.
#[test]
fn settings_that_came_of_a_build_argument_are_not_shown() {
    let history = [
        "FROM scratch",
        "ARG TOKEN",
        "ARG PORT",
        "WORKDIR /srv",
        "WORKDIR ${TOKEN}/data",
        "USER \"$TOKEN\"",
        "EXPOSE ${PORT} 80 90-92/udp",
        "RUN cd /srv/canary-build-arg && serve",
    ];
    let config = json!({
        "User": "canary-build-arg", "WorkingDir": "/srv/canary-build-arg/data",
        "ExposedPorts": {"31337/tcp": {}, "80/tcp": {}, "91/udp": {}, "90/tcp": {}},
    });
    let mut analysis = image(&history, config);
    analysis.tree[0].path = "srv/canary-build-arg/data/file".to_owned();
    let report = Report::build("test", &analysis, None, RunText::Shown);
    assert_eq!(report.config.user.as_deref(), Some("…"));
    assert_eq!(report.config.working_dir.as_deref(), Some("…"));
    assert_eq!(report.config.exposed_ports, ["80/tcp", "91/udp", "…"]);
    assert_eq!(report.instructions[7].text, "cd /srv/… && serve");
    assert!(
        report
            .largest_files
            .iter()
            .any(|file| file.path == "srv/…/data/file"),
        "{:?}",
        report.largest_files
    );
    let bytes = String::from_utf8(canonical_json(&report)).unwrap();
    assert!(
        !bytes.contains("canary") && !bytes.contains("31337"),
        "{bytes}"
    );
}

#[test]
fn settings_that_the_history_explains_are_shown() {
    let settings = |history: &[&str], config: serde_json::Value| {
        let report = Report::build("test", &image(history, config), None, RunText::Hidden);
        (report.config.user, report.config.working_dir)
    };
    let shown = |text: &str| Some(text.to_owned());
    let config = json!({"User": "node", "WorkingDir": "/app/web", "Env": ["APP_DIR=web"]});
    for history in [
        ["WORKDIR /app", "WORKDIR web/", "USER node"],
        ["WORKDIR /app/${APP_DIR}", "RUN x", "USER 'node'"],
        [
            "/bin/sh -c #(nop) WORKDIR /app/web",
            "/bin/sh -c #(nop)  USER node",
            "RUN x",
        ],
        [
            "WORKDIR /$TOKEN",
            "WORKDIR /app/web",
            "USER node # buildkit",
        ],
    ] {
        assert_eq!(
            settings(&history, config.clone()),
            (shown("node"), shown("/app/web")),
            "{history:?}"
        );
    }
    assert_eq!(
        settings(
            &["USER ${A:-node}", "WORKDIR $TOKEN", "WORKDIR web"],
            config.clone()
        ),
        (shown("…"), shown("…"))
    );
    assert_eq!(settings(&["COPY x /"], config), (shown("…"), shown("…")));
    assert_eq!(settings(&["USER $TOKEN"], json!({})), (None, None));
}

#[test]
fn allowed_run_text_still_lacks_every_known_value() {
    let history = [
        "ENV TOKEN=secret-1",
        "ARG KEY=secret-2",
        "RUN |2 KEY=secret-3 OTHER=two words /bin/sh -c login secret-1 secret-2 secret-3 && say two words # buildkit",
        "CMD [\"run\", \"secret-1\"]",
        "RUN |1 A=x exec-form secret-4",
    ];
    let shown = texts(&history, json!({}), RunText::Shown);
    assert_eq!(shown[2], "RUN login … … … && say …");
    assert_eq!(shown[3], "CMD [\"run\", \"…\"]");
    assert_eq!(shown[4], "RUN", "where the command begins can't be told");
}

/// Only RUN's recorded arguments were read in every way; an ARG's own line with blanks in its values left words of them in
/// the texts of other instructions.
#[test]
fn values_without_quotes_are_taken_out_however_they_may_be_read() {
    let history = [
        "ARG A=one two B=three canary-arg",
        "LABEL it='s KEPT=it's a.b=the best server",
        "ENV Q=\"some words\" lone=canary",
        "COPY three canary-arg /z",
        "COPY server some words /z",
        "COPY one two /z",
    ];
    let config = json!({"Labels": {"a.b": "the best server"}});
    let shown = texts(&history, config, RunText::Hidden);
    assert_eq!(shown[3], "COPY … /z");
    assert_eq!(
        shown[4], "COPY server … /z",
        "the label is known as a whole"
    );
    assert_eq!(shown[5], "COPY … /z");
}

#[test]
fn addresses_lose_password_query_and_fragment_in_every_spelling() {
    for (address, shown) in [
        ("https://host/file#canary", "https://host/file#…"),
        ("https://host/file#part?t=canary", "https://host/file#…"),
        ("https://host?t=canary/x", "https://host?…"),
        ("https://host?t=x@canary", "https://host?…"),
        ("//user:canary@host/x", "//…@host/x"),
        ("git://user:canary@host:1/x?a#b", "git://…@host:1/x?…"),
        ("https://host/a//b c", "https://host/a//b c"),
    ] {
        let texts = texts(&[&format!("ADD {address}")], json!({}), RunText::Hidden);
        assert_eq!(texts, [format!("ADD {shown}")]);
    }
}

/// Each word of a long argument text was kept joined to all before it: 20,000 words took 1.4 GB.
#[test]
fn readings_of_a_long_argument_text_are_not_kept_without_end() {
    let words: String = (0..50_000).map(|number| format!(" word{number}")).collect();
    for line in [
        format!("|1 A=x{words} /bin/sh -c true"),
        format!("ARG A=x{words}"),
    ] {
        let shown = texts(&[&line, "COPY word7 /z"], json!({}), RunText::Hidden);
        assert_eq!(shown[1], "COPY …", "too many values to look for");
    }
}

#[test]
fn each_kind_of_instruction_shows_what_its_form_allows() {
    let history = [
        "/bin/sh -c #(nop) COPY file:abc in /app ",
        "ENV PATH=/usr/bin # buildkit",
        "ARG VERSION",
        "ARG VERSION=1.2",
        "LABEL org.example.title=x other=y",
        "/bin/sh -c #(nop)  EXPOSE map[80/tcp:{} 53/udp:{}]",
        "EXPOSE 8080",
        "WORKDIR /app",
        "USER 1000:1000",
        "/bin/sh -c apt-get update",
    ];
    let config = json!({"Labels": {"org.example.title": "x", "other": "y"}});
    let expected = [
        "COPY file:abc in /app",
        "ENV PATH=…",
        "ARG VERSION",
        "ARG VERSION=…",
        "LABEL org.example.title=… other=…",
        "EXPOSE 80/tcp 53/udp",
        "EXPOSE 8080",
        "WORKDIR /app",
        "USER 1000:1000",
        "RUN",
    ];
    assert_eq!(texts(&history, config.clone(), RunText::Hidden), expected);
    assert_eq!(
        texts(&history, config, RunText::Shown)[9],
        "RUN apt-get update"
    );
}

#[test]
fn short_values_and_paths_of_the_image_stay_in_other_texts() {
    let history = [
        "ENV N=1 HOME=/app",
        "COPY 1.txt /app",
        "COPY secret-dir /out",
    ];
    let config = json!({"Env": ["N=1", "HOME=/app", "D=secret-dir", "F=/app/file-0"]});
    assert_eq!(
        texts(&history, config, RunText::Hidden)[1..],
        ["COPY 1.txt /app", "COPY … /out"]
    );
}

#[test]
fn report_survives_its_own_bytes_and_is_the_same_each_time() {
    let analysis = image(&["ENV A=value", "RUN x"], json!({"Env": ["A=value"]}));
    let report = Report::build("test", &analysis, None, RunText::Hidden);
    let bytes = canonical_json(&report);
    assert_eq!(parse(&bytes).unwrap(), report);
    assert_eq!(canonical_json(&parse(&bytes).unwrap()), bytes);
    assert!(bytes.starts_with(b"{\"build\":null,\"config\":{\"env_names\":[\"A\"]"));
}

#[test]
fn newer_longer_or_crooked_reports_are_refused() {
    let report = Report::build("test", &image(&["RUN x"], json!({})), None, RunText::Hidden);
    let value = serde_json::to_value(&report).unwrap();
    let with = |path: &str, new: serde_json::Value| {
        let mut value = value.clone();
        *value.pointer_mut(path).unwrap() = new;
        parse(&serde_json::to_vec(&value).unwrap())
            .unwrap_err()
            .to_string()
    };
    assert!(with("/version", json!(2)).contains("found version 2"));
    assert!(with("/layers/0/instruction", json!(7)).contains("number 7"));
    assert!(with("/largest_files/0/layer", json!(7)).contains("number 7"));
    assert!(with("/left_out", json!({})).contains("other JSON"));
    let mut extra = value.clone();
    extra["secret"] = json!("x");
    assert!(parse(&serde_json::to_vec(&extra).unwrap()).is_err());
    assert!(
        parse(&vec![b' '; 5 << 20])
            .unwrap_err()
            .to_string()
            .contains("at most")
    );
    assert!(parse(b"").is_err());
}

/// A report with more lines than may be read was stored all the same, and its link only failed.
#[test]
fn a_report_that_would_be_too_long_is_cut_and_says_so() {
    let lines = vec!["COPY a b"; 3];
    let mut analysis = image(&lines, json!({}));
    let line = analysis.image.history[0].clone();
    analysis.image.history.splice(0..0, vec![line; 10_002]);
    analysis.image.config.env = (0..20_000).map(|number| format!("A{number}=")).collect();
    let report = Report::build("test", &analysis, None, RunText::Hidden);
    assert_eq!(parse(&canonical_json(&report)).unwrap(), report);
    assert_eq!(report.instructions.len(), 10_000);
    assert!(report.left_out.contains(&"over-limits".to_owned()));

    for line in &mut analysis.image.history {
        line.created_by = format!("COPY {} b", "a".repeat(900));
    }
    let report = Report::build("test", &analysis, None, RunText::Hidden);
    assert_eq!(parse(&canonical_json(&report)).unwrap(), report);
    assert!(report.instructions.len() >= 2500 && report.layers.len() == 3);

    let mut value = serde_json::to_value(&report).unwrap();
    for list in ["env_names", "label_names", "exposed_ports"] {
        value["config"][list] = vec!["x"; 10_001].into();
        let error = parse(&serde_json::to_vec(&value).unwrap()).unwrap_err();
        assert!(error.to_string().contains("at most 10000"), "{error}");
        value["config"][list] = json!([]);
    }
}

#[test]
fn page_escapes_every_name_and_refers_to_nothing_outside() {
    let mut analysis = image(
        &["COPY <script>alert(1)</script> \"&'"],
        json!({"User": "<em>", "Labels": {"<i>": "long value"}}),
    );
    analysis.tree[0].path = "a\u{202e}<img src=x onerror=y>\u{7}".to_owned();
    let report = Report::build("<u>name", &analysis, None, RunText::Hidden);
    let page = html(&report, Lang::Portuguese);
    for bad in [
        "<script", "<img", "<em>", "<i>", "<u>", "\u{202e}", "\u{7}", "http:", "https:", "url(",
        "@import", " style=",
    ] {
        assert!(!page.contains(bad), "{bad}");
    }
    assert!(page.contains("&lt;script&gt;"));
    assert!(page.contains("<html lang=\"pt-BR\">"));
    assert!(page.contains("id=\"lang-pt\" checked"));
}

#[test]
fn reader_s_language_is_the_first_known_one() {
    assert_eq!(Lang::accepted("pt-BR,pt;q=0.9,en;q=0.8"), Lang::Portuguese);
    assert_eq!(Lang::accepted("de, en-GB;q=0.7, pt;q=0.3"), Lang::English);
    assert_eq!(Lang::accepted(""), Lang::English);
}

/// Every text in a JSON value, keys aside.
fn strings<'a>(value: &'a serde_json::Value, found: &mut Vec<&'a str>) {
    match value {
        serde_json::Value::String(text) => found.push(text),
        serde_json::Value::Array(list) => list.iter().for_each(|item| strings(item, found)),
        serde_json::Value::Object(map) => map.values().for_each(|item| strings(item, found)),
        _ => {}
    }
}

/// A preview once showed the last stage's instructions and five files, and the link told more: the steps of every stage,
/// each layer's files, paths that are wasted, the names of variables. Whoever shares looks at the page, so the page
/// must hold all that the document does.
#[test]
fn the_page_shows_every_text_of_the_document() {
    let history = [
        "COPY --chown=5 . /app",
        "RUN |1 A=x /bin/sh -c make # buildkit",
        "WORKDIR /srv",
        "EXPOSE 80/tcp",
    ];
    let config = json!({
        "Env": ["TOKEN=secret-value"], "Labels": {"a.b": "label-value"}, "User": "someone",
        "WorkingDir": "/srv", "ExposedPorts": {"80/tcp": {}},
    });
    let analysis = image(&history, config);
    let step = |stage: &str, text: &str| BuildStepTiming {
        stage: stage.into(),
        text: text.into(),
        cached: false,
        duration_ms: 5,
        layer_bytes: Some(1),
    };
    let timings = BuildTimings {
        duration_ms: 9,
        steps: vec![
            step("compile", "RUN fetch https://user:pass@example.org/private"),
            step("1", "COPY --from=compile /out <b>&'\""),
        ],
    };
    for run_text in [RunText::Hidden, RunText::Shown] {
        let report = Report::build("test", &analysis, Some(&timings), run_text);
        let value = serde_json::to_value(&report).unwrap();
        let page = html(&report, Lang::English);
        let mut found = Vec::new();
        strings(&value, &mut found);
        assert!(found.len() > 20, "{found:?}");
        for text in found {
            // Written in words, in both languages.
            let is_code = report.left_out.iter().any(|code| code == text)
                || report.waste.by_cause.iter().any(|one| one.cause == text);
            let escaped = text
                .replace('&', "&amp;")
                .replace('<', "&lt;")
                .replace('>', "&gt;")
                .replace('"', "&quot;")
                .replace('\'', "&#39;");
            assert!(
                is_code || page.contains(&escaped),
                "{text} is not in {page}"
            );
        }
    }
}
