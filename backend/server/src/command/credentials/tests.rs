//! Files as Docker writes them, and what is made of them.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::*;

fn at_path(folder: &Path, text: &str) -> Credentials {
    let path = folder.join("config.json");
    fs::write(&path, text).unwrap();
    Credentials::read(path).unwrap()
}

fn password(credentials: &Credentials, name: &str) -> Option<(String, String)> {
    let found = credentials.for_image(name).unwrap()?;
    match found.login {
        RegistryLogin::Password { username, password } => {
            Some((username, password.reveal().to_owned()))
        }
        other => panic!("{other:?}"),
    }
}

fn pair(username: &str, password: &str) -> Option<(String, String)> {
    Some((username.to_owned(), password.to_owned()))
}

#[test]
fn each_registry_gets_its_own_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let hub = STANDARD.encode("ada:correct:horse");
    let old = STANDARD.encode("eve:x");
    let credentials = at_path(
        folder.path(),
        &format!(
            r#"{{"auths": {{"https://index.docker.io/v1/": {{"auth": "{hub}"}},
               "https://old.example/v2/": {{"auth": "{old}"}},
               "token.example": {{"identitytoken": "t"}},
               "broken.example": {{"auth": "%%%"}}, "empty.example": {{}}}},
               "HttpHeaders": {{"X": "y"}}}}"#
        ),
    );
    assert_eq!(
        password(&credentials, "node:20"),
        pair("ada", "correct:horse")
    );
    assert_eq!(password(&credentials, "old.example/a/b"), pair("eve", "x"));
    for name in [
        "other.example/a",
        "old.example:5000/a",
        "evil-old.example/a",
        "broken.example/a",
        "empty.example/a",
        "NOT A NAME",
    ] {
        assert_eq!(password(&credentials, name), None, "{name}");
    }
    let token = credentials.for_registry("token.example").unwrap().unwrap();
    assert!(matches!(token.login, RegistryLogin::IdentityToken { .. }));
}

#[test]
fn a_login_is_written_for_its_owner_alone_and_leaves_the_rest_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let text = r#"{"auths": {"other.example": {"auth": "eDp5"}}, "psFormat": "x", "detachKeys": "ctrl-q"}"#;
    let credentials = at_path(folder.path(), text);
    let path = folder.path().join("config.json");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    credentials.keep(HUB, "ada", &Secret::new("p:w")).unwrap();
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let again = Credentials::read(path.clone()).unwrap();
    assert_eq!(password(&again, "node"), pair("ada", "p:w"));
    assert_eq!(password(&again, "other.example/x"), pair("x", "y"));
    let whole: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    assert_eq!(whole["psFormat"], "x");
    assert_eq!(whole["detachKeys"], "ctrl-q");
    assert!(again.forget(HUB).unwrap());
    let again = Credentials::read(path).unwrap();
    assert_eq!(password(&again, "node"), None);
    assert!(!again.forget(HUB).unwrap());
    assert_eq!(password(&again, "other.example/x"), pair("x", "y"));
    let names: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(names.len(), 1, "no file on its way stays");
}

#[test]
fn a_file_that_is_no_json_is_told_without_a_word_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.json");
    fs::write(&path, "{\"auths\": {\"a\": {\"auth\": s3cret}}}").unwrap();
    let message = Credentials::read(path).unwrap_err().message;
    assert!(
        message.contains("line 1") && !message.contains("s3cret"),
        "{message}"
    );
    assert!(Credentials::read(folder.path().join("none")).is_ok());
}

#[test]
fn a_helpers_name_is_a_word_and_one_that_is_not_there_is_told() {
    let folder = tempfile::tempdir().unwrap();
    for helper in ["../evil", "a b", "estiva-test-is-not-there"] {
        let text = format!(r#"{{"credsStore": "{helper}"}}"#);
        let credentials = at_path(folder.path(), &text);
        let message = credentials.for_image("node").unwrap_err().message;
        assert!(message.contains(helper), "{message}");
    }
}
