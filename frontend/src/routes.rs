//! The page's addresses.

use yew_router::Routable;

/// One address, one page.
#[derive(Clone, Debug, PartialEq, Eq, Routable)]
pub enum Route {
    /// The inspector: archives and Dockerfiles, without a server.
    #[at("/")]
    Inspect,
    /// The store's images.
    #[at("/images")]
    Images,
    /// One of them.
    #[at("/images/:name")]
    Image {
        /// Its name or id.
        name: String,
    },
    /// Two images compared; those of the store stand behind `?`, as `a` and `b`.
    #[at("/compare")]
    Compare,
    /// A build.
    #[at("/build")]
    Build,
    /// The containers.
    #[at("/containers")]
    Containers,
    /// One of them.
    #[at("/containers/:id")]
    Container {
        /// Its id.
        id: String,
    },
    /// The links.
    #[at("/share")]
    Share,
    /// Anything else.
    #[not_found]
    #[at("/404")]
    NotFound,
}

impl Route {
    /// The navigation's entry that this page belongs to.
    pub fn section(&self) -> Route {
        match self {
            Route::Image { .. } | Route::Compare => Route::Images,
            Route::Container { .. } => Route::Containers,
            other => other.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_slashes_and_colons_is_one_segment() {
        let route = Route::Image {
            name: "registry.example/team/api:1.0".into(),
        };
        assert_eq!(
            route.to_path(),
            "/images/registry.example%2Fteam%2Fapi%3A1.0"
        );
        assert_eq!(Route::recognize(&route.to_path()), Some(route));
    }

    #[test]
    fn an_unknown_address_is_not_found() {
        assert_eq!(Route::recognize("/nowhere/at/all"), Some(Route::NotFound));
    }
}
