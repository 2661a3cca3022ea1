//! LABEL: names and values that go with the image.

use estiva_shared::dockerfile::Word;

use super::super::scope::Scope;
use super::super::{Action, PlanError};
use super::pairs;

/// The step of LABEL.
pub(super) fn label(
    scope: &mut Scope<'_>,
    words: &[(Word, Word)],
) -> Result<(String, Action), PlanError> {
    let (text, expanded) = pairs(scope, "LABEL", words)?;
    let mut identity = vec!["LABEL".to_owned()];
    for (name, value) in expanded {
        identity.extend([name.clone(), value.clone()]);
        scope.config.labels.insert(name, value);
    }
    Ok((text, Action::Configure(identity)))
}
