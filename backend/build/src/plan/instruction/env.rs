//! ENV: variables of later instructions and of the container.

use estiva_shared::dockerfile::Word;

use super::super::scope::Scope;
use super::super::{Action, PlanError};
use super::pairs;

/// The step of ENV. All its values see the variables as they stood before it.
pub(super) fn env(
    scope: &mut Scope<'_>,
    words: &[(Word, Word)],
) -> Result<(String, Action), PlanError> {
    let (text, expanded) = pairs(scope, "ENV", words)?;
    let mut identity = vec!["ENV".to_owned()];
    for (name, value) in expanded {
        scope.set_env(&name, &value);
        identity.extend([name, value]);
    }
    Ok((text, Action::Configure(identity)))
}
