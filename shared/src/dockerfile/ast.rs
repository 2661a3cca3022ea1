//! The typed view of a Dockerfile: directives, stages, instructions, words, each with its [`Span`].
//!
//! Separate from the parser so that the builder and the page can name these types without knowing how text becomes
//! them. Nothing here is expanded: variables stand in words as written.

use serde::{Deserialize, Serialize};

/// A place in the source: byte offset from 0, line and column from 1; the column counts UTF-16 units, as editors do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position {
    /// Bytes from the start of the source.
    pub offset: u32,
    /// Line, from 1.
    pub line: u32,
    /// Column in UTF-16 code units, from 1.
    pub column: u32,
}

/// A half-open range of the source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// The first position.
    pub start: Position,
    /// The position after the last.
    pub end: Position,
}

/// How grave a [`Diagnostic`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The Dockerfile can't be built.
    Error,
    /// It can, but likely not as meant.
    Warning,
    /// Worth knowing.
    Info,
}

/// One finding about the text: where, what was expected and what was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// How grave it is.
    pub severity: Severity,
    /// A stable name in kebab-case, such as `unknown-instruction`.
    pub code: String,
    /// `expected X, but found Y`, lower case, no final dot.
    pub message: String,
    /// What to do about it, where there is something to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The text concerned.
    pub span: Span,
}

/// A piece of text with its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Word {
    /// The text as written, quotes and variables included.
    pub text: String,
    /// Where it stands.
    pub span: Span,
}

/// A whole Dockerfile.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dockerfile {
    /// `# syntax=`, `# escape=`, `# check=`, in their order; keys in lower case.
    pub directives: Vec<Directive>,
    /// The ARG instructions before the first FROM.
    pub global_args: Vec<Instruction>,
    /// The stages in their order; FROM is the first of each stage's instructions.
    pub stages: Vec<Stage>,
}

/// A parser directive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Directive {
    /// `syntax`, `escape` or `check`.
    pub name: String,
    /// The text after `=`.
    pub value: Word,
}

/// One stage: a FROM and what follows until the next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    /// From 0.
    pub index: usize,
    /// The name after AS, in lower case.
    pub name: Option<String>,
    /// The base as written after FROM: an image, `scratch` or an earlier stage; may hold variables.
    pub base: Word,
    /// FROM and all that belongs to it.
    pub span: Span,
    /// FROM first.
    pub instructions: Vec<Instruction>,
}

/// One instruction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instruction {
    /// The name in upper case, such as `COPY`.
    pub name: String,
    /// From the keyword's first byte to the last of its last line.
    pub span: Span,
    /// `--name=value` before the arguments.
    pub flags: Vec<Flag>,
    /// The arguments as one logical line: continuations joined, comments inside them removed, variables as written.
    pub text: String,
    /// What it says.
    pub kind: InstructionKind,
    /// The here-documents that stand below it, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub heredocs: Vec<Heredoc>,
}

/// A here-document (`<<EOF`): lines below an instruction that belong to it, up to a line that holds its name alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heredoc {
    /// The word that ends it, without quotes.
    pub name: String,
    /// Variables in it are replaced: its name was written without quotes.
    pub expand: bool,
    /// Written `<<-`: tabs at the start of its lines don't count.
    pub strip_tabs: bool,
    /// Its lines, without the one that ends it.
    pub content: Span,
}

/// `--name` or `--name=value`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flag {
    /// Without the dashes.
    pub name: String,
    /// The text after `=`, where there is one.
    pub value: Option<String>,
    /// The whole flag.
    pub span: Span,
}

/// The two forms of RUN, CMD and ENTRYPOINT.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// A line for the shell (`/bin/sh -c`), continuations joined as Docker joins them.
    Shell(String),
    /// A JSON array of words.
    Exec(Vec<String>),
}

/// What an instruction says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "value")]
pub enum InstructionKind {
    /// `FROM base [AS name]`.
    From {
        /// The base as written.
        base: Word,
        /// The stage's name as written.
        name: Option<Word>,
    },
    /// `RUN`.
    Run(Command),
    /// `COPY sources… destination`. Of the JSON form, a word's text is the string itself, without the quotes around it.
    Copy {
        /// At least one.
        sources: Vec<Word>,
        /// The last word.
        destination: Word,
    },
    /// `ENV k=v …` or `ENV k v`; the values are unexpanded, with their quotes.
    Env(Vec<(Word, Word)>),
    /// `ARG name[=default] …`.
    Arg(Vec<(Word, Option<Word>)>),
    /// `LABEL k=v …`.
    Label(Vec<(Word, Word)>),
    /// `WORKDIR path`.
    Workdir(Word),
    /// `EXPOSE port[/protocol] …`.
    Expose(Vec<Word>),
    /// `CMD`.
    Cmd(Command),
    /// `ENTRYPOINT`.
    Entrypoint(Command),
    /// `USER user[:group]`.
    User(Word),
    /// An instruction of the language that Estiva reads but doesn't build, or one with a here-document: the builder
    /// refuses it by name. What it says stands in [`Instruction::text`].
    NotBuilt,
    /// Its arguments could not be read; a diagnostic says why. Never reaches the builder.
    Invalid,
}
