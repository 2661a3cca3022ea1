//! Plans of whole Dockerfiles: words expanded, stages chosen, configurations after the last step.

use estiva_shared::dockerfile::{Severity, parse};
use oci_spec::image::{Config, ImageConfiguration};

use super::*;

/// What a test changes of [`Inputs`].
#[derive(Default)]
struct Given<'a> {
    args: &'a [(&'a str, &'a str)],
    target: Option<&'a str>,
    network: NetworkMode,
}

/// The one image that there is, `busybox`: its environment has PATH and BASE, it runs `sh`.
fn image(name: &str) -> Result<BaseImage, BaseError> {
    if name != "busybox" && name != "busybox:latest" {
        let similar = vec!["busybox:latest".to_owned()];
        return Err(BaseError::Unknown {
            name: name.to_owned(),
            similar,
        });
    }
    let mut config = Config::default();
    config.set_env(Some(vec!["PATH=/bin".into(), "BASE=from=the=image".into()]));
    config.set_cmd(Some(vec!["sh".into()]));
    let mut image = ImageConfiguration::default();
    image.set_config(Some(config));
    let diff_ids = vec![DiffId::new(Digest::of(b"layer"))];
    let beyond = Beyond::default();
    Ok(BaseImage {
        id: Digest::of(b"image"),
        diff_ids,
        config: image,
        beyond,
    })
}

fn try_plan(source: &str, given: &Given<'_>) -> Result<Plan, PlanError> {
    let (dockerfile, diagnostics) = parse(source);
    let errors: Vec<_> = diagnostics
        .iter()
        .filter(|found| found.severity == Severity::Error)
        .collect();
    assert!(
        errors.is_empty(),
        "the test's Dockerfile must parse: {errors:?}"
    );
    let build_args: Vec<(String, String)> = given
        .args
        .iter()
        .map(|(name, value)| ((*name).into(), (*value).into()))
        .collect();
    let platform = Platform {
        os: "linux".into(),
        architecture: "amd64".into(),
    };
    plan(&Inputs {
        dockerfile: &dockerfile,
        build_args: &build_args,
        target: given.target,
        network: given.network,
        platform: &platform,
        images: &image,
    })
}

fn planned(source: &str) -> Plan {
    try_plan(source, &Given::default()).unwrap()
}

fn refused(source: &str) -> PlanError {
    try_plan(source, &Given::default()).unwrap_err()
}

fn last(plan: &Plan) -> &StagePlan {
    plan.stages.last().unwrap()
}

fn runs(plan: &Plan) -> Vec<&RunStep> {
    let steps = plan.stages.iter().flat_map(|stage| &stage.steps);
    steps
        .filter_map(|step| match &step.action {
            Action::Run(run) => Some(run),
            _ => None,
        })
        .collect()
}

fn copies(plan: &Plan) -> Vec<&CopyStep> {
    let steps = plan.stages.iter().flat_map(|stage| &stage.steps);
    steps
        .filter_map(|step| match &step.action {
            Action::Copy(copy) => Some(copy),
            _ => None,
        })
        .collect()
}

fn env<'a>(run: &'a RunStep, name: &str) -> Option<&'a str> {
    run.env
        .iter()
        .find(|(known, _)| known == name)
        .map(|(_, value)| value.as_str())
}

#[test]
fn the_later_of_env_and_arg_counts_and_build_arg_before_default() {
    let source = "FROM busybox\nARG A=default\nARG B=default\nENV B=env\nRUN x\nENV C=env\nARG C=arg\nARG BASE=arg\nRUN y $C\nLABEL l=$C\n";
    let plan = try_plan(
        source,
        &Given {
            args: &[("A", "given"), ("B", "given")],
            ..Given::default()
        },
    );
    let plan = plan.unwrap();
    let [first, second] = runs(&plan)[..] else {
        panic!("expected two")
    };
    assert_eq!(env(first, "A"), Some("given"));
    assert_eq!(env(first, "B"), Some("env"));
    assert_eq!(env(first, "BASE"), Some("from=the=image"));
    assert_eq!(env(second, "C"), Some("arg"));
    assert_eq!(env(second, "BASE"), Some("arg"));
    // For the build alone: the container sees what ENV says. History never holds an argument's value.
    let stage = last(&plan);
    assert_eq!(stage.config.env("C"), Some("env"));
    assert_eq!(stage.config.env("BASE"), Some("from=the=image"));
    assert_eq!(stage.steps.last().unwrap().text, "LABEL l=${C}");
}

/// A stage built on one that declares an ARG didn't see it, and its RUN found an empty variable.
#[test]
fn an_arg_is_seen_from_its_line_on_and_in_the_stages_built_on_its_own() {
    let plan = planned(
        "FROM busybox AS one\nRUN x\nARG A=1\nARG BASE=arg\nRUN y\nFROM one AS two\nRUN z\nLABEL l=$A\nENV A=env\n\
         FROM two\nRUN w\nFROM busybox\nRUN v\nCOPY --from=2 /a /b\n",
    );
    let values: Vec<_> = runs(&plan).iter().map(|run| env(run, "A")).collect();
    assert_eq!(values, [None, Some("1"), Some("1"), Some("env"), None]);
    // ENV comes with the base's configuration, and goes before what is inherited.
    assert_eq!(env(runs(&plan)[1], "BASE"), Some("arg"));
    assert_eq!(env(runs(&plan)[2], "BASE"), Some("from=the=image"));
    assert_eq!(plan.stages[1].steps[2].text, "LABEL l=${A}");
    assert_eq!(plan.stages[1].config.labels["l"], "1");
}

/// A second, bare `ARG X` took the value away that the first had given.
#[test]
fn a_bare_arg_keeps_the_value_that_there_is() {
    let plan = planned(
        "ARG G=global\nFROM busybox\nARG X=a\nARG X\nARG NONE\nARG G=own\nRUN x\nARG G\nRUN y\n",
    );
    let [first, second] = runs(&plan)[..] else {
        panic!("expected two")
    };
    assert_eq!(env(first, "X"), Some("a"));
    assert_eq!(env(first, "NONE"), None);
    assert_eq!(env(first, "G"), Some("own"));
    assert_eq!(env(second, "G"), Some("global"));
}

#[test]
fn a_default_that_is_not_used_is_not_expanded() {
    let source = "FROM busybox\nARG A=${MISSING:?needed}\nRUN x\n";
    let given = Given {
        args: &[("A", "given")],
        ..Given::default()
    };
    assert_eq!(
        env(runs(&try_plan(source, &given).unwrap())[0], "A"),
        Some("given")
    );
    assert!(try_plan(source, &Given::default()).is_err());
}

#[test]
fn an_arg_before_from_counts_in_from_and_where_a_stage_declares_it_again() {
    let source = "ARG IMAGE=busy\nARG FULL=${IMAGE}box\nFROM $FULL\nARG IMAGE\nARG FULL=own\nRUN x\nENV V=$IMAGE-$FULL\n";
    let plan = planned(source);
    assert!(matches!(last(&plan).base, StageBase::Image(_)));
    assert_eq!(last(&plan).config.env("V"), Some("busy-own"));
}

#[test]
fn platform_arguments_are_there_for_from_and_on_request_in_a_stage() {
    let plan = planned("FROM busybox\nENV A=x$TARGETARCH\nARG TARGETARCH\nENV B=x$TARGETARCH\n");
    assert_eq!(last(&plan).config.env("A"), Some("x"));
    assert_eq!(last(&plan).config.env("B"), Some("xamd64"));
}

#[test]
fn proxy_arguments_reach_run_without_being_declared_or_warned_about() {
    let given = Given {
        args: &[("HTTP_PROXY", "http://p")],
        ..Given::default()
    };
    let plan = try_plan("FROM busybox\nRUN x\n", &given).unwrap();
    assert_eq!(
        runs(&plan)[0].proxy_env,
        [("HTTP_PROXY".to_owned(), "http://p".to_owned())]
    );
    assert_eq!(env(runs(&plan)[0], "HTTP_PROXY"), None);
    assert!(plan.warnings.is_empty());
}

#[test]
fn a_build_argument_that_nothing_declares_is_warned_about() {
    let given = Given {
        args: &[("TYPO", "1"), ("A", "2")],
        ..Given::default()
    };
    let plan = try_plan("FROM busybox\nARG A\n", &given).unwrap();
    assert_eq!(plan.warnings.len(), 1);
    assert!(
        plan.warnings[0].message.ends_with("for: TYPO"),
        "{}",
        plan.warnings[0].message
    );
}

#[test]
fn one_env_sees_the_variables_as_they_stood_before_it() {
    let plan = planned("FROM busybox\nENV A=1\nENV A=2 B=$A\nENV C=$A$BASE\n");
    let config = &last(&plan).config;
    assert_eq!((config.env("A"), config.env("B")), (Some("2"), Some("1")));
    assert_eq!(config.env("C"), Some("2from=the=image"));
    assert_eq!(config.env[0], ("PATH".to_owned(), "/bin".to_owned()));
}

#[test]
fn values_of_arguments_do_not_enter_the_shown_text() {
    let source = "FROM busybox\nARG SECRET=canary-default\nENV KEY=$SECRET\nCOPY $SECRET /x/$KEY\n\
                  LABEL l=${SECRET:-canary-other}\nRUN echo $SECRET\nWORKDIR /w/$SECRET\nUSER $SECRET\n";
    let given = Given {
        args: &[("SECRET", "canary-given")],
        ..Given::default()
    };
    let plan = try_plan(source, &given).unwrap();
    for step in &last(&plan).steps {
        let hidden = !step.text.contains("canary") || step.text.starts_with("COPY");
        assert!(hidden, "{}", step.text);
    }
    assert_eq!(last(&plan).steps[1].text, "ARG SECRET");
    assert_eq!(last(&plan).steps[2].text, "ENV KEY=${SECRET}");
    assert_eq!(copies(&plan)[0].sources, ["canary-given"]);
}

#[test]
fn workdir_is_relative_to_the_former_one() {
    let plan =
        planned("FROM busybox\nWORKDIR app\nWORKDIR src/../lib\nRUN x\nWORKDIR /srv\nCOPY a .\n");
    assert_eq!(runs(&plan)[0].workdir, "/app/lib");
    let copy = copies(&plan)[0];
    assert_eq!(
        (copy.destination.as_str(), copy.into_folder),
        ("/srv", true)
    );
    assert_eq!(last(&plan).config.working_dir, "/srv");
}

#[test]
fn entrypoint_drops_an_inherited_cmd_but_not_one_of_the_same_stage() {
    for (source, cmd) in [
        ("FROM busybox\nENTRYPOINT [\"e\"]\n", None),
        (
            "FROM busybox\nCMD [\"c\"]\nENTRYPOINT [\"e\"]\n",
            Some(vec!["c".to_owned()]),
        ),
        (
            "FROM busybox\nENTRYPOINT [\"e\"]\nCMD [\"c\"]\n",
            Some(vec!["c".to_owned()]),
        ),
        (
            "FROM busybox AS a\nCMD [\"c\"]\nFROM a\nENTRYPOINT [\"e\"]\n",
            None,
        ),
        (
            "FROM busybox\nCMD run it\n",
            Some(vec!["/bin/sh".into(), "-c".into(), "run it".into()]),
        ),
    ] {
        assert_eq!(last(&planned(source)).config.cmd, cmd, "{source}");
    }
}

#[test]
fn run_has_two_forms() {
    let plan = planned("FROM busybox\nRUN echo $HOME && true\nRUN [\"/bin/echo\", \"$HOME\"]\n");
    assert_eq!(runs(&plan)[0].args, ["/bin/sh", "-c", "echo $HOME && true"]);
    assert_eq!(runs(&plan)[1].args, ["/bin/echo", "$HOME"]);
    assert_eq!(last(&plan).steps[1].text, "RUN echo $HOME && true");
}

#[test]
fn only_the_stages_that_the_target_needs_are_planned() {
    let source = "FROM busybox AS base\nFROM base AS unused\nRUN x\nFROM busybox AS tools\nRUN y\n\
                  FROM base AS app\nCOPY --from=tools /a /a\nCOPY --from=0 /b /b\nFROM scratch AS later\n";
    let labels = |target: Option<&str>| -> Vec<String> {
        let plan = try_plan(
            source,
            &Given {
                target,
                ..Given::default()
            },
        )
        .unwrap();
        plan.stages.into_iter().map(|stage| stage.label).collect()
    };
    assert_eq!(labels(None), ["later"]);
    assert_eq!(labels(Some("APP")), ["base", "tools", "app"]);
    assert_eq!(labels(Some("2")), ["tools"]);
    let plan = try_plan(
        source,
        &Given {
            target: Some("app"),
            ..Given::default()
        },
    )
    .unwrap();
    assert_eq!(copies(&plan)[0].from, CopyFrom::Stage(1));
    assert_eq!(copies(&plan)[1].from, CopyFrom::Stage(0));
    assert!(matches!(last(&plan).base, StageBase::Stage(0)));
}

#[test]
fn a_target_is_a_name_in_any_case_or_a_number_and_an_empty_one_is_none() {
    let source = "FROM busybox AS one\nFROM busybox\nFROM busybox AS Three\n";
    for (target, label) in [
        ("ONE", "one"),
        ("1", "1"),
        ("three", "three"),
        ("", "three"),
    ] {
        let given = Given {
            target: Some(target),
            ..Given::default()
        };
        let plan = try_plan(source, &given).unwrap();
        assert!(last(&plan).label.eq_ignore_ascii_case(label), "{target}");
    }
}

#[test]
fn from_may_have_a_default_of_its_own() {
    for source in [
        "FROM ${BASE:-busybox}\n",
        "ARG BASE\nFROM ${BASE:-busybox}\n",
        "ARG TAG=latest\nFROM busybox${TAG:+:$TAG}\n",
    ] {
        let plan = planned(source);
        assert!(matches!(last(&plan).base, StageBase::Image(_)), "{source}");
    }
}

#[test]
fn a_target_that_is_no_stage_is_told_with_the_names() {
    let given = Given {
        target: Some("prod"),
        ..Given::default()
    };
    let error = try_plan("FROM busybox AS app\n", &given).unwrap_err();
    assert_eq!(
        error,
        PlanError::UnknownTarget {
            target: "prod".into(),
            names: vec!["app".into()]
        }
    );
}

#[test]
fn an_unknown_image_is_told_with_its_line() {
    let PlanError::Base { line, source } = refused("FROM busybox\n\nFROM busibox\n") else {
        panic!("expected an unknown image")
    };
    assert_eq!(line, 3);
    assert!(matches!(source, BaseError::Unknown { name, .. } if name == "busibox"));
}

#[test]
fn several_sources_want_a_folder() {
    let error = refused("FROM busybox\nCOPY a b /dst\n");
    assert!(error.to_string().contains("ending in '/'"), "{error}");
    for destination in ["/dst/", ".", "./", "/dst/."] {
        assert!(
            copies(&planned(&format!("FROM busybox\nCOPY a b {destination}\n")))[0].into_folder
        );
    }
}

#[test]
fn sources_never_point_above_their_root() {
    let plan = planned("FROM busybox\nCOPY ../../etc/passwd /x\nCOPY / /y\nCOPY ./a/../b /z\n");
    let sources: Vec<_> = copies(&plan)
        .iter()
        .map(|copy| copy.sources[0].as_str())
        .collect();
    assert_eq!(sources, ["etc/passwd", "", "b"]);
}

#[test]
fn chmod_is_octal_and_chown_is_expanded() {
    let plan = planned("FROM busybox\nARG U=7\nCOPY --chmod=0750 --chown=$U:8 a /b\n");
    assert_eq!(copies(&plan)[0].chmod, Some(0o750));
    assert_eq!(copies(&plan)[0].chown.as_deref(), Some("7:8"));
    for mode in ["u+x", "99", "77777", "+7"] {
        let error = refused(&format!("FROM busybox\nCOPY --chmod={mode} a /b\n"));
        assert!(matches!(error, PlanError::Dockerfile(_)), "{mode}");
    }
}

#[test]
fn copy_source_is_an_earlier_stage_or_an_image() {
    let plan = planned("FROM scratch\nCOPY --from=busybox /bin/sh /sh\n");
    assert!(matches!(&copies(&plan)[0].from, CopyFrom::Image(layers) if layers.len() == 1));
    for from in ["1", "0", "$STAGE", "scratch"] {
        let source = format!("FROM scratch\nCOPY --from={from} /a /b\n");
        let (_, diagnostics) = parse(&source);
        // Some of these the parser knows already.
        let parsed = diagnostics
            .iter()
            .all(|found| found.severity != Severity::Error);
        let refused = !parsed || matches!(refused(&source), PlanError::Dockerfile(_));
        assert!(refused, "{from}");
    }
}

#[test]
fn a_dockerfile_alone_does_not_open_the_hosts_network() {
    let source = "FROM busybox\nRUN --network=host x\n";
    assert!(matches!(refused(source), PlanError::Dockerfile(_)));
    let given = Given {
        network: NetworkMode::Host,
        ..Given::default()
    };
    assert_eq!(
        runs(&try_plan(source, &given).unwrap())[0].network,
        NetworkMode::Host
    );
}

#[test]
fn scratch_begins_with_a_path_and_nothing_else() {
    let plan = planned("FROM scratch\nEXPOSE 80 443/tcp 80\nLABEL b=2 a=1\nUSER 5\n");
    let config = &last(&plan).config;
    assert!(config.env("PATH").is_some() && config.env.len() == 1);
    assert_eq!(Vec::from_iter(&config.exposed_ports), ["443/tcp", "80/tcp"]);
    assert_eq!(config.user, "5");
    assert_eq!(config.labels.len(), 2);
}

#[test]
fn variables_that_grow_without_end_are_stopped() {
    let mut source = "FROM busybox\nENV A=0123456789abcdef\n".to_owned();
    source.push_str(&"ENV A=$A$A$A$A\n".repeat(40));
    let error = refused(&source);
    assert!(error.to_string().contains("at most"), "{error}");
}

#[test]
fn an_instruction_that_is_not_built_is_refused_by_name() {
    let (dockerfile, _) = parse("FROM busybox\nVOLUME /data\n");
    let refused = estiva_shared::dockerfile::not_built(&dockerfile);
    assert!(
        refused
            .iter()
            .any(|found| found.message.contains("VOLUME") && found.span.start.line == 2)
    );
}

#[test]
fn words_with_spaces_are_shown_in_quotes() {
    let plan = planned(
        "FROM busybox\nLABEL a='it is' b=\"\\\"x\\\"\" c=plain d=\nCOPY [\"a b\", \"/x/\"]\n",
    );
    let texts: Vec<&str> = last(&plan)
        .steps
        .iter()
        .map(|step| step.text.as_str())
        .collect();
    assert_eq!(texts[1], r#"LABEL a="it is" b="\"x\"" c=plain d="""#);
    assert_eq!(texts[2], r#"COPY "a b" /x/"#);
    assert_eq!(last(&plan).config.labels["b"], "\"x\"");
}
