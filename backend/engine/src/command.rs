//! What a container runs: the image's ENTRYPOINT and CMD, the request's `--entrypoint` and arguments, merged by
//! Docker's rules (Dockerfile reference, "Understand how CMD and ENTRYPOINT interact").

/// The words to execute: entrypoint first, then the arguments.
///
/// - Arguments after the image's name replace CMD, whole.
/// - `--entrypoint` replaces ENTRYPOINT, and drops the image's CMD, which was written for the other program.
/// - `--entrypoint ""` removes the image's ENTRYPOINT.
///
/// Empty where neither the image nor the request says anything.
pub(crate) fn merge_command(
    image_entrypoint: &[String],
    image_cmd: &[String],
    entrypoint: Option<&str>,
    args: &[String],
) -> Vec<String> {
    let (program, default_args): (Vec<String>, &[String]) = match entrypoint {
        Some("") => (Vec::new(), &[]),
        Some(program) => (vec![program.to_owned()], &[]),
        None => (image_entrypoint.to_vec(), image_cmd),
    };
    let args = if args.is_empty() { default_args } else { args };
    program.into_iter().chain(args.iter().cloned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Entrypoint and CMD of the image, `--entrypoint`, arguments, and what comes out; words separated by spaces.
    fn merged(
        image_entrypoint: &str,
        image_cmd: &str,
        entrypoint: Option<&str>,
        args: &str,
    ) -> String {
        let words = |text: &str| {
            text.split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        merge_command(
            &words(image_entrypoint),
            &words(image_cmd),
            entrypoint,
            &words(args),
        )
        .join(" ")
    }

    #[test]
    fn follows_dockers_table() {
        assert_eq!(merged("", "sh", None, ""), "sh");
        assert_eq!(merged("", "sh", None, "echo hi"), "echo hi");
        assert_eq!(merged("node", "index.js", None, ""), "node index.js");
        assert_eq!(
            merged("node", "index.js", None, "other.js"),
            "node other.js"
        );
        assert_eq!(merged("node", "index.js", Some("sh"), ""), "sh");
        assert_eq!(
            merged("node", "index.js", Some("sh"), "-c true"),
            "sh -c true"
        );
        assert_eq!(merged("node", "index.js", Some(""), "true"), "true");
        assert_eq!(merged("node", "index.js", Some(""), ""), "");
        assert_eq!(merged("", "", None, ""), "");
    }
}
