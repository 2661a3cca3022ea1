//! A container's environment: what every container has, the image's, and `-e`, later ones winning in place.

use crate::EngineError;

/// The PATH of an image that sets none, as Docker's and the OCI's image tools have it.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The longest `NAME=value`, in bytes: the kernel's MAX_ARG_STRLEN, less the final NUL (execve(2)).
const VARIABLE_BYTES_MAX: usize = (128 << 10) - 1;

/// The environment as `NAME=value`. HOME is not here: only the container's own /etc/passwd knows it, and the runtime
/// sets it from there where no one else does.
///
/// # Errors
/// [`EngineError::BadRequest`] for a name that is empty or holds `=`, and for a NUL anywhere in `-e`.
pub(crate) fn merge_environment(
    image: &[String],
    hostname: &str,
    asked: &[(String, String)],
) -> Result<Vec<String>, EngineError> {
    let mut merged: Vec<(String, String)> = vec![
        ("PATH".into(), DEFAULT_PATH.into()),
        ("HOSTNAME".into(), hostname.into()),
    ];
    for variable in image {
        // An image's variable without `=`, or with a NUL, can't be passed on, and is no reason to refuse the image.
        if let Some((name, value)) = variable.split_once('=')
            && is_usable(name, value)
        {
            set(&mut merged, name, value);
        }
    }
    for (name, value) in asked {
        check(name, value)?;
        set(&mut merged, name, value);
    }
    Ok(merged
        .into_iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect())
}

/// Adds to an environment of `NAME=value` lines, as `exec -e` does to its container's.
///
/// # Errors
/// As for [`merge_environment`].
pub(crate) fn extend_environment(
    env: &[String],
    asked: &[(String, String)],
) -> Result<Vec<String>, EngineError> {
    let split = |variable: &String| {
        let (name, value) = variable.split_once('=').unwrap_or((variable, ""));
        (name.to_owned(), value.to_owned())
    };
    let mut merged: Vec<(String, String)> = env.iter().map(split).collect();
    for (name, value) in asked {
        check(name, value)?;
        set(&mut merged, name, value);
    }
    Ok(merged
        .into_iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect())
}

fn check(name: &str, value: &str) -> Result<(), EngineError> {
    if is_usable(name, value) {
        return Ok(());
    }
    Err(EngineError::BadRequest {
        what: "--env",
        expected: "NAME=value of less than 128 KiB, without a NUL, its name not empty",
        found: name.chars().take(64).collect(),
    })
}

fn is_usable(name: &str, value: &str) -> bool {
    !name.is_empty()
        && !name.contains(['=', '\0'])
        && !value.contains('\0')
        && name.len() + 1 + value.len() <= VARIABLE_BYTES_MAX
}

fn set(merged: &mut Vec<(String, String)>, name: &str, value: &str) {
    match merged.iter_mut().find(|(known, _)| known == name) {
        Some((_, old)) => value.clone_into(old),
        None => merged.push((name.to_owned(), value.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn later_ones_win_in_place() {
        let image = [
            "PATH=/bin".to_owned(),
            "A=1".to_owned(),
            "broken".to_owned(),
            "EMPTY=".to_owned(),
        ];
        let env = merge_environment(&image, "abc", &[pair("A", "2=2"), pair("B", "")]).unwrap();
        assert_eq!(env, ["PATH=/bin", "HOSTNAME=abc", "A=2=2", "EMPTY=", "B="]);
    }

    #[test]
    fn an_image_without_a_path_gets_the_usual_one() {
        let env = merge_environment(&[], "abc", &[]).unwrap();
        assert_eq!(
            env,
            [format!("PATH={DEFAULT_PATH}"), "HOSTNAME=abc".to_owned()]
        );
    }

    #[test]
    fn refuses_what_execve_could_not_take() {
        let long = "x".repeat(VARIABLE_BYTES_MAX);
        for (name, value) in [
            ("", "x"),
            ("A=B", "x"),
            ("A\0", "x"),
            ("A", "x\0"),
            ("A", long.as_str()),
        ] {
            assert_eq!(
                merge_environment(&[], "h", &[pair(name, value)])
                    .unwrap_err()
                    .code(),
                "bad-request"
            );
        }
    }

    #[test]
    fn exec_adds_to_the_containers() {
        let env =
            extend_environment(&["A=1".to_owned(), "B=x=y".to_owned()], &[pair("A", "2")]).unwrap();
        assert_eq!(env, ["A=2", "B=x=y"]);
    }
}
