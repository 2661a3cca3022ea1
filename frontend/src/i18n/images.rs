//! The store's images, and the dialogs that start from one: share, remove, free space.

super::texts! {
    /// The store's images, and the dialogs that start from one.
    ImageTexts {
        title: "Images", "Imagens";
        note: "What this server has in its store. An image does nothing until a container is made from it.", "O que este servidor tem guardado. Uma imagem não faz nada até que um contêiner seja criado a partir dela.";
        column_image: "Image", "Imagem";
        column_size: "Size", "Tamanho";
        column_layers: "Layers", "Camadas";
        column_created: "Added", "Adicionada";
        column_actions: "Actions", "Ações";
        unnamed: "no name", "sem nome";
        containers: "container|containers", "contêiner|contêineres";
        inspect: "Inspect", "Inspecionar";
        run: "Run", "Executar";
        share: "Share", "Compartilhar";
        load: "Load an image (tar)", "Carregar uma imagem (tar)";
        loading_archive: "Sending {0} to the server", "Enviando {0} ao servidor";
        base: "Make a busybox base", "Criar uma base busybox";
        base_making: "Making the base…", "Criando a base…";
        empty_title: "The hold is empty", "O porão está vazio";
        empty_body: "FROM needs something to stand on. Pull an image, make a small base from this host's own busybox, load an archive, or build from scratch.", "FROM precisa de algo em que se apoiar. Baixe uma imagem, crie uma base pequena com o busybox deste host, carregue um arquivo, ou construa a partir de scratch.";
        remove_title: "Remove {0}?", "Remover {0}?";
        remove_body: "Its name goes, and its layers too where no other image uses them.", "O nome some, e as camadas também, se nenhuma outra imagem as usa.";
        back: "All images", "Todas as imagens";
        analysing: "The server is reading the layers…", "O servidor está lendo as camadas…";
        prune: "Free space", "Liberar espaço";
        prune_title: "Free the space that nobody needs?", "Liberar o espaço de que ninguém precisa?";
        prune_body: "All cached build steps go, and the layers that no image has. Images and containers keep all that they have; the next build makes its other steps again.", "Todos os passos de construção em cache somem, e as camadas que nenhuma imagem tem. Imagens e contêineres mantêm tudo o que têm; a próxima construção refaz os outros passos.";
        prune_action: "Free space", "Liberar espaço";
        prune_busy: "Freeing…", "Liberando…";
        pruned: "Freed {0}: {1}.", "Liberados {0}: {1}.";
        pruned_nothing: "There was nothing to free.", "Não havia nada para liberar.";
        prune_postponed: "A build or a transfer is under way; the space is freed when it ends.", "Uma construção ou transferência está em andamento; o espaço é liberado quando ela terminar.";
    }
}
