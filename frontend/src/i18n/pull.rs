//! Pulling an image: its form, its layers on their way, and how it ends.

super::texts! {
    /// Pulling an image.
    PullTexts {
        title: "Pull an image", "Baixar uma imagem";
        reference_hint: "such as node:20 or registry.example/team/app", "como node:20 ou registry.example/equipe/app";
        asked_for: "Will ask for {0}", "Vai pedir {0}";
        reference_missing: "expected an image's name, such as node:20", "esperava-se o nome de uma imagem, como node:20";
        reference_bad: "That is not an image's name: {0}", "Isso não é um nome de imagem: {0}";
        submit: "Pull", "Baixar";
        not_connected: "The server is not connected.", "O servidor não está conectado.";
        stop: "Stop the pull", "Parar o download";
        asking: "Asking the registry for {0}", "Pedindo {0} ao registro";
        moving: "Pulling {0}: {1}", "Baixando {0}: {1}";
        layers_of: "{0} of {1}", "{0} de {1}";
        bytes_of: "{0} of {1}", "{0} de {1}";
        all_layers: "All layers", "Todas as camadas";
        layer: "Layer {0}", "Camada {0}";
        layer_waiting: "waiting", "esperando";
        layer_exists: "already here", "já está aqui";
        layer_transferring: "pulling", "baixando";
        layer_verifying: "comparing its digest", "comparando o digest";
        layer_unpacking: "unpacking", "descompactando";
        layer_compressing: "compressing", "comprimindo";
        layer_done: "done", "pronta";
        layer_retrying: "trying again", "tentando de novo";
        layer_stopped: "not here yet", "ainda não está aqui";
        retry: "{0}. Try {1} follows in {2}.", "{0}. A tentativa {1} vem em {2}.";
        done: "{0} is here", "{0} está aqui";
        unchanged: "{0} was here already, and is as the registry has it", "{0} já estava aqui, e está igual à do registro";
        stopped: "The pull was stopped", "O download foi interrompido";
        failed: "{0} could not be pulled", "Não foi possível baixar {0}";
        lost: "The connection was lost, and the pull with it", "A conexão caiu, e o download com ela";
        again: "Pull again", "Baixar de novo";
        hide: "Hide", "Ocultar";
        new: "just pulled", "recém-baixada";
        base: "Base {0}: {1}", "Base {0}: {1}";
        base_done: "Base {0}: pulled", "Base {0}: baixada";
        base_unchanged: "Base {0}: as the registry has it", "Base {0}: igual à do registro";
        base_asking: "Base {0}: asking the registry", "Base {0}: perguntando ao registro";
        base_stopped: "Base {0}: not pulled", "Base {0}: não baixada";
    }
}
