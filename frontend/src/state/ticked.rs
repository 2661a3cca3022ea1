//! What is ticked to be left out of an image: which boxes show it, and how it stands in the address.

use estiva_shared::image::{LeftOut, WASTE_CAUSES};

/// Most that can be ticked: what a person looks over, and what an address has room for.
pub const TICKED_MAX: usize = 200;

/// What a box shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tick {
    /// It stays.
    Off,
    /// It is left out.
    On,
    /// It is left out with a folder above it.
    Within,
    /// Something below it is left out.
    Mixed,
}

/// What the box of this shows.
pub fn tick_of(ticked: &[LeftOut], one: &LeftOut) -> Tick {
    if ticked.contains(one) {
        return Tick::On;
    }
    let LeftOut::Path(path) = one else {
        return Tick::Off;
    };
    let paths = ticked.iter().filter_map(|other| match other {
        LeftOut::Path(path) => Some(path.as_str()),
        _ => None,
    });
    let mut tick = Tick::Off;
    for other in paths {
        if is_below(path, other) {
            return Tick::Within;
        }
        if is_below(other, path) {
            tick = Tick::Mixed;
        }
    }
    tick
}

/// With this turned over. A folder takes what was ticked below it along. None where there would be too many.
pub fn turned(ticked: &[LeftOut], one: LeftOut) -> Option<Vec<LeftOut>> {
    let mut next = ticked.to_vec();
    match tick_of(ticked, &one) {
        Tick::On => next.retain(|other| *other != one),
        Tick::Within => {}
        Tick::Off | Tick::Mixed => {
            if let LeftOut::Path(folder) = &one {
                next.retain(
                    |other| !matches!(other, LeftOut::Path(path) if is_below(path, folder)),
                );
            }
            next.push(one);
            next.sort();
        }
    }
    (next.len() <= TICKED_MAX).then_some(next)
}

fn is_below(path: &str, folder: &str) -> bool {
    match path.strip_prefix(folder) {
        Some(rest) if folder.is_empty() => !rest.is_empty(),
        Some(rest) => rest.starts_with('/'),
        None => false,
    }
}

/// As it stands in the address, before it is escaped: `layer:3`, `waste:overwritten`, `/usr/share`.
pub fn word(one: &LeftOut) -> String {
    match one {
        LeftOut::Layer(index) => format!("layer:{index}"),
        LeftOut::Waste(cause) => format!("waste:{cause}"),
        LeftOut::Path(path) => format!("/{path}"),
    }
}

/// What a word of the address means; none where it means nothing.
pub fn meant(word: &str) -> Option<LeftOut> {
    if let Some(path) = word.strip_prefix('/') {
        return Some(LeftOut::Path(path.to_owned()));
    }
    match word.split_once(':')? {
        ("layer", index) => index.parse().ok().map(LeftOut::Layer),
        ("waste", cause) => WASTE_CAUSES
            .contains(&cause)
            .then(|| LeftOut::Waste(cause.to_owned())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(path: &str) -> LeftOut {
        LeftOut::Path(path.to_owned())
    }

    #[test]
    fn boxes_show_what_is_above_and_below() {
        let ticked = [LeftOut::Layer(2), path("usr/lib"), path("usr/share/doc")];
        for (one, tick) in [
            (path("usr/lib"), Tick::On),
            (path("usr/lib/a/b"), Tick::Within),
            (path("usr/lib64"), Tick::Off),
            (path("usr"), Tick::Mixed),
            (path(""), Tick::Mixed),
            (path("us"), Tick::Off),
            (LeftOut::Layer(2), Tick::On),
            (LeftOut::Layer(1), Tick::Off),
        ] {
            assert_eq!(tick_of(&ticked, &one), tick, "{one:?}");
        }
        assert_eq!(tick_of(&[path("")], &path("usr")), Tick::Within);
    }

    #[test]
    fn a_folder_takes_what_is_below_it_along() {
        let ticked = [LeftOut::Layer(2), path("usr/lib"), path("usr/share/doc")];
        let folder = turned(&ticked, path("usr"));
        assert_eq!(folder, Some(vec![LeftOut::Layer(2), path("usr")]));
        let folder = folder.unwrap_or_default();
        assert_eq!(turned(&folder, path("usr/lib")).as_ref(), Some(&folder));
        assert_eq!(turned(&folder, path("usr")), Some(vec![LeftOut::Layer(2)]));
    }

    #[test]
    fn there_is_an_end_to_what_can_be_ticked() {
        let all: Vec<_> = (0..TICKED_MAX).map(LeftOut::Layer).collect();
        assert_eq!(turned(&all, path("usr")), None);
        assert!(turned(&all, LeftOut::Layer(3)).is_some());
    }

    #[test]
    fn words_of_the_address_are_read_back() {
        let ticked = [
            LeftOut::Layer(12),
            path(""),
            path("a:b/c,d"),
            LeftOut::Waste("overwritten".into()),
        ];
        for one in ticked {
            assert_eq!(meant(&word(&one)), Some(one));
        }
        for other in ["", "usr", "layer:", "layer:x", "waste:mine", "what:1"] {
            assert_eq!(meant(other), None, "{other}");
        }
    }
}
