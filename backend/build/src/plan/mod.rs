//! What a build will do, before it does anything: stages in order, steps with every word expanded.
//!
//! Pure: it reads no file and runs nothing. The configurations of base images come through [`Inputs::images`], so that
//! `ENV PATH=/app:$PATH` can be expanded and a missing image is told before the first step. Follows the Dockerfile
//! reference of `docker/dockerfile:1`; `docs/build.md` lists the rules.

mod arguments;
mod config;
mod expansion;
mod graph;
mod instruction;
mod path;
mod scope;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap};

use estiva_shared::dockerfile::{
    Diagnostic, Dockerfile, InstructionKind, Severity, Span, Stage, parse,
};
use estiva_shared::image::{DiffId, Digest, Reference as ImageName};
use estiva_shared::protocol::NetworkMode;
use oci_spec::image::ImageConfiguration;
use thiserror::Error;

pub(crate) use arguments::Platform;
pub(crate) use config::StageConfig;
use graph::{Graph, Reference};
use scope::Scope;

/// All that a plan depends on.
pub(crate) struct Inputs<'a> {
    /// Without errors of the parser.
    pub(crate) dockerfile: &'a Dockerfile,
    /// `--build-arg`, in order; the last of a name counts.
    pub(crate) build_args: &'a [(String, String)],
    /// `--target`.
    pub(crate) target: Option<&'a str>,
    /// The network of RUN steps that name none.
    pub(crate) network: NetworkMode,
    /// What is built for; also what builds.
    pub(crate) platform: &'a Platform,
    /// Finds an image by the name after FROM or `--from=`.
    pub(crate) images: &'a dyn Fn(&str) -> Result<BaseImage, BaseError>,
}

/// A local image that a stage begins with or copies from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct BaseImage {
    /// The digest of its config.
    pub(crate) id: Digest,
    /// Its layers, lowest first.
    pub(crate) diff_ids: Vec<DiffId>,
    /// Its config.
    pub(crate) config: ImageConfiguration,
    /// What its config holds beyond the OCI's fields.
    pub(crate) beyond: Beyond,
}

/// What Docker keeps in an image's config and the OCI doesn't name, as far as it means something to a build.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Beyond {
    /// It would change what is built, and Estiva doesn't do it: such as `ONBUILD`.
    pub(crate) not_built: Option<&'static str>,
    /// It isn't taken over: such as `HEALTHCHECK`.
    pub(crate) dropped: Option<&'static str>,
}

/// Why an image could not be found.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub(crate) enum BaseError {
    /// There is none of that name.
    #[error("no such image: {name}")]
    Unknown {
        /// As asked for.
        name: String,
        /// Names like it.
        similar: Vec<String>,
    },
    /// There is none of that name in the store, and it could not be pulled.
    #[error("no such image: {name}; it can't be pulled: {reason}")]
    NotPulled {
        /// As asked for.
        name: String,
        /// Why not.
        reason: String,
        /// What to do about it.
        hint: Option<String>,
        /// Names like it that the store has.
        similar: Vec<String>,
    },
    /// It could not be looked up or read.
    #[error("{0}")]
    Other(String),
}

/// Why there is no plan.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub(crate) enum PlanError {
    /// The Dockerfile can't be built as written.
    #[error("{}", .0.message)]
    Dockerfile(Diagnostic),
    /// It asks for what this builder doesn't do.
    #[error("{}", .0.message)]
    NotBuilt(Diagnostic),
    /// `--target` names no stage.
    #[error("expected the name or number of a stage as target, but found: {target}")]
    UnknownTarget {
        /// As asked for.
        target: String,
        /// The names that there are.
        names: Vec<String>,
    },
    /// A base image, or one that is copied from, was not found.
    #[error("{source}")]
    Base {
        /// The line that names it, from 1.
        line: u32,
        /// Why.
        source: BaseError,
    },
}

/// The stages to build, in order; the last is the target. Never empty.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Only those that the target needs.
    pub(crate) stages: Vec<StagePlan>,
    /// What is likely not meant so.
    pub(crate) warnings: Vec<Diagnostic>,
}

/// One stage.
#[derive(Clone, Debug)]
pub(crate) struct StagePlan {
    /// Its name, or its number in the Dockerfile.
    pub(crate) label: String,
    /// What it begins with.
    pub(crate) base: StageBase,
    /// FROM first.
    pub(crate) steps: Vec<Step>,
    /// The configuration after the last step.
    pub(crate) config: StageConfig,
    /// What ARG set, for the stages that begin with this one.
    args: Vec<(String, String)>,
}

/// What a stage begins with.
#[derive(Clone, Debug)]
pub(crate) enum StageBase {
    /// Nothing.
    Scratch,
    /// A local image.
    Image(Box<BaseImage>),
    /// An earlier stage, by its index in [`Plan::stages`].
    Stage(usize),
}

/// One instruction, ready to be done.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    /// The instruction as history, page and timings show it: variables of ENV expanded, those of ARG as written.
    pub(crate) text: String,
    /// Its line, from 1.
    pub(crate) line: u32,
    /// What is done.
    pub(crate) action: Action,
}

/// What a step does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Takes the base. The words name it, for the cache.
    From(Vec<String>),
    /// Changes the configuration only. The words are the instruction fully expanded, for the cache.
    Configure(Vec<String>),
    /// Makes a folder where there is none.
    Workdir(WorkdirStep),
    /// Copies files.
    Copy(CopyStep),
    /// Runs a program.
    Run(RunStep),
}

/// WORKDIR.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WorkdirStep {
    /// Absolute and clean.
    pub(crate) path: String,
    /// USER as it stands: the owner of the folders that are made, as BuildKit has it. Empty is root.
    pub(crate) user: String,
}

/// COPY.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CopyStep {
    /// Whose files.
    pub(crate) from: CopyFrom,
    /// Relative to the root of `from`, clean, without `..`; may hold wildcards.
    pub(crate) sources: Vec<String>,
    /// Absolute and clean.
    pub(crate) destination: String,
    /// The destination was written as a folder (`dir/`, `.`).
    pub(crate) into_folder: bool,
    /// `--chown`, expanded.
    pub(crate) chown: Option<String>,
    /// `--chmod`.
    pub(crate) chmod: Option<u32>,
}

/// Whose files COPY takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CopyFrom {
    /// The build's context.
    Context,
    /// An earlier stage, by its index in [`Plan::stages`].
    Stage(usize),
    /// A local image: its layers, lowest first.
    Image(Vec<DiffId>),
}

/// RUN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RunStep {
    /// The program and its arguments.
    pub(crate) args: Vec<String>,
    /// ENV and ARG; where both have a name, the later one.
    pub(crate) env: Vec<(String, String)>,
    /// Proxy settings given by `--build-arg`: seen by the program, not by the cache.
    pub(crate) proxy_env: Vec<(String, String)>,
    /// USER; empty is root.
    pub(crate) user: String,
    /// The folder it starts in.
    pub(crate) workdir: String,
    /// Its network.
    pub(crate) network: NetworkMode,
}

/// Plans a build.
///
/// # Errors
/// At the first thing that can't be built: see [`PlanError`].
pub(crate) fn plan(inputs: &Inputs<'_>) -> Result<Plan, PlanError> {
    let arguments = arguments::Arguments::new(inputs)?;
    let graph = Graph::new(inputs, &arguments)?;
    let mut planner = Planner {
        inputs,
        arguments: &arguments,
        graph: &graph,
        planned: HashMap::new(),
        warnings: arguments.warnings(inputs),
    };
    let mut stages: Vec<StagePlan> = Vec::new();
    for &index in graph.needed() {
        let stage = planner.stage(&inputs.dockerfile.stages[index], &stages)?;
        planner.planned.insert(index, stages.len());
        stages.push(stage);
    }
    Ok(Plan {
        stages,
        warnings: planner.warnings,
    })
}

/// The registries of the images that a Dockerfile names, each once: whose credentials a build may want. Of a Dockerfile
/// that can't be planned, none: the builder says why.
#[must_use]
pub fn registries(text: &str, build_args: &[(String, String)]) -> BTreeSet<String> {
    let (dockerfile, _) = parse(text);
    if dockerfile.stages.is_empty() {
        return BTreeSet::new();
    }
    let inputs = Inputs {
        dockerfile: &dockerfile,
        build_args,
        target: None,
        network: NetworkMode::default(),
        platform: &Platform::host(),
        images: &|_| Err(BaseError::Other("nothing is looked up".to_owned())),
    };
    let graph =
        arguments::Arguments::new(&inputs).and_then(|arguments| Graph::new(&inputs, &arguments));
    let Ok(graph) = graph else {
        return BTreeSet::new();
    };
    let names = graph
        .images()
        .filter_map(|name| name.parse::<ImageName>().ok());
    names.map(|name| name.domain().to_owned()).collect()
}

struct Planner<'a> {
    inputs: &'a Inputs<'a>,
    arguments: &'a arguments::Arguments,
    graph: &'a Graph,
    /// A stage's number in the Dockerfile to its index in the plan.
    planned: HashMap<usize, usize>,
    warnings: Vec<Diagnostic>,
}

impl Planner<'_> {
    fn stage(&mut self, stage: &Stage, earlier: &[StagePlan]) -> Result<StagePlan, PlanError> {
        let line = stage.base.span.start.line;
        let mut inherited = Vec::new();
        let (base, config) = match self.graph.base(stage.index) {
            Reference::Scratch => (StageBase::Scratch, StageConfig::scratch()),
            Reference::Stage(index) => {
                let index = self.planned[index];
                inherited.clone_from(&earlier[index].args);
                (StageBase::Stage(index), earlier[index].config.clone())
            }
            Reference::Image(name) => {
                let image = self.image(name, line)?;
                self.look_beyond(&image.beyond, stage.base.span)?;
                let config = StageConfig::from_image(&image.config);
                (StageBase::Image(Box::new(image)), config)
            }
        };
        let escape = escape_of(self.inputs.dockerfile);
        let network = self.inputs.network;
        let mut scope = Scope::new(self.arguments, config, inherited, escape, network);
        let mut steps = Vec::with_capacity(stage.instructions.len());
        for instruction in &stage.instructions {
            let span = instruction.span;
            let (text, action) = match &instruction.kind {
                InstructionKind::From { .. } => instruction::from(stage, instruction, &base)?,
                InstructionKind::Copy {
                    sources,
                    destination,
                } => {
                    let from = self.copy_source(instruction)?;
                    instruction::copy(&scope, instruction, sources, destination, from)?
                }
                _ => instruction::plan(&mut scope, instruction)?,
            };
            steps.push(Step {
                text,
                line: span.start.line,
                action,
            });
        }
        let (config, args) = scope.into_parts();
        Ok(StagePlan {
            label: label(stage),
            base,
            steps,
            config,
            args,
        })
    }

    /// Refuses, or warns of, what a base image asks for and doesn't get.
    fn look_beyond(&mut self, beyond: &Beyond, span: Span) -> Result<(), PlanError> {
        let diagnostic = |severity, code: &str, message| Diagnostic {
            severity,
            code: code.to_owned(),
            message,
            hint: None,
            span,
        };
        if let Some(what) = beyond.not_built {
            let message = format!(
                "expected a base image that Estiva can build on, but found one with {what}"
            );
            return Err(PlanError::NotBuilt(diagnostic(
                Severity::Error,
                "not-built",
                message,
            )));
        }
        self.warnings.extend(beyond.dropped.map(|what| {
            let message =
                format!("expected nothing that goes lost, but found {what} in the base image: it is not taken over");
            diagnostic(Severity::Warning, "not-inherited", message)
        }));
        Ok(())
    }

    fn copy_source(
        &self,
        instruction: &estiva_shared::dockerfile::Instruction,
    ) -> Result<CopyFrom, PlanError> {
        let Some(flag) = instruction.flags.iter().find(|flag| flag.name == "from") else {
            return Ok(CopyFrom::Context);
        };
        let line = flag.span.start.line;
        match self.graph.copy_source(instruction) {
            Some(Reference::Stage(index)) => Ok(CopyFrom::Stage(self.planned[index])),
            Some(Reference::Image(name)) => Ok(CopyFrom::Image(self.image(name, line)?.diff_ids)),
            Some(Reference::Scratch) | None => Err(mistake(
                "bad-copy-source",
                "expected a stage or an image after --from=, but found: scratch".to_owned(),
                flag.span,
            )),
        }
    }

    fn image(&self, name: &str, line: u32) -> Result<BaseImage, PlanError> {
        (self.inputs.images)(name).map_err(|source| PlanError::Base { line, source })
    }
}

/// A stage's name, or its number.
fn label(stage: &Stage) -> String {
    stage
        .name
        .clone()
        .unwrap_or_else(|| stage.index.to_string())
}

/// The character that `# escape=` chose.
fn escape_of(dockerfile: &Dockerfile) -> char {
    let chosen = dockerfile
        .directives
        .iter()
        .find(|directive| directive.name == "escape");
    match chosen {
        Some(directive) if directive.value.text == "`" => '`',
        _ => '\\',
    }
}

/// An error of the Dockerfile at `span`.
fn mistake(code: &str, message: String, span: Span) -> PlanError {
    PlanError::Dockerfile(Diagnostic {
        severity: Severity::Error,
        code: code.to_owned(),
        message,
        hint: None,
        span,
    })
}
