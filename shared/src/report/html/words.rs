//! The names and explanations of a report's stable codes, in both languages. A code that is not known here is shown as it is.

use super::{both, text};

/// What a cause of waste is called, and what it means.
pub(super) fn cause(code: &str) -> (String, String) {
    match code {
        "deleted_folder" => (
            both("Folders removed later", "Pastas removidas depois"),
            both(
                "Shipped in one layer, removed with their folder by a later one.",
                "Vão em uma camada e são removidos com a pasta por outra.",
            ),
        ),
        "opaque_folder" => (
            both("Folders emptied later", "Pastas esvaziadas depois"),
            both(
                "A later layer hides all that their folder held.",
                "Uma camada posterior esconde tudo o que a pasta tinha.",
            ),
        ),
        "deleted_file" => (
            both("Files removed later", "Arquivos removidos depois"),
            both(
                "Shipped in one layer, removed by a later one.",
                "Vão em uma camada e são removidos por outra.",
            ),
        ),
        "metadata_only" => (
            both("Copied for their metadata", "Copiados pelos metadados"),
            both(
                "The same content ships twice: only owner, mode or time changed.",
                "O mesmo conteúdo vai duas vezes: mudou apenas dono, permissão ou data.",
            ),
        ),
        "overwritten" => (
            both("Overwritten later", "Sobrescritos depois"),
            both(
                "A later layer ships another version of them.",
                "Uma camada posterior traz outra versão deles.",
            ),
        ),
        "duplicate_content" => (
            both(
                "The same content in several places",
                "O mesmo conteúdo em vários lugares",
            ),
            both(
                "Other copies of files that stay.",
                "Outras cópias de arquivos que ficam.",
            ),
        ),
        "package_cache" => (
            both(
                "Left by package managers",
                "Deixado por gerenciadores de pacotes",
            ),
            both(
                "Caches that nothing needs at run time.",
                "Caches de que nada precisa em execução.",
            ),
        ),
        "leftover_archive" => (
            both("Archives left behind", "Arquivos compactados esquecidos"),
            both(
                "Archives where sources and temporary files lie.",
                "Arquivos compactados onde ficam fontes e temporários.",
            ),
        ),
        other => (text(other), String::new()),
    }
}

/// What is said of something that a report leaves out.
pub(super) fn left_out(code: &str) -> String {
    match code {
        "env-values" => both(
            "The values of environment variables; only their names are here.",
            "Os valores das variáveis de ambiente; aqui só estão os nomes.",
        ),
        "label-values" => both("The values of labels.", "Os valores das labels."),
        "arg-values" => both(
            "The values of build arguments, also where a command recorded them.",
            "Os valores dos argumentos de build, também onde um comando os registrou.",
        ),
        "run-text" => both(
            "The text of RUN instructions.",
            "O texto das instruções RUN.",
        ),
        "command-text" => both(
            "The text of CMD, ENTRYPOINT, HEALTHCHECK and SHELL.",
            "O texto de CMD, ENTRYPOINT, HEALTHCHECK e SHELL.",
        ),
        "file-content" => both(
            "The content of every file; only paths and sizes are here.",
            "O conteúdo de todos os arquivos; aqui só estão caminhos e tamanhos.",
        ),
        "over-limits" => both(
            "Lists that are longer than a report may be: their ends.",
            "O fim das listas que são mais longas do que cabe num relatório.",
        ),
        other => text(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::WASTE_CAUSES;

    #[test]
    fn every_cause_of_waste_has_words() {
        for code in WASTE_CAUSES {
            let (name, meaning) = cause(code);
            assert!(name != text(code) && !meaning.is_empty(), "{code}");
        }
    }
}
