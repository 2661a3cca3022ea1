//! The variables that a stage's instruction sees: those of ENV and of ARG; where both set a name, the later one counts.
//!
//! That is what BuildKit does, and narrower than the Dockerfile reference's "ENV always overrides ARG": an ARG below an
//! ENV that a base image brought is how Dockerfiles change it for the build alone.

use estiva_shared::dockerfile::{Span, Word};
use estiva_shared::protocol::NetworkMode;

use super::arguments::Arguments;
use super::{PlanError, StageConfig, expansion, mistake};

/// A stage as it stands before an instruction.
pub(crate) struct Scope<'a> {
    arguments: &'a Arguments,
    /// What the instructions so far made of the configuration.
    pub(super) config: StageConfig,
    /// What ARG set and no later ENV did, in order; a name stands once.
    args: Vec<(String, String)>,
    /// CMD was set in this stage, so that a later ENTRYPOINT leaves it.
    pub(super) cmd_set: bool,
    escape: char,
    /// The network of a RUN that names none.
    pub(super) network: NetworkMode,
}

impl<'a> Scope<'a> {
    /// A stage at its beginning. `inherited` are the arguments of the stage that it begins with: ENV of that stage goes
    /// before them, since it arrives with the configuration, as from any image.
    pub(super) fn new(
        arguments: &'a Arguments,
        config: StageConfig,
        inherited: Vec<(String, String)>,
        escape: char,
        network: NetworkMode,
    ) -> Self {
        let mut args = inherited;
        args.retain(|(name, _)| config.env(name).is_none());
        Self {
            arguments,
            config,
            args,
            cmd_set: false,
            escape,
            network,
        }
    }

    /// The configuration at the stage's end, and the arguments that a stage which begins with it inherits.
    pub(super) fn into_parts(self) -> (StageConfig, Vec<(String, String)>) {
        (self.config, self.args)
    }

    /// Sets a variable of ENV.
    pub(super) fn set_env(&mut self, name: &str, value: &str) {
        self.args.retain(|(known, _)| known != name);
        self.config.set_env(name, value);
    }

    /// Declares an argument. Where nothing gives it a value, it keeps the one that it has: `ARG X` below `ARG X=a`.
    pub(super) fn declare(&mut self, name: &str, default: Option<&Word>) -> Result<(), PlanError> {
        // A default that isn't used isn't looked at: it may be `${OTHER:?}`.
        let value = match (self.arguments.given(name), default) {
            (Some(given), _) => Some(given.to_owned()),
            (None, Some(default)) => Some(self.expand(default)?),
            (None, None) => self.arguments.global(name).map(str::to_owned),
        };
        let Some(value) = value else { return Ok(()) };
        match self.args.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => *known = value,
            None => self.args.push((name.to_owned(), value)),
        }
        Ok(())
    }

    /// A word with its quotes removed and its variables replaced.
    pub(super) fn expand(&self, word: &Word) -> Result<String, PlanError> {
        self.expand_text(&word.text, word.span)
    }

    /// As [`Self::expand`], for text that is not a [`Word`], such as a flag's value.
    pub(super) fn expand_text(&self, text: &str, span: Span) -> Result<String, PlanError> {
        expansion::one(text, self.escape, &|name| {
            self.value(name).map(str::to_owned)
        })
        .map_err(|message| mistake("bad-expansion", message, span))
    }

    /// As [`Self::expand`], where an unquoted variable may hold several words.
    pub(super) fn expand_list(&self, word: &Word) -> Result<Vec<String>, PlanError> {
        expansion::list(&word.text, self.escape, &|name| {
            self.value(name).map(str::to_owned)
        })
        .map_err(|message| mistake("bad-expansion", message, word.span))
    }

    /// A word for the history: as [`Self::expand`], but an ARG stands as `${NAME}` instead of its value; in quotes
    /// where it would otherwise not read as one word.
    pub(super) fn shown(&self, text: &str) -> String {
        let lookup = |name: &str| match self.arg(name) {
            Some(_) => Some(format!("${{{name}}}")),
            None => self.config.env(name).map(str::to_owned),
        };
        match expansion::one(text, self.escape, &lookup) {
            Ok(expanded) => quoted(expanded),
            Err(_) => text.to_owned(),
        }
    }

    /// The environment of a RUN.
    pub(super) fn run_env(&self) -> Vec<(String, String)> {
        let mut env = self.config.env.clone();
        for (name, value) in &self.args {
            match env.iter_mut().find(|(known, _)| known == name) {
                Some((_, known)) => known.clone_from(value),
                None => env.push((name.clone(), value.clone())),
            }
        }
        env
    }

    /// The proxy settings of a RUN that nothing declares.
    pub(super) fn proxy_env(&self) -> Vec<(String, String)> {
        self.arguments
            .proxies()
            .filter(|(name, _)| self.value(name).is_none())
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.arg(name).or_else(|| self.config.env(name))
    }

    fn arg(&self, name: &str) -> Option<&str> {
        let found = self.args.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// A word as a Dockerfile would write it.
fn quoted(word: String) -> String {
    let needed = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '\\');
    if !word.is_empty() && !word.contains(needed) {
        return word;
    }
    let escaped = word.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{escaped}\"")
}
