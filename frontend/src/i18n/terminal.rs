//! Terminals: a container's own, and shells in it.

super::texts! {
    /// Terminals.
    TerminalTexts {
        tab: "Terminal", "Terminal";
        views: "What the container shows", "O que o contêiner mostra";
        which: "Which terminal", "Qual terminal";
        own: "Its own", "O próprio";
        shell: "Shell {0}", "Shell {0}";
        open_shell: "Open a shell", "Abrir um shell";
        another_shell: "Another shell", "Outro shell";
        shell_hint: "A further process in the container: bash where there is one, else sh", "Mais um processo no contêiner: bash se houver, senão sh";
        end_shell: "End this shell", "Encerrar este shell";
        end_shell_hint: "Ends the shell and what runs in it", "Encerra o shell e o que roda nele";
        none_title: "Look inside", "Veja por dentro";
        none_body: "A shell here is a further process in the same namespaces: it sees the container's files, processes and network. It goes on when this page is closed, for an hour.", "Um shell aqui é mais um processo nos mesmos namespaces: vê os arquivos, os processos e a rede do contêiner. Ele continua quando esta página é fechada, por uma hora.";
        not_running: "It is not running, so there is nothing to type into.", "Ele não está rodando, então não há onde digitar.";
        label: "Terminal of {0}", "Terminal de {0}";
        attaching: "attaching…", "conectando…";
        live: "connected", "conectado";
        shown: "connected; it was started without a standard input", "conectado; foi iniciado sem entrada padrão";
        adrift: "the connection is lost; it goes on in the container", "a conexão caiu; ele continua no contêiner";
        ended: "ended with status {0}", "terminou com o código {0}";
        failed: "can't be attached to", "não pode ser conectado";
        leave: "F6 leaves the terminal", "F6 sai do terminal";
    }
}
