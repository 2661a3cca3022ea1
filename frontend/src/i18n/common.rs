//! Words that stand on several pages, and the page's frame: navigation, connection, theme.

super::texts! {
    /// Words that stand on several pages, and the page's frame.
    CommonTexts {
        tagline: "from Dockerfile to container, every step in sight", "do Dockerfile ao contêiner, cada passo à vista";
        nav_label: "Main", "Principal";
        nav_inspect: "Inspect", "Inspecionar";
        nav_images: "Images", "Imagens";
        nav_build: "Build", "Construir";
        nav_containers: "Containers", "Contêineres";
        nav_share: "Share", "Links";
        skip: "Skip to the content", "Ir para o conteúdo";
        language_switch: "Mudar para português", "Switch to English";
        theme_auto: "Theme: same as the system", "Tema: o do sistema";
        theme_light: "Theme: light", "Tema: claro";
        theme_dark: "Theme: dark", "Tema: escuro";
        state_connected: "Connected", "Conectado";
        state_connecting: "Connecting", "Conectando";
        state_reconnecting: "Reconnecting", "Reconectando";
        state_offline: "Browser only", "Só no navegador";
        state_refused: "Refused", "Recusado";
        banner_lost: "The connection to the server is lost. What you see may be old; trying again by itself.", "A conexão com o servidor caiu. O que você vê pode estar antigo; tentando de novo automaticamente.";
        banner_attempt: "Attempt {0}", "Tentativa {0}";
        banner_refused: "The server no longer accepts this page: {0}.", "O servidor não aceita mais esta página: {0}.";
        banner_refused_hint: "Run estiva dashboard in a terminal and open the address that it prints.", "Execute estiva dashboard em um terminal e abra o endereço que ele mostra.";
        try_now: "Try now", "Tentar agora";
        gate_title: "This page needs your own server", "Esta página precisa de um servidor seu";
        gate_body: "Images, builds, containers and links live on a machine that you own. Ask it for an address with a one-time code:", "Imagens, construções, contêineres e links ficam em uma máquina sua. Peça a ela um endereço com um código de uso único:";
        gate_after: "Open the address it prints. The code is traded for a key that stays in this tab and nowhere else.", "Abra o endereço exibido. O código é trocado por uma chave que fica só nesta aba.";
        gate_inspect: "The inspector works without a server", "O inspetor funciona sem servidor";
        gate_connecting: "Trading the code for a key…", "Trocando o código por uma chave…";
        gate_code_refused: "The code of this address did not work: {0}.", "O código deste endereço não funcionou: {0}.";
        gate_code_again: "It works once, in one tab. For another, run:", "Ele vale uma vez, em uma aba. Para outro, execute:";
        loading: "Loading…", "Carregando…";
        retry: "Try again", "Tentar de novo";
        failed: "That did not work", "Isso não funcionou";
        cancel: "Cancel", "Cancelar";
        close: "Close", "Fechar";
        copy: "Copy", "Copiar";
        copied: "Copied", "Copiado";
        remove: "Remove", "Remover";
        hint: "Hint: {0}", "Dica: {0}";
        not_found_title: "No page has this address", "Nenhuma página tem este endereço";
        not_found_body: "Perhaps the link is old. The navigation above leads to all there is.", "Talvez o link seja antigo. A navegação acima leva a tudo que existe.";
        layers: "layer|layers", "camada|camadas";
        files: "file|files", "arquivo|arquivos";
        entries: "entry|entries", "entrada|entradas";
        lines_dropped: "older line is not kept here|older lines are not kept here", "linha mais antiga não fica guardada aqui|linhas mais antigas não ficam guardadas aqui";
        log_follow: "To the end", "Ir para o fim";
    }
}
