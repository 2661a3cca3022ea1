//! The list of packages as it is looked at: what is searched for, which kind, in which order, how much of it.

use estiva_shared::image::holdings::{Package, PackageKind};
use yew::Reducible;

use std::rc::Rc;

/// Rows that are shown at first, and more at a press: enough to read, few enough to draw at each key.
pub const STEP: usize = 100;

/// The list as it is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackageView {
    /// Part of a name or version, in any case.
    pub search: String,
    /// One kind alone.
    pub kind: Option<PackageKind>,
    /// Largest first instead of by name.
    pub by_size: bool,
    /// Rows that are shown.
    pub rows: usize,
}

impl Default for PackageView {
    fn default() -> Self {
        Self {
            search: String::new(),
            kind: None,
            by_size: true,
            rows: STEP,
        }
    }
}

/// What can be done with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PackageAction {
    /// Part of a name was typed.
    Search(String),
    /// One kind, or all.
    Kind(Option<PackageKind>),
    /// Largest first, or by name.
    BySize(bool),
    /// More rows.
    More,
}

impl PackageView {
    /// The packages that match, in order.
    pub fn matching<'a>(&self, packages: &'a [Package]) -> Vec<&'a Package> {
        let needle = self.search.trim().to_lowercase();
        let is_wanted = |package: &&Package| {
            let is_kind = self.kind.is_none_or(|kind| kind == package.kind);
            let has = |text: &str| text.to_lowercase().contains(&needle);
            is_kind && (needle.is_empty() || has(&package.name) || has(&package.version))
        };
        let mut found: Vec<_> = packages.iter().filter(is_wanted).collect();
        let by_name = |one: &&Package, other: &&Package| {
            let key = |package: &Package| (package.name.to_lowercase(), package.path.clone());
            key(one).cmp(&key(other))
        };
        match self.by_size {
            true => found.sort_by_key(|package| std::cmp::Reverse(package.size_bytes)),
            false => found.sort_by(by_name),
        }
        found
    }
}

impl Reducible for PackageView {
    type Action = PackageAction;

    fn reduce(self: Rc<Self>, action: PackageAction) -> Rc<Self> {
        let mut next = Rc::unwrap_or_clone(self);
        match action {
            PackageAction::Search(search) => next.search = search,
            PackageAction::Kind(kind) => next.kind = kind,
            PackageAction::BySize(by_size) => next.by_size = by_size,
            PackageAction::More => {
                next.rows += STEP;
                return Rc::new(next);
            }
        }
        next.rows = STEP;
        Rc::new(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(kind: PackageKind, name: &str, size_bytes: u64) -> Package {
        Package {
            kind,
            name: name.into(),
            version: "1.2".into(),
            architecture: None,
            license: None,
            purl: String::new(),
            layer: 0,
            path: String::new(),
            size_bytes,
        }
    }

    fn names(actions: Vec<PackageAction>) -> Vec<String> {
        let packages = [
            package(PackageKind::Deb, "bash", 10),
            package(PackageKind::Npm, "Express", 30),
            package(PackageKind::Npm, "accepts", 20),
        ];
        let view = actions
            .into_iter()
            .fold(Rc::new(PackageView::default()), |view, action| {
                view.reduce(action)
            });
        let found = view.matching(&packages);
        found.iter().map(|package| package.name.clone()).collect()
    }

    #[test]
    fn search_kind_and_order_go_together() {
        assert_eq!(names(vec![]), ["Express", "accepts", "bash"]);
        assert_eq!(
            names(vec![PackageAction::BySize(false)]),
            ["accepts", "bash", "Express"]
        );
        assert_eq!(
            names(vec![PackageAction::Search(" EXP ".into())]),
            ["Express"]
        );
        assert_eq!(
            names(vec![
                PackageAction::Search("1.2".into()),
                PackageAction::Kind(Some(PackageKind::Deb))
            ]),
            ["bash"]
        );
    }

    #[test]
    fn a_new_search_begins_with_few_rows() {
        let view = Rc::new(PackageView::default()).reduce(PackageAction::More);
        assert_eq!(view.rows, 2 * STEP);
        assert_eq!(view.reduce(PackageAction::Search("a".into())).rows, STEP);
    }
}
