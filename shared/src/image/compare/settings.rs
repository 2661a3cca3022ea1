//! The configuration field by field: variables by their names, labels by theirs, ports and volumes as sets.

use std::collections::BTreeMap;

use super::super::ImageView;
use super::{ConfigChange, ConfigField, ValueDifference};

/// What differs in the configuration.
pub(super) fn compare(a: &ImageView, b: &ImageView, semantic: bool) -> Vec<ConfigChange> {
    let mut changes = Changes(Vec::new());
    let (one, two) = (&a.config, &b.config);
    let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    changes.value(
        ConfigField::Platform,
        given(&a.platform),
        given(&b.platform),
    );
    if !semantic {
        changes.value(ConfigField::Created, a.created.clone(), b.created.clone());
    }
    changes.value(ConfigField::User, one.user.clone(), two.user.clone());
    changes.value(
        ConfigField::WorkingDir,
        one.working_dir.clone(),
        two.working_dir.clone(),
    );
    changes.value(
        ConfigField::Entrypoint,
        words(&one.entrypoint),
        words(&two.entrypoint),
    );
    changes.value(ConfigField::Cmd, words(&one.cmd), words(&two.cmd));
    changes.keyed(ConfigField::Env, variables(&one.env), variables(&two.env));
    changes.keyed(
        ConfigField::ExposedPorts,
        set(&one.exposed_ports),
        set(&two.exposed_ports),
    );
    changes.keyed(ConfigField::Volumes, set(&one.volumes), set(&two.volumes));
    changes.keyed(
        ConfigField::Labels,
        labels(&one.labels),
        labels(&two.labels),
    );
    changes.value(
        ConfigField::StopSignal,
        one.stop_signal.clone(),
        two.stop_signal.clone(),
    );
    changes.0
}

/// Words as the exec form writes them; none for no words, which says nothing.
fn words(words: &[String]) -> Option<String> {
    if words.is_empty() {
        return None;
    }
    // A list of strings always becomes JSON.
    serde_json::to_string(words).ok()
}

/// Keys with their values; ports and volumes have none.
type Keyed<'a> = BTreeMap<&'a str, Option<&'a str>>;

/// Of a variable that stands twice, the last counts, as it does in a container.
fn variables(env: &[String]) -> Keyed<'_> {
    env.iter()
        .map(|line| match line.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (line.as_str(), None),
        })
        .collect()
}

fn labels(labels: &[(String, String)]) -> Keyed<'_> {
    labels
        .iter()
        .map(|(name, value)| (name.as_str(), Some(value.as_str())))
        .collect()
}

fn set(names: &[String]) -> Keyed<'_> {
    names.iter().map(|name| (name.as_str(), None)).collect()
}

struct Changes(Vec<ConfigChange>);

impl Changes {
    fn value(&mut self, field: ConfigField, a: Option<String>, b: Option<String>) {
        let difference = match (&a, &b) {
            (one, two) if one == two => return,
            (None, _) => ValueDifference::Added,
            (_, None) => ValueDifference::Removed,
            _ => ValueDifference::Changed,
        };
        let key = None;
        self.0.push(ConfigChange {
            field,
            key,
            difference,
            a,
            b,
        });
    }

    fn keyed(&mut self, field: ConfigField, a: Keyed<'_>, b: Keyed<'_>) {
        let mut names: Vec<&str> = a.keys().chain(b.keys()).copied().collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            let (one, two) = (a.get(name), b.get(name));
            let difference = match (one, two) {
                (one, two) if one == two => continue,
                (None, _) => ValueDifference::Added,
                (_, None) => ValueDifference::Removed,
                _ => ValueDifference::Changed,
            };
            let value = |given: Option<&Option<&str>>| given.copied().flatten().map(str::to_owned);
            self.0.push(ConfigChange {
                field,
                key: Some(name.to_owned()),
                difference,
                a: value(one),
                b: value(two),
            });
        }
    }
}
