//! The Dockerfile in the inspector's editor, and the patches that were applied to it.
//!
//! Patches are for the text that made the image. After one is applied the text fits the image's history no more, so the one that
//! did is kept beside it, until somebody writes.

use estiva_shared::suggest::{ApplyError, apply};
use yew::AttrValue;

/// A Dockerfile's text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Draft {
    text: AttrValue,
    /// The text that the patches are for; where none is applied, the same.
    base: AttrValue,
    patches: Vec<String>,
}

impl Draft {
    /// A text as somebody wrote it.
    pub fn of(text: impl Into<AttrValue>) -> Self {
        let text = text.into();
        Self {
            base: text.clone(),
            text,
            patches: Vec::new(),
        }
    }

    /// What stands in the editor.
    pub fn text(&self) -> &AttrValue {
        &self.text
    }

    /// What may have made an image that is looked at.
    pub fn base(&self) -> &AttrValue {
        &self.base
    }

    /// The patches that are applied, in the order in which they were.
    pub fn patches(&self) -> &[String] {
        &self.patches
    }

    /// Whether this patch is applied.
    pub fn has(&self, diff: &str) -> bool {
        self.patches.iter().any(|patch| patch == diff)
    }

    /// With this patch too.
    ///
    /// # Errors
    /// One that changes lines which another that is applied changes, or that is for another text.
    pub fn with(&self, diff: &str) -> Result<Self, ApplyError> {
        if self.has(diff) {
            return Ok(self.clone());
        }
        let mut patches = self.patches.clone();
        patches.push(diff.to_owned());
        self.patched(patches)
    }

    /// Without this patch.
    ///
    /// # Errors
    /// Two that are left and don't go together, which can't be where they went together before.
    pub fn without(&self, diff: &str) -> Result<Self, ApplyError> {
        let mut patches = self.patches.clone();
        patches.retain(|patch| patch != diff);
        self.patched(patches)
    }

    /// Without any patch.
    pub fn unpatched(&self) -> Self {
        Self::of(self.base.clone())
    }

    fn patched(&self, patches: Vec<String>) -> Result<Self, ApplyError> {
        let diffs: Vec<_> = patches.iter().map(String::as_str).collect();
        let text = apply(&self.base, &diffs)?;
        Ok(Self {
            text: text.into(),
            base: self.base.clone(),
            patches,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "FROM a\nRUN one\nRUN two\nRUN three\n";
    const ONE: &str = "--- a/Dockerfile\n+++ b/Dockerfile\n@@ -1,3 +1,2 @@\n FROM a\n-RUN one\n-RUN two\n+RUN one && two\n";
    const OTHER: &str =
        "--- a/Dockerfile\n+++ b/Dockerfile\n@@ -3,2 +3,2 @@\n RUN two\n-RUN three\n+RUN 3\n";
    const ACROSS: &str = "--- a/Dockerfile\n+++ b/Dockerfile\n@@ -3,2 +3,1 @@\n-RUN two\n-RUN three\n+RUN two && three\n";

    #[test]
    fn patches_come_and_go_in_any_order() {
        let draft = Draft::of(TEXT);
        let both = draft.with(ONE).and_then(|one| one.with(OTHER));
        let both = both.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(both.text().as_str(), "FROM a\nRUN one && two\nRUN 3\n");
        assert_eq!(both.base().as_str(), TEXT);
        assert!(both.has(ONE) && both.has(OTHER));
        let other = both.without(ONE).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(other.text().as_str(), "FROM a\nRUN one\nRUN two\nRUN 3\n");
        assert_eq!(both.with(ONE), Ok(both.clone()));
        assert_eq!(both.unpatched(), draft);
    }

    #[test]
    fn a_patch_that_is_in_anothers_way_changes_nothing() {
        let one = Draft::of(TEXT).with(ONE);
        let refused = one.and_then(|one| one.with(ACROSS));
        assert_eq!(refused, Err(ApplyError::Overlap { line: 3 }));
    }
}
