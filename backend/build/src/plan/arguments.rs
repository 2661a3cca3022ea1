//! Build arguments: those given, those declared before the first FROM, and those that are always there.
//!
//! Follows "Predefined ARGs" and "Automatic platform ARGs in the global scope" of the Dockerfile reference.

use std::collections::{BTreeMap, BTreeSet};

use estiva_shared::dockerfile::{
    Diagnostic, Dockerfile, Instruction, InstructionKind, Severity, Word,
};

use super::{Inputs, PlanError, escape_of, expansion, mistake};

/// May be given without being declared: seen by RUN, but neither by the cache nor by the history.
const PROXIES: [&str; 10] = [
    "HTTP_PROXY",
    "http_proxy",
    "HTTPS_PROXY",
    "https_proxy",
    "FTP_PROXY",
    "ftp_proxy",
    "NO_PROXY",
    "no_proxy",
    "ALL_PROXY",
    "all_proxy",
];

/// What is built for, and what builds: Estiva doesn't cross-build, so they are the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Platform {
    /// As Go names it: `linux`.
    pub(crate) os: String,
    /// As Go names it: `amd64`, `arm64`.
    pub(crate) architecture: String,
}

impl Platform {
    /// This machine.
    pub(crate) fn host() -> Self {
        let architecture = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            "x86" => "386",
            other => other,
        };
        Self {
            os: std::env::consts::OS.to_owned(),
            architecture: architecture.to_owned(),
        }
    }

    fn arguments(&self) -> BTreeMap<String, String> {
        let mut arguments = BTreeMap::new();
        for side in ["TARGET", "BUILD"] {
            arguments.insert(
                format!("{side}PLATFORM"),
                format!("{}/{}", self.os, self.architecture),
            );
            arguments.insert(format!("{side}OS"), self.os.clone());
            arguments.insert(format!("{side}ARCH"), self.architecture.clone());
            arguments.insert(format!("{side}VARIANT"), String::new());
        }
        arguments
    }
}

/// The arguments that hold for the whole Dockerfile.
#[derive(Clone, Debug)]
pub(crate) struct Arguments {
    given: BTreeMap<String, String>,
    /// Declared before the first FROM, with their values there.
    global: BTreeMap<String, Option<String>>,
    platform: BTreeMap<String, String>,
}

impl Arguments {
    /// Reads the declarations before the first FROM, in order: each sees those above it.
    pub(super) fn new(inputs: &Inputs<'_>) -> Result<Self, PlanError> {
        let mut arguments = Self {
            given: inputs.build_args.iter().cloned().collect(),
            global: BTreeMap::new(),
            platform: inputs.platform.arguments(),
        };
        let escape = escape_of(inputs.dockerfile);
        for (name, default) in inputs.dockerfile.global_args.iter().flat_map(declarations) {
            let value = match (arguments.given.get(&name.text), default) {
                (Some(given), _) => Some(given.clone()),
                (None, Some(default)) => Some(arguments.expand_global(default, escape)?),
                (None, None) => arguments.platform.get(&name.text).cloned(),
            };
            arguments.global.insert(name.text.clone(), value);
        }
        Ok(arguments)
    }

    /// Expands a word of FROM, or of an ARG before it.
    pub(super) fn expand_global(&self, word: &Word, escape: char) -> Result<String, PlanError> {
        let lookup = |name: &str| match self.global.get(name) {
            Some(value) => value.clone(),
            None => self.platform.get(name).cloned(),
        };
        expansion::one(&word.text, escape, &lookup)
            .map_err(|message| mistake("bad-expansion", message, word.span))
    }

    /// The value that was given for an argument.
    pub(super) fn given(&self, name: &str) -> Option<&str> {
        self.given.get(name).map(String::as_str)
    }

    /// What `ARG name` without a default means inside a stage, where none was given.
    pub(super) fn global(&self, name: &str) -> Option<&str> {
        let declared = self.global.get(name).and_then(Option::as_ref);
        declared
            .or_else(|| self.platform.get(name))
            .map(String::as_str)
    }

    /// The proxy settings that were given.
    pub(super) fn proxies(&self) -> impl Iterator<Item = (&String, &String)> {
        self.given
            .iter()
            .filter(|(name, _)| PROXIES.contains(&name.as_str()))
    }

    /// A warning for what was given and is declared nowhere, as Docker gives it.
    pub(super) fn warnings(&self, inputs: &Inputs<'_>) -> Vec<Diagnostic> {
        let declared = declared_names(inputs.dockerfile);
        let unused = |name: &&String| {
            !declared.contains(name.as_str())
                && !PROXIES.contains(&name.as_str())
                && !self.platform.contains_key(*name)
        };
        let names: Vec<&str> = self
            .given
            .keys()
            .filter(unused)
            .map(String::as_str)
            .collect();
        if names.is_empty() {
            return Vec::new();
        }
        vec![Diagnostic {
            severity: Severity::Warning,
            code: "unknown-build-arg".to_owned(),
            message: format!(
                "expected each build argument to be declared by ARG, but found none for: {}",
                names.join(", ")
            ),
            hint: Some(format!("declare it where it is used: ARG {}", names[0])),
            span: inputs
                .dockerfile
                .stages
                .first()
                .map(|stage| stage.base.span)
                .unwrap_or_default(),
        }]
    }
}

fn declared_names(dockerfile: &Dockerfile) -> BTreeSet<&str> {
    let in_stages = dockerfile
        .stages
        .iter()
        .flat_map(|stage| &stage.instructions);
    let all = dockerfile.global_args.iter().chain(in_stages);
    all.flat_map(declarations)
        .map(|(name, _)| name.text.as_str())
        .collect()
}

fn declarations(instruction: &Instruction) -> &[(Word, Option<Word>)] {
    match &instruction.kind {
        InstructionKind::Arg(declarations) => declarations,
        _ => &[],
    }
}
