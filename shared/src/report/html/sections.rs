//! The page's parts, in their order: overview, layers, largest files, waste, configuration, build, what is left out.

use super::words;
use super::{both, duration, meter, share, size, text};
use crate::report::{Report, ReportFile, ReportInstruction, ReportLayer};

/// Colours that layers take in turn.
const COLOURS: usize = 6;

/// The figures, and the layers side by side as cargo in a hull.
pub(super) fn overview(report: &Report) -> String {
    let largest = report.layers.iter().max_by_key(|layer| layer.size_bytes);
    let mut tiles = vec![
        tile(
            "",
            &both("Size, uncompressed", "Tamanho, sem compressão"),
            &size(report.size_bytes),
            "",
        ),
        tile(
            "",
            &both("Layers", "Camadas"),
            &report.layers.len().to_string(),
            &largest_note(largest),
        ),
    ];
    let waste = report.waste.reclaimable_bytes;
    let of_all = format!("{}%", percent(waste, report.size_bytes));
    let note = both(
        &format!("{of_all} of the image"),
        &format!("{of_all} da imagem"),
    );
    let class = if waste > 0 { " warn" } else { "" };
    tiles.push(tile(
        class,
        &both("Could be saved", "Dá para economizar"),
        &size(waste),
        &note,
    ));
    if let Some(build) = &report.build {
        let cached = build.steps.iter().filter(|step| step.cached).count();
        let steps = build.steps.len();
        let note = both(
            &format!("{steps} steps, {cached} from cache"),
            &format!("{steps} passos, {cached} do cache"),
        );
        tiles.push(tile(
            "",
            &both("Build", "Build"),
            &duration(build.duration_ms),
            &note,
        ));
    }
    format!(
        "<section class=\"card\">\n<dl class=\"tiles\">{}</dl>\n{}</section>\n",
        tiles.concat(),
        hold(report)
    )
}

fn tile(class: &str, title: &str, value: &str, note: &str) -> String {
    format!(
        "<div class=\"tile{class}\"><dt>{title}</dt><dd>{value}<span class=\"note\">{note}</span></dd></div>"
    )
}

fn largest_note(layer: Option<&ReportLayer>) -> String {
    let Some(layer) = layer else {
        return String::new();
    };
    both(
        &format!("the largest has {}", size(layer.size_bytes)),
        &format!("a maior tem {}", size(layer.size_bytes)),
    )
}

/// Whole percents; something that is there is never 0.
fn percent(part: u64, whole: u64) -> String {
    let percent = u128::from(part) * 100 / u128::from(whole.max(1));
    if percent == 0 && part > 0 {
        "&lt;1".to_owned()
    } else {
        percent.to_string()
    }
}

/// The layers as blocks whose widths are their sizes.
fn hold(report: &Report) -> String {
    let total: u64 = report
        .layers
        .iter()
        .fold(0, |sum, layer| sum.saturating_add(layer.size_bytes));
    if total == 0 {
        return String::new();
    }
    let mut blocks = String::new();
    let mut left = 0;
    for (number, layer) in report.layers.iter().enumerate() {
        let width = share(layer.size_bytes, total);
        let title = format!("{number}: {}", crate::text::human_bytes(layer.size_bytes));
        let colour = number % COLOURS;
        blocks.push_str(&format!(
            "<rect class=\"f{colour}\" x=\"{left}\" width=\"{}\" height=\"60\"><title>{title}</title></rect>",
            width.saturating_sub(2).max(1),
        ));
        left += width;
    }
    let label = both("Layers by size", "Camadas por tamanho");
    // Traces of tiny layers may add up to more than the whole: the box grows with them.
    let end = left.max(1000);
    format!(
        "<figure class=\"hold\"><figcaption class=\"hidden\" id=\"by-size\">{label}</figcaption><svg viewBox=\"0 0 {end} 60\" preserveAspectRatio=\"none\" role=\"img\" aria-labelledby=\"by-size\">{blocks}</svg><div class=\"water\"></div></figure>\n",
    )
}

/// Every instruction in order, with the layer that it made.
pub(super) fn layers(report: &Report) -> String {
    let largest = report
        .layers
        .iter()
        .map(|layer| layer.size_bytes)
        .max()
        .unwrap_or(0);
    let mut rows = String::new();
    let mut shown = vec![false; report.layers.len()];
    for (index, instruction) in report.instructions.iter().enumerate() {
        let made = report
            .layers
            .iter()
            .enumerate()
            .filter(|(_, layer)| layer.instruction == Some(index));
        let mut is_empty = true;
        for (number, layer) in made {
            is_empty = false;
            shown[number] = true;
            rows.push_str(&layer_row(number, layer, Some(instruction), largest));
        }
        if is_empty {
            rows.push_str(&format!(
                "<li class=\"slim\"><div class=\"row\"><span class=\"no\">·</span>{}<span class=\"size\"><span class=\"tag\">{}</span></span></div></li>\n",
                instruction_of(instruction),
                both("no layer", "sem camada"),
            ));
        }
    }
    for (number, layer) in report
        .layers
        .iter()
        .enumerate()
        .filter(|(number, _)| !shown[*number])
    {
        rows.push_str(&layer_row(number, layer, None, largest));
    }
    section(
        &both("Layers", "Camadas"),
        &both(
            "From the base up, each with the instruction that made it. Bars compare sizes, uncompressed.",
            "Da base para cima, cada uma com a instrução que a fez. As barras comparam tamanhos, sem compressão.",
        ),
        &format!("<ol class=\"steps\">\n{rows}</ol>\n"),
    )
}

fn layer_row(
    number: usize,
    layer: &ReportLayer,
    instruction: Option<&ReportInstruction>,
    largest: u64,
) -> String {
    let instruction = instruction.map_or_else(
        || {
            format!(
                "<span class=\"ins\"><span class=\"tag\">{}</span></span>",
                both("no history", "sem histórico")
            )
        },
        instruction_of,
    );
    let facts = both(
        &counts(
            layer,
            ["added", "added"],
            ["changed", "changed"],
            ["removed", "removed"],
        ),
        &counts(
            layer,
            ["adicionado", "adicionados"],
            ["alterado", "alterados"],
            ["removido", "removidos"],
        ),
    );
    let files = match layer.largest_files.is_empty() {
        true => String::new(),
        false => format!(
            "<details><summary>{}</summary><table class=\"files\"><tbody>{}</tbody></table></details>",
            both(
                "Largest files of this layer",
                "Maiores arquivos desta camada"
            ),
            file_rows(&layer.largest_files, false),
        ),
    };
    format!(
        "<li><div class=\"row\"><span class=\"no\"><b>{}</b></span>{instruction}<span class=\"size\">{}</span>{}<div class=\"facts\">{facts}<code class=\"id\">{}</code></div>{files}</div></li>\n",
        number,
        size(layer.size_bytes),
        meter(layer.size_bytes, largest, &format!("f{}", number % COLOURS)),
        text(&layer.diff_id),
    )
}

/// What a layer did, in one language's words for one and for several; what it did not do is not said.
fn counts(layer: &ReportLayer, added: [&str; 2], changed: [&str; 2], removed: [&str; 2]) -> String {
    let words = [
        (layer.added, added),
        (layer.changed, changed),
        (layer.removed, removed),
    ];
    let told = words
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, [one, several])| {
            format!(
                "<span>{count} {}</span> ",
                if *count == 1 { one } else { several }
            )
        });
    told.collect()
}

fn instruction_of(instruction: &ReportInstruction) -> String {
    let hidden = match instruction.redacted && instruction.text.is_empty() {
        true => format!(
            "<span class=\"tag\">{}</span>",
            both("text left out", "texto omitido")
        ),
        false => String::new(),
    };
    format!(
        "<span class=\"ins\"><b>{}</b><code>{}</code>{hidden}</span>",
        text(&instruction.name),
        text(&instruction.text)
    )
}

/// The largest files of the merged tree.
pub(super) fn largest_files(report: &Report) -> String {
    if report.largest_files.is_empty() {
        return String::new();
    }
    section(
        &both("Largest files", "Maiores arquivos"),
        &both(
            "As a container sees them, with all layers in place.",
            "Como um contêiner os vê, com todas as camadas no lugar.",
        ),
        &format!(
            "<table class=\"files\"><thead><tr><th>{}</th><th class=\"n\">{}</th><th class=\"n\">{}</th></tr></thead><tbody>{}</tbody></table>\n",
            both("Path", "Caminho"),
            both("Layer", "Camada"),
            both("Size", "Tamanho"),
            file_rows(&report.largest_files, true),
        ),
    )
}

fn file_rows(files: &[ReportFile], with_layer: bool) -> String {
    let rows = files.iter().map(|file| {
        let layer = if with_layer {
            format!("<td class=\"n\">{}</td>", file.layer)
        } else {
            String::new()
        };
        format!(
            "<tr><td>/{}</td>{layer}<td class=\"n\">{}</td></tr>\n",
            text(&file.path),
            size(file.size_bytes)
        )
    });
    rows.collect()
}

/// What could be saved, by cause.
pub(super) fn waste(report: &Report) -> String {
    let mut by_size: Vec<_> = report.waste.by_cause.iter().collect();
    by_size.sort_by_key(|cause| std::cmp::Reverse(cause.reclaimable_bytes));
    let causes = by_size.into_iter().map(|cause| {
        let (name, meaning) = words::cause(&cause.cause);
        let count = cause.files;
        let files = match count {
            1 => both("1 file", "1 arquivo"),
            _ => both(&format!("{count} files"), &format!("{count} arquivos")),
        };
        format!(
            "<div class=\"cause\"><div class=\"head\"><span>{name}</span><span class=\"sum\">{}</span></div><p>{meaning}</p>{}\
             <details><summary>{files}</summary><table class=\"files\"><tbody>{}</tbody></table></details></div>\n",
            size(cause.reclaimable_bytes),
            meter(cause.reclaimable_bytes, report.waste.reclaimable_bytes, "fw"),
            file_rows(&cause.largest_files, false),
        )
    });
    let causes: String = causes.collect();
    let body = match causes.is_empty() {
        true => format!(
            "<p class=\"good\">{}</p>\n",
            both(
                "Nothing: every byte is needed.",
                "Nada: todos os bytes são necessários."
            )
        ),
        false => format!("<div class=\"causes\">{causes}</div>\n"),
    };
    section(
        &both("What could be saved", "O que dá para economizar"),
        &both(
            "Bytes that ship hidden, twice or for nothing.",
            "Bytes que vão na imagem escondidos, repetidos ou à toa.",
        ),
        &body,
    )
}

/// The configuration's names.
pub(super) fn config(report: &Report) -> String {
    let config = &report.config;
    let list = |title: String, names: &mut dyn Iterator<Item = &String>| {
        let names: String = names
            .map(|name| format!("<code>{}</code>", text(name)))
            .collect();
        if names.is_empty() {
            names
        } else {
            format!("<dt>{title}</dt><dd>{names}</dd>")
        }
    };
    let body = [
        list(both("User", "Usuário"), &mut config.user.iter()),
        list(
            both("Working directory", "Diretório de trabalho"),
            &mut config.working_dir.iter(),
        ),
        list(both("Ports", "Portas"), &mut config.exposed_ports.iter()),
        list(
            both("Environment variables", "Variáveis de ambiente"),
            &mut config.env_names.iter(),
        ),
        list(both("Labels", "Labels"), &mut config.label_names.iter()),
    ];
    let body = match body.concat() {
        nothing if nothing.is_empty() => format!(
            "<p class=\"lead\">{}</p>\n",
            both("Nothing is set.", "Nada foi definido.")
        ),
        body => format!("<dl class=\"names\">{body}</dl>\n"),
    };
    section(
        &both("Configuration", "Configuração"),
        &both(
            "What containers start with: names, without values.",
            "Com o que os contêineres iniciam: nomes, sem valores.",
        ),
        &body,
    )
}

/// The build's timings.
pub(super) fn build(report: &Report) -> String {
    let Some(build) = &report.build else {
        return String::new();
    };
    let longest = build
        .steps
        .iter()
        .map(|step| step.duration_ms)
        .max()
        .unwrap_or(0);
    let rows = build.steps.iter().map(|step| {
        let cached = if step.cached { format!(" <span class=\"tag hit\">{}</span>", both("cached", "do cache")) } else { String::new() };
        let layer = step.layer_bytes.map(|bytes| {
            let told = both(&format!("layer of {}", size(bytes)), &format!("camada de {}", size(bytes)));
            format!("<span>{told}</span>")
        });
        format!(
            "<li><div class=\"row\"><span class=\"no\"></span>{}<span class=\"size\">{}</span>{}<div class=\"facts\"><span>{}</span>{}{cached}</div></div></li>\n",
            instruction_of(&step.instruction),
            duration(step.duration_ms),
            meter(step.duration_ms, longest, if step.cached { "fc" } else { "fs" }),
            both(&format!("stage {}", text(&step.stage)), &format!("estágio {}", text(&step.stage))),
            layer.unwrap_or_default(),
        )
    });
    let rows: String = rows.collect();
    section(
        &both("Build", "Build"),
        &both("How long each step took.", "Quanto tempo cada passo levou."),
        &format!("<ol class=\"steps\">\n{rows}</ol>\n"),
    )
}

/// What the report does not say.
pub(super) fn left_out(report: &Report) -> String {
    const SIGN: &str = "<svg viewBox=\"0 0 20 20\" fill=\"none\" stroke=\"currentColor\" stroke-width=\"1.8\" aria-hidden=\"true\"><rect x=\"4\" y=\"9\" width=\"12\" height=\"8\" rx=\"2\"/><path d=\"M7 9V6.5a3 3 0 0 1 6 0V9\"/></svg>";
    let lines: String = report
        .left_out
        .iter()
        .map(|code| format!("<li>{SIGN}<span>{}</span></li>\n", words::left_out(code)))
        .collect();
    section(
        &both("What is left out", "O que ficou de fora"),
        &both(
            "A report lists what it may show; everything else stays with the image's owner.",
            "Um relatório lista o que pode mostrar; todo o resto fica com quem tem a imagem.",
        ),
        &format!("<ul class=\"left\">\n{lines}</ul>\n"),
    )
}

fn section(title: &str, lead: &str, body: &str) -> String {
    format!(
        "<section class=\"card\">\n<h2>{title}</h2>\n<p class=\"lead\">{lead}</p>\n{body}</section>\n"
    )
}
