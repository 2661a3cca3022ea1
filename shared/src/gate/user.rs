//! The user that containers start as, held against the names of a rule.
//!
//! The config alone is looked at. A name that the image's /etc/passwd gives the number 0 is not known here as root.

/// What stands for every user but root.
pub(super) const NOT_ROOT: &str = "not-root";

/// The name that an empty `User` means.
pub(super) const ROOT: &str = "root";

/// Whether a config's user is one that a rule names: `root` in any of its spellings, [`NOT_ROOT`], a user, or a user with its
/// group.
pub(super) fn is_named(user: &str, name: &str) -> bool {
    if name == NOT_ROOT {
        return !is_root(user);
    }
    if name.contains(':') {
        return user == name;
    }
    if is_root(name) {
        return is_root(user);
    }
    let own = own_part(user);
    own == name || number(own).is_some_and(|own| number(name) == Some(own))
}

/// Nothing, `root` or 0 in any spelling that builders and runtimes read as a number, with or without a group.
pub(super) fn is_root(user: &str) -> bool {
    let own = own_part(user);
    own.is_empty() || own == ROOT || number(own) == Some(0)
}

/// The user without the group.
fn own_part(user: &str) -> &str {
    user.split(':').next().unwrap_or_default().trim()
}

fn number(text: &str) -> Option<i64> {
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_is_known_in_every_spelling() {
        for user in [
            "", "root", "0", "00", "+0", "-0", "0:0", "root:app", ":app", " 0 ",
        ] {
            assert!(is_root(user), "{user:?}");
            assert!(is_named(user, "root"), "{user:?}");
            assert!(is_named(user, "0"), "{user:?}");
            assert!(!is_named(user, NOT_ROOT), "{user:?}");
        }
        for user in ["app", "1000", "rooty", "Root", "1000:0", "10"] {
            assert!(!is_root(user), "{user:?}");
            assert!(is_named(user, NOT_ROOT), "{user:?}");
        }
    }

    #[test]
    fn a_user_is_named_with_or_without_its_group() {
        assert!(is_named("app:web", "app"));
        assert!(is_named("app:web", "app:web"));
        assert!(!is_named("app:web", "app:db"));
        assert!(!is_named("app", "web"));
        assert!(is_named("1000:1000", "1000"));
        assert!(is_named("01000", "1000"));
    }
}
