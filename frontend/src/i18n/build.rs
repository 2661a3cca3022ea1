//! Builds: the context, the options, the live list of steps.

super::texts! {
    /// Builds.
    BuildTexts {
        title: "Build", "Construir";
        note: "Each instruction is a step; a step that changes files becomes a layer. A step that ran before with the same input comes from the cache.", "Cada instrução é um passo; um passo que muda arquivos vira uma camada. Um passo que já rodou com a mesma entrada vem do cache.";
        context: "Context", "Contexto";
        context_note: "The files that COPY can take. What .dockerignore leaves out is not sent.", "Os arquivos que o COPY pode pegar. O que o .dockerignore exclui não é enviado.";
        context_tabs: "Where the files come from", "De onde vêm os arquivos";
        context_folder: "A folder of mine", "Uma pasta minha";
        context_server: "On the server", "No servidor";
        context_none: "No files", "Sem arquivos";
        context_none_note: "COPY from the context finds nothing.", "COPY do contexto não encontra nada.";
        drop_folder: "Drop a folder here", "Solte uma pasta aqui";
        choose_folder: "Choose a folder", "Escolher uma pasta";
        reading_folder: "Reading the folder…", "Lendo a pasta…";
        chosen: "{0}: {1}, {2}", "{0}: {1}, {2}";
        left_out: "item left out by .dockerignore|items left out by .dockerignore", "item deixado de fora pelo .dockerignore|itens deixados de fora pelo .dockerignore";
        too_many: "expected at most {0} files, but the folder has more", "esperavam-se no máximo {0} arquivos, mas a pasta tem mais";
        ignore_mistake: "{0}, line {1}: {2}. Nothing was taken: what this pattern was to leave out would have been sent.", "{0}, linha {1}: {2}. Nada foi pego: o que este padrão deixaria de fora seria enviado.";
        folder_unreadable: "The browser can't read this folder, or it has no files.", "O navegador não consegue ler esta pasta, ou ela não tem arquivos.";
        folder_other: "Another folder", "Outra pasta";
        server_up: "Up", "Acima";
        server_here: "Use this folder", "Usar esta pasta";
        server_picked: "Context: {0}", "Contexto: {0}";
        server_root: "the context root", "a raiz de contextos";
        server_none: "The server was started without --context-root.", "O servidor foi iniciado sem --context-root.";
        dockerfile: "Dockerfile", "Dockerfile";
        dockerfile_from_folder: "From the folder; edits here are used and not saved.", "Da pasta; edições feitas aqui são usadas e não são salvas.";
        dockerfile_on_server: "Empty: the Dockerfile of the context is used.", "Vazio: o Dockerfile do contexto é usado.";
        options: "Options", "Opções";
        tag: "Name", "Nome";
        tag_hint: "NAME or NAME:TAG", "NOME ou NOME:TAG";
        target: "Target stage", "Estágio-alvo";
        target_last: "the last one", "o último";
        build_args: "Build arguments", "Argumentos de construção";
        build_args_hint: "NAME=value, one a line", "NOME=valor, um por linha";
        no_cache: "Do not use the cache", "Não usar o cache";
        network: "Network of RUN", "Rede do RUN";
        pull: "Ask the registry for newer bases", "Procurar bases mais novas no registro";
        trust: "Trust this host's certificates in RUN; the image keeps nothing of them", "Confiar nos certificados deste host no RUN; a imagem não guarda nada deles";
        submit: "Build", "Construir";
        stop: "Stop the build", "Parar a construção";
        steps: "Steps", "Passos";
        status_idle: "Nothing built yet", "Nada construído ainda";
        status_idle_note: "The steps appear here as they run.", "Os passos aparecem aqui enquanto rodam.";
        status_packing: "Packing the context", "Empacotando o contexto";
        status_uploading: "Sending the context", "Enviando o contexto";
        status_starting: "Asking the server", "Pedindo ao servidor";
        status_pulling: "Pulling the bases that FROM names", "Baixando as bases que o FROM usa";
        status_running: "Building: step {0} of {1}", "Construindo: passo {0} de {1}";
        status_done: "Built in {0}", "Construído em {0}";
        status_failed: "The build failed", "A construção falhou";
        status_cancelled: "The build was stopped", "A construção foi interrompida";
        status_lost: "The connection was lost, and the build ended with it", "A conexão caiu, e a construção terminou com ela";
        step_waiting: "waiting", "esperando";
        step_running: "running", "rodando";
        step_done: "done", "feito";
        step_cached: "CACHED", "CACHED";
        step_failed: "failed", "falhou";
        step_stopped: "stopped", "interrompido";
        step_output: "Output", "Saída";
        failed_at_line: "Go to line {0}", "Ir para a linha {0}";
        exit_code: "exit status {0}", "código de saída {0}";
        result_size: "{0} in {1}", "{0} em {1}";
        target_unknown: "{0} (not in this Dockerfile)", "{0} (não está neste Dockerfile)";
        target_hint: "a stage's name; the last one if empty", "o nome de um estágio; se vazio, o último";
        build_args_error: "expected NAME=value in each line", "esperava-se NOME=valor em cada linha";
        why_not_connected: "The server is not connected.", "O servidor não está conectado.";
        why_nothing: "Choose where the files come from, or write a Dockerfile.", "Escolha de onde vêm os arquivos, ou escreva um Dockerfile.";
        failed_in: "In {0}, line {1}", "Em {0}, linha {1}";
        progress: "Progress of the build", "Progresso da construção";
    }
}
