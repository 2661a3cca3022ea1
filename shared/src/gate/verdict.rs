//! What the gate answers: the document that the page shows and `estiva inspect --ci --format json` prints.
//!
//! It is versioned ([`GATE_VERSION`]). Names in it are as they are in the image: who shows them escapes them.

use serde::{Deserialize, Serialize};

use super::Rule;

/// The version of this document.
pub const GATE_VERSION: u32 = 1;

/// Most places that are listed of one rule; [`RuleResult::places_total`] counts all.
pub const PLACES_MAX: usize = 20;

/// The answer for a file or an image of the store.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GateReport {
    /// [`GATE_VERSION`].
    pub version: u32,
    /// The file or image, as it was named.
    pub subject: String,
    /// The rules file; none where there was none.
    pub rules_from: Option<String>,
    /// The Dockerfile whose lines stand in places; none where none was given.
    pub dockerfile: Option<String>,
    /// [`Status::Fail`] where any image fails.
    pub status: Status,
    /// Each image of the file.
    pub images: Vec<ImageVerdict>,
}

/// The answer for one image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ImageVerdict {
    /// Its names.
    pub names: Vec<String>,
    /// The config's digest: the image's id.
    pub config_digest: String,
    /// `linux/amd64`, with `/variant` where there is one.
    pub platform: String,
    /// Sum of the layers' tars, uncompressed, in bytes.
    pub uncompressed_bytes: u64,
    /// How many layers it has.
    pub layers: usize,
    /// [`Status::Fail`] where any rule fails.
    pub status: Status,
    /// Each rule that is named or has a default, in the order of [`super::RULES`].
    pub rules: Vec<RuleResult>,
}

/// What came out of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// The image keeps to it.
    Pass,
    /// It does not.
    Fail,
    /// The rule is disabled.
    Skipped,
}

impl Status {
    /// As it stands in the document.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Skipped => "skipped",
        }
    }
}

/// One rule's result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuleResult {
    /// The rule's name.
    pub rule: String,
    /// What came out.
    pub status: Status,
    /// What `measured` and `limit` are.
    pub unit: Unit,
    /// What was found; none where the rule is disabled. Of a list of what is forbidden or allowed, how many break it.
    pub measured: Option<Measure>,
    /// What was asked for; none where the rule is disabled.
    pub limit: Option<Measure>,
    /// What the result doesn't say by itself, such as a name that nothing can match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Where it was broken, largest first, at most [`PLACES_MAX`]; none where it passes.
    pub places: Vec<Place>,
    /// How many places there are in all.
    pub places_total: usize,
}

/// What the numbers of a result are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// From 0 to 1; a waste may be more.
    Ratio,
    /// Bytes.
    Bytes,
    /// Layers.
    Layers,
    /// Files, by their number.
    Files,
    /// Problems, by their number.
    Problems,
    /// Users, by their names.
    Users,
}

/// A value of a result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Measure {
    /// Bytes or a number.
    Number(u64),
    /// A ratio.
    Ratio(f64),
    /// A user.
    Text(String),
    /// Patterns, users or causes.
    List(Vec<String>),
}

/// One place that breaks a rule.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// The layer, by index.
    pub layer: Option<usize>,
    /// The path.
    pub path: Option<String>,
    /// Its bytes; 0 where size has no part in it.
    pub size_bytes: u64,
    /// Why, where the rule alone doesn't say it: a cause of waste, `setuid`, a problem's message.
    pub note: Option<String>,
    /// The Dockerfile's line that made it, where one is given.
    pub line: Option<u32>,
}

impl RuleResult {
    /// Which rule it is; none for a name of a later version.
    #[must_use]
    pub fn rule(&self) -> Option<Rule> {
        Rule::of_key(&self.rule)
    }

    /// Whether both are broken, and by the same places: who lists them may list them once.
    #[must_use]
    pub fn is_broken_alike(&self, other: &Self) -> bool {
        !self.places.is_empty()
            && self.places_total == other.places_total
            && self.places == other.places
    }

    /// How many places are not listed.
    #[must_use]
    pub fn places_left_out(&self) -> usize {
        self.places_total.saturating_sub(self.places.len())
    }
}
