//! What an image holds, in the few lines that `estiva inspect` has for it. All of it is in the JSON.

use estiva_shared::image::holdings::{Danger, DangerKind, Holdings};
use estiva_shared::text::{escape_name, human_bytes};

/// Dangers that are shown of each kind.
const DANGERS_SHOWN: usize = 3;

/// The packages by kind, the user, the shells, and the dangers by kind with the first of each.
pub(super) fn text(holdings: &Holdings) -> String {
    let mut text = String::new();
    if !holdings.by_kind.is_empty() {
        text.push_str(&format!(
            "\n{}:\n",
            counted(holdings.package_count(), "package")
        ));
        for sum in &holdings.by_kind {
            text.push_str(&format!(
                "  {:>6} {:<6} {}\n",
                sum.count,
                sum.kind.name(),
                human_bytes(sum.size_bytes)
            ));
        }
    }
    if !holdings.shells.is_empty() {
        let shells: Vec<_> = holdings
            .shells
            .iter()
            .map(|shell| shown(&shell.path))
            .collect();
        text.push_str(&format!("\nshells: {}\n", shells.join(", ")));
    }
    if !holdings.dangers.is_empty() {
        text.push_str(&format!(
            "\n{}:\n",
            counted(holdings.danger_count(), "danger")
        ));
    }
    for group in &holdings.dangers {
        text.push_str(&format!(
            "  {:>6} {}\n",
            group.count,
            group.kind.name().replace('_', " ")
        ));
        for danger in group.found.iter().take(DANGERS_SHOWN) {
            text.push_str(&format!("         {}\n", line(group.kind, danger)));
        }
    }
    for unread in &holdings.unread {
        let place = unread
            .path
            .as_deref()
            .map_or_else(|| format!("layer {}", unread.layer), shown);
        text.push_str(&format!("not read: {place}: {}\n", unread.reason.words()));
    }
    text
}

fn line(kind: DangerKind, danger: &Danger) -> String {
    let mut parts = Vec::new();
    parts.extend(danger.path.as_deref().map(shown));
    if kind == DangerKind::RootUser && danger.detail.is_empty() {
        parts.push("no user is named".to_owned());
    } else {
        parts.push(shown(&danger.detail));
    }
    match (danger.layer, danger.hidden_by, danger.line) {
        (Some(layer), Some(by), _) => {
            parts.push(format!("(layer {layer}, hidden by {by}, still ships)"))
        }
        (Some(layer), None, _) => parts.push(format!("(layer {layer})")),
        (None, _, Some(line)) => parts.push(format!("(line {line} of the history)")),
        _ => {}
    }
    parts.join("  ")
}

fn counted(count: u64, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}

fn shown(text: &str) -> String {
    escape_name(text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use estiva_shared::image::holdings::{DangerGroup, KindSum, PackageKind, Unread, UnreadReason};

    #[test]
    fn a_few_lines_tell_what_there_is() {
        let secret = Danger {
            path: Some("root/\u{202e}key".into()),
            layer: Some(1),
            hidden_by: Some(2),
            detail: "BEGIN PRIVATE KEY …".into(),
            ..Danger::default()
        };
        let holdings = Holdings {
            by_kind: vec![KindSum {
                kind: PackageKind::Deb,
                count: 1,
                size_bytes: 2000,
            }],
            dangers: vec![
                DangerGroup {
                    kind: DangerKind::PrivateKey,
                    count: 9,
                    found: vec![secret; 9],
                },
                DangerGroup {
                    kind: DangerKind::RootUser,
                    count: 1,
                    found: vec![Danger::default()],
                },
            ],
            unread: vec![Unread {
                path: None,
                layer: 3,
                reason: UnreadReason::Limit,
            }],
            ..Holdings::default()
        };
        let text = text(&holdings);
        for line in [
            "\n1 package:\n       1 deb    2 kB\n",
            "\n10 dangers:\n       9 private key\n",
            "root/\\u{202e}key  BEGIN PRIVATE KEY …  (layer 1, hidden by 2, still ships)\n",
            "       1 root user\n         no user is named\n",
            "not read: layer 3: the layer has more of this than is kept\n",
        ] {
            assert!(text.contains(line), "{line:?} is not in {text}");
        }
        assert_eq!(text.matches("still ships").count(), DANGERS_SHOWN);
        assert_eq!(super::text(&Holdings::default()), "");
    }
}
