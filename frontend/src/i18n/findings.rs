//! What the most frequent findings about a Dockerfile mean, by their code.
//!
//! The parser writes its messages in English. Where the page speaks another language, a sentence of this table stands
//! above them: it says what is wrong, and the parser's own message what was found.

use super::Language;

/// The sentences: code, Portuguese.
const MEANINGS: &[(&str, &str)] = &[
    ("unknown-instruction", "Esta instrução não existe."),
    ("missing-argument", "Falta um argumento nesta instrução."),
    (
        "unexpected-argument",
        "Há um argumento a mais, ou no lugar errado.",
    ),
    ("unknown-flag", "Esta instrução não tem esta opção."),
    ("duplicate-flag", "A mesma opção foi dada duas vezes."),
    (
        "flag-without-value",
        "Esta opção precisa de um valor, como em --opção=valor.",
    ),
    ("bad-flag-value", "Esta opção não aceita este valor."),
    (
        "no-from",
        "Um Dockerfile começa com FROM; só ARG pode vir antes.",
    ),
    (
        "before-from",
        "Esta instrução vem antes do primeiro FROM; ali só ARG é aceito.",
    ),
    (
        "bad-port",
        "Uma porta é um número de 1 a 65535, seguido ou não de /tcp ou /udp.",
    ),
    (
        "bad-expansion",
        "Uma variável está escrita de um jeito que não pode ser lido; use ${NOME}.",
    ),
    (
        "bad-stage-name",
        "O nome do estágio tem um caractere que não é aceito.",
    ),
    (
        "reserved-stage-name",
        "Este nome é reservado e não pode ser o de um estágio.",
    ),
    (
        "duplicate-stage-name",
        "Dois estágios têm o mesmo nome; vale o último.",
    ),
    (
        "bad-copy-source",
        "O estágio do --from não existe, ou não vem antes deste.",
    ),
    (
        "unknown-stage",
        "Nenhum estágio tem este nome, mas um parecido existe; será lido como nome de imagem.",
    ),
    (
        "not-json",
        "Parece uma lista JSON, mas não é; será lida como comando do shell.",
    ),
    (
        "json-not-strings",
        "Uma lista JSON aqui só pode ter textos entre aspas duplas.",
    ),
    (
        "empty-continuation",
        "Há uma linha vazia no meio de uma instrução que continua.",
    ),
    (
        "late-directive",
        "Esta diretiva só vale nas primeiras linhas do arquivo; aqui é um comentário.",
    ),
    (
        "unterminated-heredoc",
        "O heredoc não termina: falta a linha que o fecha.",
    ),
    (
        "not-built",
        "O Estiva lê esta instrução, mas não a constrói.",
    ),
];

/// What a finding means, in a language that is not the parser's own; nothing for a code that has no sentence.
pub fn meaning(language: Language, code: &str) -> Option<&'static str> {
    match language {
        Language::English => None,
        Language::Portuguese => MEANINGS
            .iter()
            .find(|(known, _)| *known == code)
            .map(|(_, text)| *text),
    }
}

/// What went wrong between the page and its server, said by the page itself: code, Portuguese. The server's own messages
/// are English in every language.
const TROUBLES: &[(&str, &str)] = &[
    ("unreachable", "o servidor não responde"),
    ("ended", "o servidor encerrou esta lista"),
    (
        "ended-early",
        "esperava-se o último evento da construção, mas o fim veio antes",
    ),
    (
        "pull-ended-early",
        "esperava-se o último evento do download, mas o fim veio antes",
    ),
    (
        "unpackable",
        "esperava-se uma pasta que possa ser empacotada, mas um dos caminhos não pode",
    ),
    (
        "too-long",
        "a mensagem é mais longa do que o servidor aceita",
    ),
];

/// The page's own sentence for a failure, in a language that is not English.
pub fn trouble(language: Language, code: &str) -> Option<&'static str> {
    match language {
        Language::English => None,
        Language::Portuguese => TROUBLES
            .iter()
            .find(|(known, _)| *known == code)
            .map(|(_, text)| *text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::Sample;

    #[test]
    fn what_the_page_itself_has_to_say_is_said_in_portuguese() {
        assert_eq!(
            trouble(Language::Portuguese, "unreachable"),
            Some("o servidor não responde")
        );
        assert_eq!(trouble(Language::English, "unreachable"), None);
        assert_eq!(trouble(Language::Portuguese, "unknown-image"), None);
    }

    #[test]
    fn every_finding_of_the_sample_with_mistakes_is_explained_in_portuguese() {
        let (_, findings) =
            estiva_shared::dockerfile::parse(Sample::Mistakes.text(Language::Portuguese));
        let codes: Vec<&str> = findings
            .iter()
            .map(|finding| finding.code.as_str())
            .collect();
        assert_eq!(
            codes,
            [
                "missing-argument",
                "unknown-instruction",
                "bad-port",
                "unknown-stage",
                "not-json"
            ]
        );
        for finding in &findings {
            assert!(
                meaning(Language::Portuguese, &finding.code).is_some(),
                "{}",
                finding.code
            );
            assert_eq!(meaning(Language::English, &finding.code), None);
        }
    }
}
