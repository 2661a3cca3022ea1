//! Files that are known to hold credentials, by name; most count only where their content has some.

use super::super::DangerKind;
use super::super::mask::{masked, masked_assignment};
use super::assignment::{assigned, is_value};
use super::token::{in_address, private_key};

/// A file by the end of its path, and the words after which its credentials stand.
struct Named {
    end: &'static str,
    kind: DangerKind,
    keys: &'static [&'static str],
}

const fn named(end: &'static str, kind: DangerKind, keys: &'static [&'static str]) -> Named {
    Named { end, kind, keys }
}

use DangerKind::{CloudCredentials as Cloud, Login};

const NAMED: [Named; 25] = [
    named(
        ".docker/config.json",
        Login,
        &["\"auth\"", "\"identitytoken\"", "\"registrytoken\""],
    ),
    named(".dockercfg", Login, &["\"auth\""]),
    named(
        "containers/auth.json",
        Login,
        &["\"auth\"", "\"identitytoken\""],
    ),
    named(".npmrc", Login, &["_authToken", "_password", "_auth"]),
    named("etc/npmrc", Login, &["_authToken", "_password", "_auth"]),
    named(".yarnrc", Login, &["_authToken"]),
    named(".yarnrc.yml", Login, &["npmAuthToken", "npmAuthIdent"]),
    named(".pypirc", Login, &["password"]),
    named(".netrc", Login, &["password"]),
    named("_netrc", Login, &["password"]),
    named(".cargo/credentials", Login, &["token"]),
    named(".cargo/credentials.toml", Login, &["token"]),
    named(".gem/credentials", Login, &["_api_key"]),
    named(".config/gh/hosts.yml", Login, &["oauth_token"]),
    named(".my.cnf", Login, &["password"]),
    named(".m2/settings.xml", Login, &["<password>", "<privateKey>"]),
    named(".terraformrc", Cloud, &["token"]),
    named("credentials.tfrc.json", Cloud, &["\"token\""]),
    named(
        ".aws/credentials",
        Cloud,
        &["aws_secret_access_key", "aws_session_token"],
    ),
    named(
        "application_default_credentials.json",
        Cloud,
        &["\"refresh_token\"", "\"private_key\""],
    ),
    named(
        ".azure/accessTokens.json",
        Cloud,
        &["\"refreshToken\"", "\"accessToken\""],
    ),
    named(".azure/msal_token_cache.json", Cloud, &["\"secret\""]),
    named(
        ".kube/config",
        Cloud,
        &["token", "client-key-data", "password"],
    ),
    named(
        "etc/kubernetes/admin.conf",
        Cloud,
        &["token", "client-key-data"],
    ),
    named("wp-config.php", Login, &["'DB_PASSWORD'"]),
];

/// Files of addresses with a password in them.
const OF_ADDRESSES: [&str; 4] = [
    ".git-credentials",
    ".git/config",
    "pip.conf",
    ".pip/pip.conf",
];

/// Names of private keys.
const KEYS: [&str; 6] = [
    "id_rsa",
    "id_dsa",
    "id_ecdsa",
    "id_ed25519",
    "id_ecdsa_sk",
    "id_ed25519_sk",
];

/// Endings of files that hold keys, locked.
const KEY_STORES: [&str; 5] = [".p12", ".pfx", ".jks", ".keystore", ".kdbx"];

/// Endings of `.env` files that show what such a file should hold.
const SAMPLES: [&str; 7] = [
    "example", "sample", "template", "dist", "defaults", "test", "schema",
];

/// Whether a file is one of these.
pub(in super::super) fn is_named(path: &str) -> bool {
    sort(path).is_some()
}

/// What a file is by its name.
enum Sort {
    Credentials(&'static Named),
    Addresses,
    Key,
    KeyStore,
    Environment,
    /// All of it is the secret.
    Whole,
    /// The last field of its lines is.
    Fields,
    Shadow,
}

fn sort(path: &str) -> Option<Sort> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let ends = |end: &str| {
        path.strip_suffix(end)
            .is_some_and(|before| before.is_empty() || before.ends_with('/'))
    };
    if let Some(named) = NAMED.iter().find(|named| ends(named.end)) {
        return Some(Sort::Credentials(named));
    }
    if OF_ADDRESSES.into_iter().any(ends) {
        return Some(Sort::Addresses);
    }
    let is_library = || super::is_library(path);
    Some(match name {
        ".vault-token" => Sort::Whole,
        ".pgpass" => Sort::Fields,
        "shadow" | "shadow-" if matches!(path, "etc/shadow" | "etc/shadow-") => Sort::Shadow,
        _ if KEYS.contains(&name) && !is_library() => Sort::Key,
        _ if KEY_STORES.iter().any(|end| name.ends_with(end)) && !is_library() => Sort::KeyStore,
        _ if is_environment(name) && !is_library() => Sort::Environment,
        _ => return None,
    })
}

/// `.env`, `.env.production`, but not `.env.example`.
fn is_environment(name: &str) -> bool {
    let Some(rest) = name.strip_prefix(".env") else {
        return false;
    };
    rest.is_empty()
        || rest
            .strip_prefix('.')
            .is_some_and(|end| !SAMPLES.iter().any(|sample| end.contains(sample)))
}

/// What a named file's content shows; none where it has no credentials.
pub(in super::super) fn look(path: &str, content: &[u8]) -> Option<(DangerKind, String)> {
    let text = String::from_utf8_lossy(content);
    match sort(path)? {
        Sort::Credentials(named) => {
            let value = named.keys.iter().find_map(|key| after(&text, key))?;
            Some((named.kind, masked(value)))
        }
        Sort::Addresses => Some((Login, masked(in_address(&text)?))),
        Sort::Key => Some((DangerKind::PrivateKey, private_key(content)?)),
        Sort::KeyStore => (!content.is_empty()).then(|| (DangerKind::KeyStore, "…".to_owned())),
        Sort::Environment => environment(&text),
        Sort::Whole => Some((
            Login,
            masked(Some(text.trim()).filter(|value| is_value(value))?),
        )),
        Sort::Fields => {
            let fields = text.lines().filter(|line| !line.starts_with('#'));
            let value = fields
                .filter_map(|line| line.splitn(5, ':').nth(4))
                .find(|value| is_value(value))?;
            Some((Login, masked(value)))
        }
        Sort::Shadow => {
            let user = text.lines().find_map(|line| {
                let (user, rest) = line.split_once(':')?;
                rest.starts_with(['$', '_']).then_some(user)
            })?;
            let user: String = user
                .chars()
                .take(32)
                .filter(char::is_ascii_graphic)
                .collect();
            Some((DangerKind::PasswordHash, format!("{user}:…")))
        }
    }
}

/// A file of variables: the first that looks like a secret, else the first of any value.
fn environment(text: &str) -> Option<(DangerKind, String)> {
    let lines = || {
        text.lines()
            .map(str::trim)
            .filter(|line| !line.starts_with('#'))
    };
    let secret = lines().find_map(|line| assigned(line).into_iter().next());
    let shown = match secret {
        Some((name, value)) => masked_assignment(name, value),
        None => {
            let (name, _) = lines()
                .filter_map(|line| line.split_once('='))
                .find(|(_, value)| !value.trim().is_empty())?;
            let name: String = name
                .chars()
                .take(32)
                .filter(|c| c.is_ascii_alphanumeric() || *c == '_')
                .collect();
            format!("{name}=…")
        }
    };
    Some((DangerKind::EnvironmentFile, shown))
}

/// The first value of a text that stands after this word.
fn after<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    text.match_indices(key).find_map(|(at, _)| {
        let rest = &text[at + key.len()..];
        if rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_') {
            return None;
        }
        let rest = rest.trim_start_matches(|c: char| {
            matches!(
                c,
                ' ' | '\t' | ':' | '=' | '>' | '"' | '\'' | ',' | '(' | '-'
            )
        });
        let end = rest
            .find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | ',' | ')'))
            .unwrap_or(rest.len());
        Some(&rest[..end]).filter(|value| is_value(value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(path: &str, content: &str) -> Option<(DangerKind, String)> {
        look(path, content.as_bytes())
    }

    #[test]
    fn credentials_are_found_where_programs_keep_them() {
        for (path, content, kind, excerpt) in [
            (
                "root/.docker/config.json",
                r#"{"auths":{"a":{"auth":"dXNlcjpwYXNzd29yZA=="}}}"#,
                Login,
                "dXNl…",
            ),
            (
                "root/.npmrc",
                "registry=x\n//r/:_authToken=0123456789abcdef\n",
                Login,
                "0123…",
            ),
            (
                "root/.netrc",
                "machine a login b password verylongpassword\n",
                Login,
                "very…",
            ),
            (
                "root/.aws/credentials",
                "[default]\naws_access_key_id = x\naws_secret_access_key = abcdefghijklmnop\n",
                Cloud,
                "abcd…",
            ),
            (
                "root/.git-credentials",
                "https://user:0123456789abcdef@host\n",
                Login,
                "0123…",
            ),
            (
                "root/.pgpass",
                "h:5432:db:user:0123456789abcdef\n",
                Login,
                "0123…",
            ),
            (
                "app/.env",
                "A=1\nDB_PASSWORD=0123456789abcdef\n",
                DangerKind::EnvironmentFile,
                "DB_PASSWORD=0123…",
            ),
            (
                "app/.env.production",
                "A=anything\n",
                DangerKind::EnvironmentFile,
                "A=…",
            ),
            (
                "etc/shadow",
                "root:*:1::\nme:$6$salt$hash:1::\n",
                DangerKind::PasswordHash,
                "me:…",
            ),
            ("app/key.p12", "\u{30}\u{82}", DangerKind::KeyStore, "…"),
        ] {
            assert_eq!(
                shown(path, content),
                Some((kind, excerpt.to_owned())),
                "{path}"
            );
        }
    }

    #[test]
    fn files_without_credentials_are_none() {
        for (path, content) in [
            (
                "root/.docker/config.json",
                r#"{"auths":{"a":{}},"credsStore":"pass"}"#,
            ),
            ("root/.npmrc", "//r/:_authToken=${NPM_TOKEN}\n"),
            ("app/.env.example", "DB_PASSWORD=0123456789abcdef\n"),
            ("app/.env", "# nothing\n\nA=\n"),
            ("etc/shadow", "root:*:1::\nme:!:1::\n"),
            ("root/.ssh/id_rsa", "not a key"),
            ("app/node_modules/a/.env", "DB_PASSWORD=0123456789abcdef\n"),
            ("app/environment", "DB_PASSWORD=0123456789abcdef\n"),
        ] {
            assert_eq!(shown(path, content), None, "{path}");
        }
    }
}
