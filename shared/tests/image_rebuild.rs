//! Dockerfiles from histories: as Docker's builders, buildah, kaniko and Estiva write them, golden; and what holds for any.
#![allow(
    clippy::unwrap_used,
    reason = "what fails in a function beside the tests fails its test"
)]

mod image_support;

use estiva_shared::dockerfile::{Severity, parse};
use estiva_shared::image::{Confidence, ImageView, Rebuilt, Verdict, rebuild, reconcile};
use image_support::*;
use serde_json::{Value, json};

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;
#[cfg(target_arch = "wasm32")]
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_dedicated_worker);

/// An image of this configuration and history; a line of three fields is an empty one with a comment.
fn image(config: Value, history: Value) -> ImageView {
    let layers = history.as_array().unwrap().iter();
    let layers = layers
        .filter(|line| line["empty_layer"] != true)
        .enumerate();
    let tars: Vec<_> = layers
        .map(|(at, _)| tar(&[file(&format!("f{at}"), "x")]))
        .collect();
    let mut image = Image::new(&tars);
    image.config["config"] = config;
    image.config["history"] = history;
    inspect_one(&docker_archive(&[(&image, "test:1")])).image
}

fn made(created_by: &str) -> Value {
    json!({"created_by": created_by})
}

fn empty(created_by: &str) -> Value {
    json!({"created_by": created_by, "empty_layer": true})
}

fn with(comment: &str, mut line: Value) -> Value {
    line["comment"] = comment.into();
    line
}

fn parses(rebuilt: &Rebuilt) {
    let (dockerfile, found) = parse(&rebuilt.text);
    let errors: Vec<_> = found
        .iter()
        .filter(|each| each.severity == Severity::Error)
        .collect();
    assert!(errors.is_empty(), "{errors:?}\n{}", rebuilt.text);
    let instructions = &dockerfile.stages[0].instructions;
    let lines = rebuilt.lines.iter().filter(|line| !line.commented);
    let places: Vec<_> = lines.map(|line| line.line).collect();
    let found: Vec<_> = instructions
        .iter()
        .map(|each| each.span.start.line)
        .collect();
    assert_eq!(places, found, "{}", rebuilt.text);
}

/// The text without its first line, which is always the same.
fn text(rebuilt: &Rebuilt) -> String {
    parses(rebuilt);
    rebuilt.text.split_once('\n').unwrap().1.to_owned()
}

const NO_BASE: &str = "# guessed: no base image is named; where there was one, its lines are among those below\nFROM scratch\n";
const FROM_CONTEXT: &str =
    "# likely: --from and --link leave no trace: it may copy from another stage\n";

fn by_buildkit() -> ImageView {
    let kit = |line| with("buildkit.dockerfile.v0", line);
    image(
        json!({
            "Env": ["PATH=/usr/local/bin:/usr/bin:/bin", "NODE_VERSION=20.1", "MOTD=hello there X=1"],
            "Cmd": ["node", "server.js"], "Entrypoint": ["docker-entrypoint.sh"], "WorkingDir": "/app", "User": "node",
            "ExposedPorts": {"3000/tcp": {}}, "Volumes": {"/data": {}}, "Labels": {"a": "b c"}, "StopSignal": "SIGINT",
        }),
        json!([
            made(
                "/bin/sh -c #(nop) ADD file:5d673d25da3a14ce1f6cf66e4c7fd4f4b85a3759a9d93efb3fd9ff852b5b56e4 in / "
            ),
            empty("/bin/sh -c #(nop)  CMD [\"/bin/sh\"]"),
            kit(empty("ENV NODE_VERSION=20.1")),
            kit(made(
                "RUN /bin/sh -c addgroup -g 1000 node     && adduser -u 1000 -G node node # buildkit"
            )),
            kit(made("COPY docker-entrypoint.sh /usr/local/bin/ # buildkit")),
            kit(empty("ENTRYPOINT [\"docker-entrypoint.sh\"]")),
            kit(empty("ENV MOTD=hello there X=1")),
            kit(empty("LABEL a=b c")),
            kit(made("WORKDIR /app")),
            kit(empty("ARG COMMIT=abc")),
            kit(made(
                "RUN |1 COMMIT=abc /bin/sh -c echo $COMMIT > version # buildkit"
            )),
            kit(made(
                "COPY --chown=node:node dist package.json ./ # buildkit"
            )),
            kit(made("RUN /bin/sh -c set -e\necho one\n # buildkit")),
            kit(empty("EXPOSE map[3000/tcp:{}]")),
            kit(empty("VOLUME [/data]")),
            kit(empty(
                "HEALTHCHECK {[\"CMD-SHELL\" \"wget -q localhost:3000 || exit 1\"] \"30s\" \"3s\" \"0s\" \"0s\" '\\x03'}"
            )),
            kit(empty("STOPSIGNAL SIGINT")),
            kit(empty("USER node")),
            kit(empty("CMD [\"node\" \"server.js\"]")),
        ]),
    )
}

#[test]
fn buildkit_s_history_on_a_base_of_the_classic_builder() {
    let rebuilt = rebuild(&by_buildkit());
    let expected = [
        NO_BASE,
        "# guessed: only a checksum of what was copied is recorded, so the source is made up\nADD unknown-5d673d25 /\n",
        "CMD [\"/bin/sh\"]\n",
        "# guessed: a base image may end here, with a command that the lines below build on.\n",
        "ENV NODE_VERSION=20.1\n",
        "RUN addgroup -g 1000 node     && adduser -u 1000 -G node node\n",
        FROM_CONTEXT,
        "COPY docker-entrypoint.sh /usr/local/bin/\n",
        "ENTRYPOINT [\"docker-entrypoint.sh\"]\n",
        "ENV MOTD=\"hello there X=1\"\n",
        "LABEL a=\"b c\"\n",
        "WORKDIR /app\n",
        "# likely: which default it has, if any, is not sure\nARG COMMIT=abc\n",
        "RUN echo $COMMIT > version\n",
        FROM_CONTEXT,
        "COPY --chown=node:node dist package.json ./\n",
        "RUN <<EOF\nset -e\necho one\nEOF\n",
        "EXPOSE 3000/tcp\n",
        "VOLUME [\"/data\"]\n",
        "HEALTHCHECK --interval=30s --timeout=3s --retries=3 CMD wget -q localhost:3000 || exit 1\n",
        "STOPSIGNAL SIGINT\n",
        "USER node\n",
        "CMD [\"node\", \"server.js\"]\n",
    ];
    assert_eq!(text(&rebuilt), expected.concat());
    let run = rebuilt
        .lines
        .iter()
        .find(|line| line.text.starts_with("RUN <<EOF"))
        .unwrap();
    assert_eq!((run.history, run.layer), (Some(12), Some(6)));
    assert_eq!(run.confidence, Confidence::Certain);
}

#[test]
fn the_classic_builder_s_history() {
    let rebuilt = rebuild(&image(
        json!({"Env": ["A=b c"], "Cmd": ["/bin/sh", "-c", "exec app --now"]}),
        json!([
            made("/bin/sh -c #(nop) COPY dir:aa11 in /src/ "),
            made("/bin/sh -c #(nop) COPY --chown=1:2 file:0123456789abcdef in /etc/app.conf "),
            made("/bin/sh -c #(nop) ADD multi:0123456789abcdef in /two words/ "),
            empty("/bin/sh -c #(nop)  ENV A=b c"),
            empty("/bin/sh -c #(nop)  ARG KEY"),
            made("|1 KEY=k v /bin/sh -c make KEY=$KEY"),
            made("|1 OTHER=1 /bin/sh -c cat <<X"),
            empty("/bin/sh -c #(nop)  EXPOSE 8080/tcp"),
            empty("/bin/sh -c #(nop)  ONBUILD RUN echo later"),
            empty("/bin/sh -c #(nop)  MAINTAINER Somebody"),
            empty("/bin/sh -c #(nop)  CMD [\"/bin/sh\" \"-c\" \"exec app --now\"]"),
        ]),
    ));
    let made_up =
        "# guessed: only a checksum of what was copied is recorded, so the source is made up\n";
    let expected = [
        NO_BASE,
        made_up,
        "COPY . /src/\n",
        made_up,
        "COPY --chown=1:2 app.conf /etc/app.conf\n",
        made_up,
        "ADD [\"unknown-01234567\", \"/two words/\"]\n",
        "ENV A=\"b c\"\n",
        "# likely: which default it has, if any, is not sure\nARG KEY=\"k v\"\n",
        "RUN make KEY=$KEY\n",
        "# guessed: a RUN had this argument; its own line left no trace\nARG OTHER=1\n",
        "RUN [\"/bin/sh\", \"-c\", \"cat <<X\"]\n",
        "EXPOSE 8080/tcp\n",
        "ONBUILD RUN echo later\n",
        "MAINTAINER Somebody\n",
        "# likely: the shell form and the exec form leave the same\nCMD exec app --now\n",
    ];
    assert_eq!(text(&rebuilt), expected.concat());
}

/// As buildah 1.28 wrote it, with layers, on an image of its own.
fn by_buildah() -> ImageView {
    let after = |step: &str, line| with(&format!("FROM {step}"), line);
    image(
        json!({
            "User": "0", "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "A=one", "B=two words"],
            "Cmd": ["/bin/sh", "-c", "sh"], "Labels": {"io.buildah.version": "1.28.2", "x": "y"},
        }),
        json!([
            made(
                "/bin/sh -c #(nop) ADD file:a64d1cb3ee79ce2fa68abea50e6ffd420a921deedf997e5c4337dac79025071a in / "
            ),
            after(
                "e4dab5035214",
                empty("/bin/sh -c #(nop) ENV A=one B=\"two words\"")
            ),
            after(
                "fb7199452fcd",
                empty("/bin/sh -c #(nop) CMD [\"echo\", \"daemon off;\"]")
            ),
            after("localhost/one:latest", empty("/bin/sh -c #(nop) LABEL x=y")),
            after("107bf989d4fb", empty("/bin/sh -c #(nop) USER 0")),
            after(
                "7dd289ea5a21",
                made("/bin/sh -c [\"/bin/sh\",\"-c\",\"echo x > /y\"]")
            ),
            after(
                "a1bd3c85c6c6",
                made(
                    "/bin/sh -c #(nop) COPY file:50dcf89ed9965332665179685e797a06ed02c9db2bee7f629b3c349f9a47b85d in /g "
                )
            ),
            after("4a8fa07c1d11", empty("/bin/sh -c #(nop) CMD sh")),
        ]),
    )
}

#[test]
fn buildah_s_history_names_its_base() {
    let rebuilt = rebuild(&by_buildah());
    let expected = [
        "FROM localhost/one:latest\n",
        "# of the base image: ADD unknown-a64d1cb3 /\n",
        "# of the base image: ENV A=one B=\"two words\"\n",
        "# of the base image: CMD [\"echo\", \"daemon off;\"]\n",
        "LABEL x=y\n",
        "USER 0\n",
        "# likely: the shell form and the exec form leave the same\nRUN [\"/bin/sh\", \"-c\", \"echo x > /y\"]\n",
        "# guessed: only a checksum of what was copied is recorded, so the source is made up\nCOPY g /g\n",
        "CMD sh\n",
    ];
    assert_eq!(text(&rebuilt), expected.concat());
}

#[test]
fn builders_that_keep_the_text_are_taken_by_their_word() {
    let rebuilt = rebuild(&image(
        json!({"Env": ["A=one two"], "Cmd": ["node", "a.js"], "WorkingDir": "/app"}),
        json!([
            made("ADD busybox-static /"),
            empty("ENV A=\"one two\""),
            made("COPY --from=0 /x /y"),
            made("COPY --from=build /app/dist ./"),
            made("RUN npm ci"),
            empty("CMD [\"node\", \"a.js\"]"),
            made("bazel build ..."),
            empty(""),
            made(""),
        ]),
    ));
    let other = "# likely: it copies from another stage, whose lines are in no history\n";
    let expected = [
        NO_BASE,
        "ADD busybox-static /\nENV A=\"one two\"\n",
        other,
        "COPY --from=stage-0 /x /y\n",
        other,
        "COPY --from=build /app/dist ./\n",
        "RUN npm ci\nCMD [\"node\", \"a.js\"]\n",
        "# guessed: a base image may end here, with a command that the lines below build on.\n",
        "# no instruction's text: bazel build ...\n",
        "# the history says nothing of it: a layer\n",
        "# likely: the configuration has it, and no line of the history sets it\nWORKDIR /app\n",
    ];
    assert_eq!(text(&rebuilt), expected.concat());
}

#[test]
fn an_image_without_a_history_has_its_configuration() {
    let rebuilt = rebuild(&image(
        json!({
            "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "A=$x"], "Labels": {"k": "\""},
            "Entrypoint": ["a b"], "Cmd": ["c"], "Volumes": {"/v": {}}, "ExposedPorts": {"53/udp": {}}, "User": "u",
        }),
        json!([]),
    ));
    let lines: Vec<_> = rebuilt
        .lines
        .iter()
        .map(|line| line.text.as_str())
        .collect();
    parses(&rebuilt);
    assert_eq!(
        lines,
        [
            "FROM scratch",
            "LABEL k=\"\\\"\"",
            "ENV A=\"\\$x\"",
            "EXPOSE 53/udp",
            "VOLUME [\"/v\"]",
            "USER u",
            "ENTRYPOINT [\"a b\"]",
            "CMD [\"c\"]"
        ]
    );
}

#[test]
fn a_hostile_history_gives_a_text_of_bounded_size_quickly() {
    let long = format!("RUN /bin/sh -c {} # buildkit", "é\n".repeat(15_000));
    let blanks = format!("/bin/sh -c #(nop) ENV A={}", " ".repeat(60_000));
    let mut lines: Vec<_> = (0..12)
        .flat_map(|_| [empty(&long), empty(&blanks)])
        .collect();
    lines.extend((0..45_000).map(|at| empty(&format!("RUN echo {at}"))));
    let rebuilt = rebuild(&image(json!({}), Value::from(lines)));
    assert!(rebuilt.text.len() <= 512 << 10, "{}", rebuilt.text.len());
    assert!(rebuilt.left_out > 40_000);
    parses(&rebuilt);
}

#[test]
fn a_dockerfile_s_lines_find_their_layers() {
    let source = "FROM docker.io/library/alpine AS base\n\
        ENV NODE_VERSION=20.1\n\
        RUN addgroup -g 1000 node \\\n    && adduser -u 1000 -G node node\n\
        COPY docker-entrypoint.sh /usr/local/bin/\n\
        ENTRYPOINT [\"docker-entrypoint.sh\"]\n\
        FROM base\n\
        ENV MOTD=\"hello there X=1\"\n\
        LABEL a=\"b c\"\n\
        WORKDIR /app\n\
        ARG COMMIT\n\
        RUN echo $COMMIT > version\n\
        COPY --from=build --chown=node:node dist package.json ./\n\
        RUN apk add curl\n\
        EXPOSE 3000\n\
        VOLUME /data\n\
        STOPSIGNAL SIGINT\n\
        USER node\n\
        CMD [\"node\", \"other.js\"]\n";
    let reconciled = reconcile(&rebuild(&by_buildkit()), source).unwrap();
    let rows: Vec<_> = reconciled
        .rows
        .iter()
        .map(|row| (row.verdict, row.dockerfile_line, row.layer))
        .collect();
    use Verdict::*;
    assert_eq!(
        rows,
        [
            (Base, None, Some(0)),
            (Base, None, None),
            (Same, Some(2), None),
            (Same, Some(3), Some(1)),
            (Same, Some(5), Some(2)),
            (Same, Some(6), None),
            (Same, Some(8), None),
            (Same, Some(9), None),
            (Same, Some(10), Some(3)),
            (Likely, Some(11), None),
            (Same, Some(12), Some(4)),
            (Same, Some(13), Some(5)),
            (OnlyInFile, Some(14), None),
            (OnlyInHistory, None, Some(6)),
            (Same, Some(15), None),
            (Same, Some(16), None),
            (OnlyInHistory, None, None),
            (Same, Some(17), None),
            (Same, Some(18), None),
            (Differs, Some(19), None),
        ]
    );
    assert!(!reconciled.agrees);
}

#[test]
fn a_dockerfile_that_made_the_image_agrees() {
    let source = "FROM localhost/one\nLABEL x=y\nARG UNUSED\nUSER 0\nRUN [\"/bin/sh\",\"-c\",\"echo x > /y\"]\nCOPY greet.sh /g\nCMD sh\n";
    let reconciled = reconcile(&rebuild(&by_buildah()), source).unwrap();
    assert!(reconciled.agrees, "{reconciled:#?}");
    let copy = reconciled
        .rows
        .iter()
        .find(|row| row.dockerfile_line == Some(6))
        .unwrap();
    assert_eq!((copy.verdict, copy.layer), (Verdict::Likely, Some(2)));
    let bases = reconciled
        .rows
        .iter()
        .filter(|row| row.verdict == Verdict::Base);
    assert_eq!(bases.count(), 3);
    let broken = reconcile(&rebuild(&by_buildah()), "FORM x\n").unwrap_err();
    assert!(!broken.is_empty());
}

#[cfg(not(target_arch = "wasm32"))]
mod tools {
    use super::*;
    use std::path::Path;
    use std::process::Command;

    const SOURCE: &str = "FROM scratch\nARG VERSION=1\nCOPY hello.txt /srv/\nCOPY sub /srv/sub/\nENV A=one B=\"two words\"\nLABEL title=\"A label\"\nWORKDIR /srv\nEXPOSE 80 443/udp\nVOLUME /data\nUSER 1000\nSTOPSIGNAL SIGQUIT\nENTRYPOINT [\"/app\", \"--serve\"]\nCMD [\"a b\", \"c\"]\n";

    /// Builds with a tool in a store of its own, without mounts; the archive, or why there is none.
    fn build(tool: &str, layers: bool, folder: &Path) -> Result<Vec<u8>, String> {
        let path = |name: &str| folder.join(name).to_string_lossy().into_owned();
        let (root, state, context) = (path("root"), path("state"), path("context"));
        let run = |arguments: &[&str]| {
            let store = [
                "--root",
                &root,
                "--runroot",
                &state,
                "--storage-driver",
                "vfs",
            ];
            let ran = Command::new(tool)
                .args(store)
                .args(arguments)
                .output()
                .map_err(|error| format!("{tool}: {error}"))?;
            match ran.status.success() {
                true => Ok(()),
                false => Err(format!("{tool}: {}", String::from_utf8_lossy(&ran.stderr))),
            }
        };
        let layers = format!("--layers={layers}");
        run(&[
            "build",
            &layers,
            "--isolation",
            "chroot",
            "-t",
            "test:1",
            &context,
        ])?;
        let target = format!("docker-archive:{}", path("image.tar"));
        run(&["push", "--quiet", "test:1", &target])?;
        std::fs::read(folder.join("image.tar")).map_err(|error| error.to_string())
    }

    #[test]
    fn a_dockerfile_that_buildah_or_podman_built_agrees_with_its_history() {
        for (tool, layers) in [("buildah", true), ("buildah", false), ("podman", true)] {
            let folder = tempfile::TempDir::new().unwrap();
            let context = folder.path().join("context");
            std::fs::create_dir_all(context.join("sub")).unwrap();
            std::fs::write(context.join("Dockerfile"), SOURCE).unwrap();
            std::fs::write(context.join("hello.txt"), "hello\n").unwrap();
            std::fs::write(context.join("sub/file"), "file\n").unwrap();
            let archive = match build(tool, layers, folder.path()) {
                Ok(archive) => archive,
                Err(reason) => {
                    let test = "a_dockerfile_that_buildah_or_podman_built_agrees_with_its_history";
                    eprintln!("SKIP {test}: {reason}");
                    continue;
                }
            };
            let rebuilt = rebuild(&inspect_one(&archive).image);
            parses(&rebuilt);
            for line in SOURCE
                .lines()
                .skip(1)
                .filter(|line| !line.starts_with("COPY") && !line.starts_with("ARG"))
            {
                assert!(
                    rebuilt.text.contains(line),
                    "{tool}: {line}\n{}",
                    rebuilt.text
                );
            }
            assert!(rebuilt.text.contains("\nARG VERSION\n"), "{}", rebuilt.text);
            assert!(
                rebuilt.text.contains("COPY . /srv/sub/"),
                "{}",
                rebuilt.text
            );
            let reconciled = reconcile(&rebuilt, SOURCE).unwrap();
            assert!(reconciled.agrees, "{tool} {layers}: {:#?}", reconciled.rows);
        }
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod properties {
    use super::*;
    use estiva_shared::image::{ConfigView, HistoryView};
    use proptest::prelude::*;

    fn created_by() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            Just("/bin/sh -c ".to_owned()),
            Just("#(nop) ".to_owned()),
            Just("|1 A=b ".to_owned()),
            Just("|2 ".to_owned()),
            Just("RUN ".to_owned()),
            Just("COPY ".to_owned()),
            Just("ADD ".to_owned()),
            Just("file:abcdef01 in ".to_owned()),
            Just("ENV ".to_owned()),
            Just("LABEL ".to_owned()),
            Just("ARG ".to_owned()),
            Just("CMD ".to_owned()),
            Just("SHELL ".to_owned()),
            Just("VOLUME ".to_owned()),
            Just("EXPOSE map[80/tcp:{}]".to_owned()),
            Just("HEALTHCHECK &{[\"CMD\" \"a\"] \"1s\" '\\x01'}".to_owned()),
            Just("ONBUILD ".to_owned()),
            Just("FROM x".to_owned()),
            Just("--from=0 ".to_owned()),
            Just("--chown=a ".to_owned()),
            Just("[\"a\" \"b\"]".to_owned()),
            Just("[\"a\", \"b\"]".to_owned()),
            Just("<<EOF ".to_owned()),
            Just("\nEOF\n".to_owned()),
            Just("A=b ".to_owned()),
            Just("# buildkit".to_owned()),
            Just("# escape=`\n".to_owned()),
            "[ \\\\\n\r\t\"'`$={}#é😀a-z\u{85}\u{a0}\u{feff}]{0,6}",
        ];
        prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 400, ..ProptestConfig::default() })]

        #[test]
        fn any_history_gives_a_dockerfile_that_parses(
            lines in prop::collection::vec((created_by(), any::<bool>(), prop::option::of(created_by())), 0..12),
            env in prop::collection::vec(created_by(), 0..3),
            words in prop::collection::vec(created_by(), 0..3),
            label in created_by(),
        ) {
            let mut view = image(json!({}), json!([]));
            view.history = lines.into_iter().map(|(created_by, empty_layer, comment)| HistoryView {
                created_by, created: None, comment, empty_layer, layer: (!empty_layer).then_some(0),
            }).collect();
            view.config = ConfigView {
                env, cmd: words.clone(), entrypoint: words.clone(), volumes: words.clone(), exposed_ports: words,
                user: Some(label.clone()), working_dir: Some(label.clone()), stop_signal: Some(label.clone()),
                labels: vec![("org.opencontainers.image.base.name".into(), label)],
            };
            let rebuilt = rebuild(&view);
            parses(&rebuilt);
            // Held against itself, each line of both stands in one row, in order.
            let rows = reconcile(&rebuilt, &rebuilt.text).unwrap().rows;
            let told: Vec<_> = rows.iter().filter_map(|row| row.history).collect();
            let known: Vec<_> = rebuilt.lines.iter().filter_map(|line| line.history).collect();
            prop_assert_eq!(told, known);
            let told: Vec<_> = rows.iter().filter_map(|row| row.dockerfile_line).collect();
            let known = rebuilt.lines.iter().filter(|line| !line.commented).skip(1);
            prop_assert_eq!(told, known.map(|line| line.line).collect::<Vec<_>>());
        }
    }
}
