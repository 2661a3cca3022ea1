//! What an image would weigh without something, and a Dockerfile with patches.

super::texts! {
    /// What an image would weigh without something, and a Dockerfile with patches.
    WhatIfTexts {
        open: "What if …", "E se …";
        open_title: "Tick files, folders, layers or waste, and see what the image would weigh without them", "Marque arquivos, pastas, camadas ou desperdício e veja quanto a imagem pesaria sem eles";
        title: "What if", "E se";
        nothing: "Tick files and folders in the tree, layers in their list, or causes on the Waste tab. Here stands what the image would weigh without them, before anyone builds it again.", "Marque arquivos e pastas na árvore, camadas na lista ou causas na aba Desperdício. Aqui aparece quanto a imagem pesaria sem eles, antes de alguém construí-la de novo.";
        sizes: "{0} → {1}", "{0} → {1}";
        less: "{0} less ({1}\u{a0}%)", "{0} a menos ({1}\u{a0}%)";
        at_rest: "At rest about {0} → {1}", "Guardada, cerca de {0} → {1}";
        note: "Every copy in every layer is left out, with its header in the tar. A rebuild saves at least this much; what an instruction does beside these files is not known.", "Toda cópia em toda camada fica de fora, com seu cabeçalho no tar. Uma reconstrução economiza pelo menos isto; o que uma instrução faz além destes arquivos não se sabe.";
        parts: "What is left out", "O que fica de fora";
        by_layer: "The layers without it", "As camadas sem isso";
        leave_out: "Leave {0} out", "Deixar {0} de fora";
        leave_in: "Put {0} back", "Devolver {0}";
        within: "Left out with a folder above it", "Fica de fora com uma pasta acima";
        waste: "waste: {0}", "desperdício: {0}";
        no_entries: "nothing that is not counted already", "nada que já não esteja contado";
        untick_all: "Put all back", "Devolver tudo";
        counting: "Counting …", "Contando …";
        failed: "It can't be counted: {0}", "Não foi possível contar: {0}";
        full: "No more than {0} can be ticked: tick a folder that holds several.", "Não dá para marcar mais de {0}: marque uma pasta que contenha vários.";
        apply: "Apply to the Dockerfile", "Aplicar ao Dockerfile";
        take_back: "Take back", "Desfazer";
        applied: "Applied in the editor", "Aplicado no editor";
        in_the_way: "It changes lines that an applied patch changes: take that one back, or build with it first.", "Muda linhas que um patch aplicado já muda: desfaça aquele, ou construa com ele antes.";
        patched: "The Dockerfile with {0}", "O Dockerfile com {0}";
        patches: "patch|patches", "patch|patches";
        patched_note: "It stands in the inspector's editor. Build it and look at the image again: it should be about {0} smaller.", "Está no editor do inspetor. Construa e olhe a imagem de novo: ela deve ficar cerca de {0} menor.";
        take_all_back: "Take all back", "Desfazer tudo";
        save: "Save the Dockerfile", "Salvar o Dockerfile";
    }
}
