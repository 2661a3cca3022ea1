//! Which line of a Dockerfile made which layer.
//!
//! The instructions of the last stage (and of the stages that it begins with) are laid beside the history of the layers, in
//! order, so that the sum of their likenesses is the highest. A RUN is like the history's only where its command is the same; a
//! COPY or ADD where it leads to the same place. Layers below the first that was found are the base image's, and are put
//! down to its FROM.

use crate::dockerfile::{Command, Dockerfile, Instruction, InstructionKind, resolve_stage};
use crate::image::{ImageAnalysis, LayerView};
use crate::report::split_history;

/// Most instructions that are compared, the last ones: more than four for each layer that an image may have.
const COMPARED_MAX: usize = 2048;

/// What makes layers.
const LAYER_MAKERS: [&str; 4] = ["RUN", "COPY", "ADD", "WORKDIR"];

/// The lines of one Dockerfile, for one image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origins {
    lines: Vec<Option<u32>>,
    user: Option<u32>,
    from: Option<u32>,
}

impl Origins {
    /// Lays a Dockerfile beside an image.
    #[must_use]
    pub fn new(dockerfile: &Dockerfile, analysis: &ImageAnalysis) -> Self {
        let instructions = last_stages(dockerfile);
        let line = |instruction: &Instruction| instruction.span.start.line;
        let named = |name: &'static str| {
            let all = instructions.iter().rev();
            all.copied().find(|instruction| instruction.name == name)
        };
        let mut makers: Vec<_> = instructions
            .iter()
            .copied()
            .filter(|instruction| LAYER_MAKERS.contains(&instruction.name.as_str()))
            .collect();
        makers.drain(..makers.len().saturating_sub(COMPARED_MAX));
        let layers = &analysis.image.layers;
        let mut lines = vec![None; layers.len()];
        for (layer, maker) in align(layers, &makers) {
            lines[layer] = Some(line(makers[maker]));
        }
        // The lowest FROM is the one that brought the base.
        let base = instructions
            .iter()
            .find(|instruction| instruction.name == "FROM");
        if let (Some(first), Some(base)) = (lines.iter().position(Option::is_some), base) {
            lines[..first].fill(Some(line(base)));
        }
        Self {
            lines,
            user: named("USER").map(line),
            from: named("FROM").map(line),
        }
    }

    /// The line that made a layer, from 1.
    #[must_use]
    pub fn line_of_layer(&self, layer: usize) -> Option<u32> {
        self.lines.get(layer).copied().flatten()
    }

    /// The last USER's line; where there is none, the last stage's FROM.
    #[must_use]
    pub fn line_of_user(&self) -> Option<u32> {
        self.user.or(self.from)
    }

    /// Whether no instruction was found to have made a layer: the Dockerfile is another image's, then.
    #[must_use]
    pub fn is_strange(&self) -> bool {
        self.lines.iter().all(Option::is_none)
    }
}

/// The instructions of the last stage, after those of the stages that it begins with.
fn last_stages(dockerfile: &Dockerfile) -> Vec<&Instruction> {
    let mut chain = Vec::new();
    let mut next = dockerfile.stages.last();
    while let Some(stage) = next {
        chain.push(stage);
        // FROM names earlier stages alone, so the chain ends.
        next = resolve_stage(dockerfile, &stage.base.text)
            .filter(|&earlier| earlier < stage.index)
            .and_then(|earlier| dockerfile.stages.get(earlier));
    }
    let lowest_first = chain.into_iter().rev();
    lowest_first.flat_map(|stage| &stage.instructions).collect()
}

/// The pairs of a layer and its instruction for which the likeness is highest in sum, in order.
fn align(layers: &[LayerView], makers: &[&Instruction]) -> Vec<(usize, usize)> {
    let width = makers.len() + 1;
    let histories: Vec<_> = layers
        .iter()
        .map(|layer| History::of(layer.created_by.as_deref().unwrap_or_default()))
        .collect();
    let makers: Vec<_> = makers.iter().map(|maker| Maker::of(maker)).collect();
    let likeness: Vec<u32> = histories
        .iter()
        .flat_map(|history| makers.iter().map(|maker| maker.likeness(history)))
        .collect();
    let like = |layer: usize, maker: usize| likeness[layer * makers.len() + maker];
    // best[l][m]: the highest sum of the layers from l on and the instructions from m on.
    let mut best = vec![0_u32; (layers.len() + 1) * width];
    for layer in (0..layers.len()).rev() {
        for maker in (0..makers.len()).rev() {
            let skipped = best[(layer + 1) * width + maker].max(best[layer * width + maker + 1]);
            let both = match like(layer, maker) {
                0 => 0,
                likeness => likeness + best[(layer + 1) * width + maker + 1],
            };
            best[layer * width + maker] = skipped.max(both);
        }
    }
    let mut pairs = Vec::new();
    let (mut layer, mut maker) = (0, 0);
    while layer < layers.len() && maker < makers.len() {
        let here = best[layer * width + maker];
        // Where two layers are equally like, the upper one is meant: the base's are below.
        if here == best[(layer + 1) * width + maker] {
            layer += 1;
        } else if here == best[layer * width + maker + 1] {
            maker += 1;
        } else {
            pairs.push((layer, maker));
            (layer, maker) = (layer + 1, maker + 1);
        }
    }
    pairs
}

/// What the history says of a layer.
struct History {
    name: String,
    words: Vec<String>,
}

impl History {
    fn of(created_by: &str) -> Self {
        let line = split_history(created_by);
        Self {
            words: words(line.rest),
            name: line.name,
        }
    }
}

/// An instruction, as it is compared.
struct Maker<'a> {
    name: &'a str,
    words: Vec<String>,
    /// Its text holds what the builder replaces, or stands elsewhere.
    is_open: bool,
}

impl<'a> Maker<'a> {
    fn of(instruction: &'a Instruction) -> Self {
        let text = match &instruction.kind {
            InstructionKind::Run(Command::Exec(parts)) => parts.join(" "),
            InstructionKind::Copy {
                sources,
                destination,
            } => {
                let all = sources.iter().chain([destination]);
                all.map(|word| word.text.as_str())
                    .collect::<Vec<_>>()
                    .join(" ")
            }
            _ => instruction.text.clone(),
        };
        let is_run = instruction.name == "RUN";
        Self {
            name: &instruction.name,
            // The shell replaces what a RUN holds, and the history has it as written.
            is_open: !instruction.heredocs.is_empty() || (!is_run && text.contains('$')),
            words: words(&text),
        }
    }

    /// 0 for what can't be, more for what is more alike.
    fn likeness(&self, history: &History) -> u32 {
        const SAME: u32 = 8;
        const SAME_PLACE: u32 = 4;
        const MAY_BE: u32 = 1;
        if self.name != history.name {
            return 0;
        }
        // Before a RUN's command, the history may have a shell of its own.
        if !self.words.is_empty() && history.words.ends_with(&self.words) {
            return SAME;
        }
        let place = |words: &[String]| {
            words
                .last()
                .map(|word| word.trim_end_matches('/').to_owned())
        };
        let goes_to_a_place = matches!(self.name, "COPY" | "ADD");
        if goes_to_a_place && place(&self.words) == place(&history.words) {
            return SAME_PLACE;
        }
        if self.is_open { MAY_BE } else { 0 }
    }
}

/// The words of a text; quotes, brackets and commas of the JSON form don't count.
fn words(text: &str) -> Vec<String> {
    let is_json = text.trim_start().starts_with('[');
    let bare = text.split_whitespace().map(|word| match is_json {
        true => word.trim_matches(['[', ']', '"', ',']).to_owned(),
        false => word.to_owned(),
    });
    bare.filter(|word| !word.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dockerfile::parse;

    fn layer(index: usize, created_by: &str) -> LayerView {
        LayerView {
            index,
            digest: String::new(),
            diff_id: String::new(),
            verified: true,
            compression: "none".into(),
            size_bytes: 0,
            uncompressed_bytes: 0,
            created_by: Some(created_by.into()),
            added: 0,
            changed: 0,
            removed: 0,
            entries: Vec::new(),
        }
    }

    fn origins(dockerfile: &str, history: &[&str]) -> Origins {
        let layers = history.iter().enumerate();
        let mut analysis = super::super::empty_analysis();
        analysis.image.layers = layers.map(|(index, text)| layer(index, text)).collect();
        Origins::new(&parse(dockerfile).0, &analysis)
    }

    #[test]
    fn each_builders_history_leads_to_its_lines() {
        let dockerfile = "FROM node:20 AS base\nWORKDIR /app\nCOPY package*.json ./\nRUN npm ci \\\n  --omit=dev\n\nFROM base\nARG REV\nCOPY . /app/$REV\nUSER node\nCMD [\"node\"]\n";
        for history in [
            [
                "/bin/sh -c #(nop) ADD file:1 in / ",
                "/bin/sh -c #(nop) WORKDIR /app",
                "/bin/sh -c #(nop) COPY multi:2 in ./ ",
                "/bin/sh -c npm ci   --omit=dev",
                "/bin/sh -c #(nop) COPY dir:3 in /app/7 ",
            ],
            [
                "RUN /bin/sh -c apt-get update # buildkit",
                "WORKDIR /app",
                "COPY package*.json ./ # buildkit",
                "RUN /bin/sh -c npm ci   --omit=dev # buildkit",
                "COPY . /app/7 # buildkit",
            ],
            [
                "ADD debian-12-bookworm /",
                "WORKDIR /app",
                "COPY package*.json ./",
                "RUN |1 REV=7 /bin/sh -c npm ci --omit=dev",
                "COPY . /app/7",
            ],
        ] {
            let origins = origins(dockerfile, &history);
            let lines: Vec<_> = (0..5).map(|layer| origins.line_of_layer(layer)).collect();
            assert_eq!(lines, [1, 2, 3, 4, 9].map(Some), "{history:?}");
            assert_eq!(origins.line_of_user(), Some(10));
            assert!(!origins.is_strange());
        }
    }

    #[test]
    fn of_equal_instructions_the_upper_layers_are_meant() {
        let history = ["RUN make", "RUN make", "RUN make"];
        let origins = origins("FROM x\nRUN make\nRUN make\n", &history);
        let lines: Vec<_> = (0..3).map(|layer| origins.line_of_layer(layer)).collect();
        assert_eq!(lines, [1, 2, 3].map(Some));
        assert_eq!(origins.line_of_user(), Some(1));
    }

    #[test]
    fn another_images_dockerfile_names_no_line() {
        let origins = origins("FROM x\nRUN other\nCOPY a /b\n", &["RUN make", "COPY a /c"]);
        assert!(origins.is_strange());
        assert_eq!(origins.line_of_layer(0), None);
        assert_eq!(origins.line_of_layer(9), None);
    }

    #[test]
    fn what_no_instruction_made_is_left_without_a_line() {
        let history = ["base", "RUN one", "something else", "RUN two"];
        let origins = origins("FROM x\nRUN one\nRUN two\n", &history);
        let lines: Vec<_> = (0..4).map(|layer| origins.line_of_layer(layer)).collect();
        assert_eq!(lines, [Some(1), Some(2), None, Some(3)]);
    }

    #[test]
    fn any_text_is_a_dockerfile_without_a_layer() {
        for text in ["", "FROM", "RUN x", "FROM a\nFROM a\nFROM 0"] {
            assert!(origins(text, &["RUN make"]).is_strange(), "{text:?}");
        }
        assert!(origins("FROM x\nRUN a", &[]).is_strange());
    }
}
