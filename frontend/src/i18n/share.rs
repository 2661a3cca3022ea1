//! Shared links: the list, the preview before one is made.

super::texts! {
    /// Shared links.
    ShareTexts {
        title: "Shared links", "Links compartilhados";
        note: "A link opens an image's layer breakdown without an account: sizes, names and instructions, never file content or values.", "Um link mostra, sem exigir conta, as camadas de uma imagem: tamanhos, nomes e instruções, nunca conteúdo de arquivos nem valores.";
        empty_title: "Nothing is shared", "Nada está compartilhado";
        empty_body: "Share an image and its link stands here, to be copied or withdrawn.", "Compartilhe uma imagem e o link aparece aqui, para copiar ou retirar.";
        empty_action: "Go to the images", "Ir para as imagens";
        open: "Open", "Abrir";
        withdraw: "Withdraw", "Retirar";
        withdraw_title: "Withdraw the link of {0}?", "Retirar o link de {0}?";
        withdraw_body: "Whoever opens it from now on finds nothing.", "Quem abrir a partir de agora não encontra nada.";
        dialog_title: "Share {0}", "Compartilhar {0}";
        preview: "This is all that the link will show", "Isto é tudo que o link vai mostrar";
        preview_loading: "Preparing the preview…", "Preparando a prévia…";
        include_run: "Show the text of RUN instructions", "Mostrar o texto das instruções RUN";
        include_run_note: "Read it first: commands can hold secrets.", "Leia antes: comandos podem conter segredos.";
        create: "Make the link", "Criar o link";
        creating: "Making the link…", "Criando o link…";
        ready: "Anyone with this link can open it, without an account, until you withdraw it.", "Qualquer pessoa com este link pode abri-lo, sem conta, até você retirá-lo.";
        ready_local: "The link is made, but it opens on this machine only: its address is this machine's own.", "O link está pronto, mas só abre nesta máquina: o endereço é o dela mesma.";
        local_hint: "For others to open it, start the server with --share-listen ADDRESS:PORT and make the link again; or save the report as a file and send that.", "Para que outros abram, inicie o servidor com --share-listen ENDEREÇO:PORTA e crie o link de novo; ou salve o relatório como arquivo e envie.";
        save: "Save as a file", "Salvar como arquivo";
        changed: "The image is another since this preview, and nothing was shared. What is there now is shown above: look at it, then make the link.", "A imagem mudou depois desta prévia, e nada foi compartilhado. O que há agora está acima: confira e crie o link.";
    }
}
