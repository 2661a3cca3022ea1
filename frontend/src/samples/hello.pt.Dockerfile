# syntax=docker/dockerfile:1

# A primeira construção com o Estiva. Não precisa de rede: a base é feita com o busybox desta máquina,
#
#     estiva base busybox
#     estiva build -t hello examples/hello
#     estiva run --rm hello
#
# Leia ao lado da visão de camadas da página: cada instrução abaixo que muda arquivos é uma camada lá.


# Um ARG antes do primeiro FROM pode ser usado nas linhas FROM: estiva build --build-arg BASE=outra ...
ARG BASE=busybox:latest


# ---- Estágio 1: "workshop" prepara arquivos. Nada dele vai na imagem final além do que o estágio 2 copia. ----
FROM ${BASE} AS workshop

# WORKDIR cria a pasta e é o lugar de tudo que vem depois: uma camada com duas pastas.
WORKDIR /workshop/parts

# Várias origens precisam de uma pasta como destino, escrita com '/' no fim. `notes.md` fica ao lado delas e seria
# copiado por `COPY . ./`, se o .dockerignore não o deixasse de fora.
COPY greet.sh harbour.txt ./

# Um ARG dentro de um estágio é uma variável do RUN, e parte da chave do cache: --build-arg WHO=você executa este passo
# de novo. O valor vai para o arquivo, mas nunca para o histórico da imagem.
ARG WHO="whoever reads this"
RUN echo "Hello, ${WHO}!" > greeting.txt \
    && chmod 0755 greet.sh \
    # Um arquivo grande que fica aqui: a imagem final não o tem, então ele não custa nada.
    && dd if=/dev/zero of=shavings.bin bs=1024 count=2048 2>/dev/null


# ---- Estágio 2: a imagem que recebe o nome. ----
FROM ${BASE}

# Configuração, sem camada. Rótulos podem ser pesquisados; o ambiente é o que o programa vê.
LABEL org.opencontainers.image.title="hello" \
      org.opencontainers.image.description="Estiva's first example"
ENV GREETING_FILE=/app/greeting.txt \
    PAUSE_SECONDS=1

WORKDIR /app

# Só o necessário vem da oficina. Construído de novo com o mesmo conteúdo, este passo é CACHED, mesmo onde a oficina foi
# refeita: a chave são os arquivos, e não como foram feitos.
COPY --from=workshop --chmod=0755 /workshop/parts/greet.sh ./
COPY --from=workshop /workshop/parts/greeting.txt /workshop/parts/harbour.txt ./

# ---- Desperdício, de propósito, para o inspetor encontrar. ----
# 256 KiB de log e 128 KiB de rascunho: uma camada de 384 KiB.
RUN mkdir work \
    && dd if=/dev/urandom of=work/build.log bs=1024 count=256 2>/dev/null \
    && dd if=/dev/urandom of=work/draft.bin bs=1024 count=128 2>/dev/null
# Apagar um arquivo em uma camada posterior o esconde (um "whiteout") e não libera nada: 256 KiB vão na imagem sem poder
# ser vistos.
RUN rm work/build.log
# Escrever um arquivo de novo mantém a cópia antiga embaixo: mais 128 KiB.
RUN echo "the final version" > work/draft.bin
# O remédio é criar e apagar em um só RUN; ou, como acima, em um estágio que não vai na imagem.

# Um grupo e um usuário novos: o programa não precisa dos direitos de root.
RUN echo 'sailor:x:1000:' >> /etc/group \
    && echo 'sailor:x:1000:1000:A sailor:/app:/bin/sh' >> /etc/passwd
USER sailor

# Para pessoas e ferramentas lerem; não abre nada. Este exemplo não escuta em lugar nenhum e roda com --network none.
EXPOSE 8080/tcp

# A forma com colchetes executa o próprio programa, e não um shell, para que ele receba o sinal do `estiva stop`.
CMD ["/app/greet.sh"]
