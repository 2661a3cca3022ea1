//! The path from a Dockerfile to a container, for somebody who sees the page for the first time.

super::texts! {
    /// The path from a Dockerfile to a container.
    StartTexts {
        title: "From a Dockerfile to a running container", "De um Dockerfile a um contêiner rodando";
        write_title: "Write a Dockerfile", "Escreva um Dockerfile";
        write_body: "A recipe in plain text: what to begin from, which files to take, what to run.", "Uma receita em texto puro: de onde partir, quais arquivos levar, o que executar.";
        write_where: "Begin in the editor below", "Comece no editor abaixo";
        build_title: "Build an image", "Construa uma imagem";
        build_body: "Each instruction is a step, and a step that changes files leaves a layer. The image is the stack of them; it never changes.", "Cada instrução é um passo, e um passo que muda arquivos deixa uma camada. A imagem é a pilha delas; ela nunca muda.";
        run_title: "Run a container", "Execute um contêiner";
        run_body: "A process that sees the image as its own machine, within the limits you set. What it writes goes on a layer of its own.", "Um processo que vê a imagem como sua própria máquina, nos limites que você define. O que ele escreve vai para uma camada só dele.";
        word_from: "the image to begin from", "a imagem de onde partir";
        word_workdir: "the folder to work in from here on", "a pasta de trabalho daí em diante";
        word_copy: "takes your files into the image", "leva arquivos seus para a imagem";
        word_run: "runs a command while building", "executa um comando durante a construção";
        word_expose: "notes a port; it opens nothing", "anota uma porta; não abre nada";
        word_cmd: "what a container of it runs", "o que um contêiner dela executa";
    }
}
