//! What the rebuilding of a Dockerfile gives: the text, each of its lines with how sure it is, and, where there is a Dockerfile
//! to hold it against, which line made which layer.

use serde::{Deserialize, Serialize};

/// The version of [`Rebuilt`] and [`Reconciled`].
pub const REBUILT_VERSION: u32 = 1;

/// A Dockerfile from a history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rebuilt {
    /// [`REBUILT_VERSION`].
    pub version: u32,
    /// The Dockerfile. It parses without an error.
    pub text: String,
    /// Its instructions, and what stands in comments because it is none or the base image's.
    pub lines: Vec<RebuiltLine>,
    /// Lines of the history that did not fit.
    pub left_out: u64,
}

impl Default for Rebuilt {
    fn default() -> Self {
        Self {
            version: REBUILT_VERSION,
            text: String::new(),
            lines: Vec::new(),
            left_out: 0,
        }
    }
}

/// How sure a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// The history says it, but for the spelling.
    Certain,
    /// The history says most of it; what is missing rarely matters.
    Likely,
    /// A part of it left no trace.
    Guessed,
}

impl Confidence {
    /// The word in the text's comments.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Certain => "certain",
            Self::Likely => "likely",
            Self::Guessed => "guessed",
        }
    }
}

/// Why a line is as sure as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The builder keeps the instruction's own text.
    Verbatim,
    /// The builder recorded what it did in full.
    Recorded,
    /// A command's shell form and its exec form leave the same.
    ShellOrExec,
    /// A command without a shell: where its words end is not recorded.
    WordsUnknown,
    /// Paths are recorded, `--from` is not.
    StageUnknown,
    /// It copies from a stage whose lines are in no history.
    OtherStage,
    /// Only a checksum of what was copied is recorded.
    SourceUnknown,
    /// Values are recorded without quotes: where each ends is not sure.
    ValuesUnclear,
    /// The value may be a default, or one that was given to the build; or none was recorded.
    ArgumentValue,
    /// A RUN had this argument; its own line left no trace.
    ArgumentUsed,
    /// The configuration has it, and no line of the history sets it.
    FromConfig,
    /// The builder noted the base image.
    BaseNamed,
    /// No base image is named.
    BaseUnknown,
    /// A line of the base image.
    OfBase,
    /// The history's text is no instruction.
    NotAnInstruction,
    /// A layer of which the history says nothing.
    NothingRecorded,
}

impl Reason {
    /// In a sentence, as the text's comments say it.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Verbatim => "the history holds the instruction as it was written",
            Self::Recorded => "the history holds all of it; flags such as --mount leave no trace",
            Self::ShellOrExec => "the shell form and the exec form leave the same",
            Self::WordsUnknown => "run without a shell; where its words end is not recorded",
            Self::StageUnknown => {
                "--from and --link leave no trace: it may copy from another stage"
            }
            Self::OtherStage => "it copies from another stage, whose lines are in no history",
            Self::SourceUnknown => {
                "only a checksum of what was copied is recorded, so the source is made up"
            }
            Self::ValuesUnclear => {
                "values are recorded without quotes; where each ends is not sure"
            }
            Self::ArgumentValue => "which default it has, if any, is not sure",
            Self::ArgumentUsed => "a RUN had this argument; its own line left no trace",
            Self::FromConfig => "the configuration has it, and no line of the history sets it",
            Self::BaseNamed => "the builder noted the base image",
            Self::BaseUnknown => {
                "no base image is named; where there was one, its lines are among those below"
            }
            Self::OfBase => "of the base image",
            Self::NotAnInstruction => "no instruction's text",
            Self::NothingRecorded => "the history says nothing of it",
        }
    }
}

/// One instruction of a rebuilt Dockerfile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RebuiltLine {
    /// Where it stands in the text: a line, from 1.
    pub line: u32,
    /// The instruction; where `commented`, what the comment is about.
    pub text: String,
    /// How sure it is.
    pub confidence: Confidence,
    /// Why.
    pub reason: Reason,
    /// It stands in a comment: it is the base image's, or no instruction.
    pub commented: bool,
    /// The line of the history that it comes from, from 0.
    pub history: Option<usize>,
    /// The layer that it made, by index.
    pub layer: Option<usize>,
}

/// A Dockerfile held against a history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reconciled {
    /// [`REBUILT_VERSION`].
    pub version: u32,
    /// Nothing of the Dockerfile contradicts the history: no row differs, and none is in one of them alone, but for the
    /// base image's lines and for ARG, which some builders don't record.
    pub agrees: bool,
    /// The lines of both in their order.
    pub rows: Vec<ReconciledRow>,
}

/// How a Dockerfile's line and a history's go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// They say the same.
    Same,
    /// They say the same as far as the history tells.
    Likely,
    /// They are about the same thing and differ.
    Differs,
    /// No line of the history comes from it.
    OnlyInFile,
    /// No line of the Dockerfile made it.
    OnlyInHistory,
    /// It is the base image's.
    Base,
}

impl Verdict {
    /// The name as in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Likely => "likely",
            Self::Differs => "differs",
            Self::OnlyInFile => "only_in_file",
            Self::OnlyInHistory => "only_in_history",
            Self::Base => "base",
        }
    }
}

/// A line of the Dockerfile, of the history, or of both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReconciledRow {
    /// How they go together.
    pub verdict: Verdict,
    /// The line in the Dockerfile, from 1.
    pub dockerfile_line: Option<u32>,
    /// The instruction there, on one line.
    pub dockerfile: Option<String>,
    /// The line of the history, from 0.
    pub history: Option<usize>,
    /// The instruction as it was recovered from there.
    pub recovered: Option<String>,
    /// The layer that the history's line made, by index.
    pub layer: Option<usize>,
}
