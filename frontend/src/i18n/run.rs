//! The dialog that makes a container: its fields, its groups, and what is wrong with what was typed.

super::texts! {
    /// The dialog that makes a container.
    RunTexts {
        title: "Run {0}", "Executar {0}";
        note: "A container is a process with its own view of the machine (namespaces) and a share of it (cgroups).", "Um contêiner é um processo com sua própria visão da máquina (namespaces) e uma parte dela (cgroups).";
        name: "Name", "Nome";
        name_hint: "chosen for you if empty", "se vazio, é escolhido para você";
        args: "Command", "Comando";
        args_hint: "replaces the image's CMD if not empty", "se preenchido, substitui o CMD da imagem";
        network: "Network", "Rede";
        network_and_ports: "Network and ports", "Rede e portas";
        network_bridge: "bridge: an address of its own", "bridge: um endereço próprio";
        network_none: "none: loopback only", "nenhuma: só loopback";
        network_host: "host: shares this machine's network", "host: usa a rede desta máquina";
        ports: "Ports", "Portas";
        ports_note: "Publish a port of the container on this machine. An empty host port: a free one is chosen.", "Publique uma porta do contêiner nesta máquina. Com a porta do host vazia, uma livre é escolhida.";
        ports_of_host: "The container has this machine's network: what it opens is open here, and nothing needs to be published.", "O contêiner usa a rede desta máquina: o que ele abre fica aberto aqui, e nada precisa ser publicado.";
        ports_of_none: "Nothing reaches the container from outside, so there is no port to publish.", "Nada chega ao contêiner de fora, então não há porta para publicar.";
        port_host: "Host port", "Porta do host";
        port_free: "a free one", "uma livre";
        port_container: "Container port", "Porta do contêiner";
        port_protocol: "Protocol", "Protocolo";
        port_add: "Add a port", "Adicionar uma porta";
        port_remove: "Remove port {0}", "Remover a porta {0}";
        exposed: "The image exposes:", "A imagem expõe:";
        exposed_add: "Publish {0}", "Publicar {0}";
        ports_local: "Only this machine can reach them (127.0.0.1)", "Só esta máquina pode acessá-las (127.0.0.1)";
        group_environment: "Environment", "Ambiente";
        group_environment_note: "variables for its programs", "variáveis para os programas";
        variables: "variable|variables", "variável|variáveis";
        variable_name: "Name", "Nome";
        variable_value: "Value", "Valor";
        variable_add: "Add a variable", "Adicionar uma variável";
        variable_remove: "Remove variable {0}", "Remover a variável {0}";
        variables_hint: "Several lines of NAME=value can be pasted into a name.", "Várias linhas NOME=valor podem ser coladas em um nome.";
        group_mounts: "Mounts", "Montagens";
        group_mounts_note: "volumes, host folders, memory", "volumes, pastas do host, memória";
        mounts: "mount|mounts", "montagem|montagens";
        mount_kind: "Kind", "Tipo";
        kind_volume: "volume", "volume";
        kind_bind: "host path", "caminho do host";
        kind_tmpfs: "memory", "memória";
        mount_volume: "Volume's name", "Nome do volume";
        mount_volume_hint: "empty: a new one", "vazio: um novo";
        mount_source: "Path on the host", "Caminho no host";
        mount_size: "Size", "Tamanho";
        mount_size_hint: "such as 64m", "como 64m";
        mount_target: "Path in the container", "Caminho no contêiner";
        mount_read_only: "read-only", "só leitura";
        mount_add: "Add a mount", "Adicionar uma montagem";
        mount_remove: "Remove mount {0}", "Remover a montagem {0}";
        mounts_hint: "A volume stays when the container goes. A host path must exist. Memory is gone with the container.", "Um volume fica quando o contêiner some. Um caminho do host precisa existir. A memória se perde com o contêiner.";
        group_limits: "Limits", "Limites";
        group_limits_note: "memory, CPU, processes", "memória, CPU, processos";
        memory: "Memory", "Memória";
        memory_hint: "such as 64m; none if empty", "como 64m; se vazio, sem limite";
        cpus: "CPUs", "CPUs";
        cpus_hint: "such as 0.5", "como 0,5";
        pids: "Processes", "Processos";
        pids_hint: "such as 64", "como 64";
        group_isolation: "Files and certificates", "Arquivos e certificados";
        group_isolation_note: "read-only root, trust", "raiz só leitura, confiança";
        read_only: "Read-only root: only mounts can be written", "Raiz só leitura: só as montagens podem ser escritas";
        trust: "Trust this host's certificates", "Confiar nos certificados deste host";
        trust_short: "host's certificates", "certificados do host";
        trust_hint: "For networks whose proxy re-signs TLS. They are mounted, never part of the image.", "Para redes cujo proxy reassina o TLS. São montados, e nunca entram na imagem.";
        terminal: "Terminal (-it): a shell can be typed into", "Terminal (-it): dá para digitar em um shell";
        remove: "Remove it when it ends", "Remover quando terminar";
        submit: "Run", "Executar";
        starting: "Starting…", "Iniciando…";
        fix: "Some fields are not right yet; they are marked.", "Alguns campos ainda não estão certos; eles estão marcados.";
        error_name: "expected letters, digits, _ . and -, beginning with a letter or digit, but found: {0}", "esperavam-se letras, dígitos, _ . e -, começando por letra ou dígito, mas veio: {0}";
        error_name_short: "expected two characters at least", "esperavam-se pelo menos dois caracteres";
        error_args: "expected a closing quote, but the command ends without it", "esperavam-se aspas de fechamento, mas o comando termina sem elas";
        error_memory: "expected a size such as 64m or 1g, but found: {0}", "esperava-se um tamanho como 64m ou 1g, mas veio: {0}";
        error_cpus: "expected a number above 0 such as 0.5, but found: {0}", "esperava-se um número acima de 0 como 0,5, mas veio: {0}";
        error_pids: "expected a whole number above 0, but found: {0}", "esperava-se um número inteiro acima de 0, mas veio: {0}";
        error_variable: "expected NAME=value, but found: {0}", "esperava-se NOME=valor, mas veio: {0}";
        error_variable_missing: "expected a name for this value", "esperava-se um nome para este valor";
        error_variable_name: "expected a name without =, but found: {0}", "esperava-se um nome sem =, mas veio: {0}";
        error_variable_twice: "expected each variable once, but this one stands above too: {0}", "esperava-se cada variável uma vez, mas esta já está acima: {0}";
        error_port: "expected a number from 1 to 65535, but found: {0}", "esperava-se um número de 1 a 65535, mas veio: {0}";
        error_port_missing: "expected the port in the container too", "esperava-se também a porta no contêiner";
        error_port_twice: "expected a host port of its own, but a row above has it: {0}", "esperava-se uma porta do host só dela, mas uma linha acima já a usa: {0}";
        error_path: "expected a path that begins with / and has no .., but found: {0}", "esperava-se um caminho que começa com / e não tem .., mas veio: {0}";
        error_source_missing: "expected a path on the host", "esperava-se um caminho no host";
        error_volume: "expected a name of letters, digits, _ . and -, but found: {0}", "esperava-se um nome com letras, dígitos, _ . e -, mas veio: {0}";
        error_target: "expected a path below / in the container, such as /data, but found: {0}", "esperava-se um caminho abaixo de / no contêiner, como /data, mas veio: {0}";
        error_target_missing: "expected a path in the container, such as /data", "esperava-se um caminho no contêiner, como /data";
        error_target_twice: "expected a path of its own, but a row above has it: {0}", "esperava-se um caminho só dela, mas uma linha acima já o usa: {0}";
    }
}

use super::fill;
use crate::state::forms::Problem;

impl RunTexts {
    /// What a field's problem is called.
    pub fn problem(&self, problem: &Problem) -> String {
        let (sentence, text) = match problem {
            Problem::Name(text) => (self.error_name, text.as_str()),
            Problem::NameShort => (self.error_name_short, ""),
            Problem::Args => (self.error_args, ""),
            Problem::Memory(text) => (self.error_memory, text.as_str()),
            Problem::Cpus(text) => (self.error_cpus, text.as_str()),
            Problem::Pids(text) => (self.error_pids, text.as_str()),
            Problem::Variable(text) => (self.error_variable, text.as_str()),
            Problem::VariableMissing => (self.error_variable_missing, ""),
            Problem::VariableName(text) => (self.error_variable_name, text.as_str()),
            Problem::VariableTwice(text) => (self.error_variable_twice, text.as_str()),
            Problem::Port(text) => (self.error_port, text.as_str()),
            Problem::PortMissing => (self.error_port_missing, ""),
            Problem::PortTwice(text) => (self.error_port_twice, text.as_str()),
            Problem::Path(text) => (self.error_path, text.as_str()),
            Problem::SourceMissing => (self.error_source_missing, ""),
            Problem::Volume(text) => (self.error_volume, text.as_str()),
            Problem::Target(text) => (self.error_target, text.as_str()),
            Problem::TargetMissing => (self.error_target_missing, ""),
            Problem::TargetTwice(text) => (self.error_target_twice, text.as_str()),
        };
        fill(sentence, &[text])
    }
}
